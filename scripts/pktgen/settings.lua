-- SPDX-License-Identifier: BSD-3-Clause
-- What a run does, from environment variables: Pktgen gives a script no arguments of its own.

local function text(name, default)
	local value = os.getenv(name)
	return value ~= nil and value ~= "" and value or default
end

local function number(name, default)
	local value = text(name, nil)
	if value == nil then
		return default
	end
	return tonumber(value) or error(name .. " takes a number, not '" .. value .. "'", 0)
end

local function list(name, default)
	local values = {}
	for word in text(name, default):gmatch("%S+") do
		values[#values + 1] = tonumber(word) or error(name .. " takes numbers, not '" .. word .. "'", 0)
	end
	return values
end

local settings = {
	-- out: plain from port 0, ESP counted at port 1
	-- in: ESP out of a capture file from port 1, plain counted at port 0
	-- through: plain from both ports, through two gateways back to back
	mode = text("MODE", "out"),
	sizes = list("SIZES", "64 256 512 1420"), -- bytes of IPv4, without Ethernet
	seconds = number("SECONDS", 10),          -- of each trial
	settle = number("SETTLE", 2.5),           -- for the last packets to arrive, and in the statistics
	loss = number("LOSS", 0),                 -- accepted share of what was sent
	highest = number("HIGHEST", 100),         -- per cent of the link, where the search begins
	resolution = number("RESOLUTION", 0.1),   -- and how finely it ends
	rates = list("RATES", "10 50 90"),        -- latency.lua: per cent of the throughput
	throughput = number("THROUGHPUT", 0),     -- latency.lua: per cent of the link; 0: search for it
	flows = number("FLOWS", 250),             -- addresses at the remote end, and as many ports
	csv = text("CSV", nil),                   -- a file for the figures

	-- By port: the gateway's MAC, our first address, and the first one that we send to.
	gateway_mac = { [0] = text("GATEWAY_MAC0", "02:00:00:00:00:01"), [1] = text("GATEWAY_MAC1", "02:00:00:00:00:01") },
	from = { [0] = text("FROM0", "10.0.0.1"), [1] = text("FROM1", "192.168.0.1") },
	to = { [0] = text("TO0", "192.168.0.1"), [1] = text("TO1", "10.0.0.1") },
}

local senders = { out = { 0 }, ["in"] = { 1 }, through = { 0, 1 } }
settings.senders = senders[settings.mode] or error("MODE is out, in or through, not '" .. settings.mode .. "'", 0)
if settings.flows < 1 or settings.flows > 60000 then
	error("FLOWS is from 1 to 60000", 0)
end
return settings
