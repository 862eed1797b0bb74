-- SPDX-License-Identifier: BSD-3-Clause
-- Throughput of an IPsec gateway as RFC 2544 defines it, by packet size. See README.md.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path

local settings = require("settings")
local traffic = require("traffic")
local search = require("search")

local function main()
	local file = settings.csv and assert(io.open(settings.csv, "w"))
	local sizes = settings.mode == "in" and { false } or settings.sizes
	local lines = {}

	traffic.set_up()
	for _, bytes in ipairs(sizes) do
		local name = bytes and string.format("%d", bytes) or "capture"

		print(string.format("%s: %s bytes of IPv4", settings.mode, name))
		local best = search(bytes or nil)
		local pps = best and best.pps or 0
		lines[#lines + 1] = string.format("%-8s %10s %14.0f %12.3f", settings.mode, name, pps, best and best.per_cent or 0)
		if file then
			file:write(string.format("%s,%s,%.0f\n", settings.mode, name, pps))
		end
	end
	if file then
		file:close()
	end
	print(string.format("%-8s %10s %14s %12s", "mode", "IPv4", "packets/s", "% of link"))
	print(table.concat(lines, "\n"))
	print("rfc2544: done")
end

local good, message = pcall(main)
if not good then
	print("rfc2544: " .. tostring(message))
end
pktgen.quit()
