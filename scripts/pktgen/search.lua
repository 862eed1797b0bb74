-- SPDX-License-Identifier: BSD-3-Clause
-- RFC 2544, 26.1: the highest rate at which no more is lost than allowed, by halving.

local settings = require("settings")
local traffic = require("traffic")

local function verdict(trial)
	if trial.loss > settings.loss then
		return "failed"
	end
	return trial.reached and "passed" or "the port did not reach the rate"
end

-- The best trial, or nil when none passed.
return function(bytes)
	local low, high, next_rate, best = 0, settings.highest, settings.highest, nil

	while high - low > settings.resolution do
		local trial = traffic.trial(bytes, next_rate)
		local word = verdict(trial)

		print(string.format("  %8.3f %% of the link: %12d sent, %12d lost, %s", next_rate, trial.sent, trial.lost, word))
		if word == "passed" then
			low, best = next_rate, trial
			if next_rate >= high then
				break
			end
		else
			high = next_rate
		end
		next_rate = (low + high) / 2
	end
	return best
end
