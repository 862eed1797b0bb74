-- SPDX-License-Identifier: BSD-3-Clause
-- Latency at shares of the throughput, in the manner of RFC 2544 26.2. Needs MODE=through: the time stamp is in
-- the packet, and leaves a gateway encrypted. See README.md.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path

local settings = require("settings")
local traffic = require("traffic")
local search = require("search")

local function read_latency()
	local at = {}

	for port = 0, 1 do
		at[port] = pktgen.pktStats(tostring(port))[port].latency
	end
	return at
end

local function measure(bytes, throughput, share)
	local trial = traffic.trial(bytes, throughput * share / 100, read_latency)

	for port = 0, 1 do
		local l = trial.during[port]
		print(string.format("%6d %5d %% %9d pps  to port %d: %8d stamped  min %9.2f  max %9.2f us  lost %d",
			bytes, share, trial.pps, port, l.num_pkts, l.min_us, l.max_us, trial.lost))
	end
end

local function main()
	if settings.mode ~= "through" then
		error("MODE must be through", 0)
	end
	traffic.set_up()
	for _, bytes in ipairs(settings.sizes) do
		local throughput = settings.throughput

		if throughput == 0 then
			print(string.format("looking for the throughput at %d bytes of IPv4", bytes))
			local best = search(bytes)
			throughput = best and best.per_cent or error("no rate passes", 0)
		end
		pktgen.latency("all", "on")
		for _, share in ipairs(settings.rates) do
			measure(bytes, throughput, share)
		end
		pktgen.latency("all", "off")
	end
	print("latency: done")
end

local good, message = pcall(main)
if not good then
	print("latency: " .. tostring(message))
end
pktgen.quit()
