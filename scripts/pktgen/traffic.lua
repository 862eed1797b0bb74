-- SPDX-License-Identifier: BSD-3-Clause
-- Sends what the settings say, and counts what arrives.

local settings = require("settings")
local traffic = {}

local FRAME_EXTRA = 18 -- Ethernet's header and FCS, which Pktgen's sizes include
local WIRE_EXTRA = 20  -- preamble and gap, which count for the link's rate
local OFFERED_MIN = 0.98

local function address_plus(address, n)
	local a, b, c, d = address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	local value = ((a * 256 + b) * 256 + c) * 256 + d + n
	return string.format("%d.%d.%d.%d", value // 16777216 % 256, value // 65536 % 256, value // 256 % 256, value % 256)
end

-- A field of a range: from first to last in steps.
local function range(set, port, first, last, step)
	set(port, "start", first)
	set(port, "min", first)
	set(port, "max", last)
	set(port, "inc", step)
end

-- One destination address and source port after the other, so that the gateway has flows to spread.
local function set_up_port(number)
	local port = tostring(number)
	local from, to = settings.from[number], settings.to[number]
	local last = settings.flows - 1

	pktgen.set_mac(port, "dst", settings.gateway_mac[number])
	pktgen.set_ipaddr(port, "src", from .. "/32")
	pktgen.set_ipaddr(port, "dst", to)
	pktgen.set_type(port, "ipv4")
	pktgen.set_proto(port, "udp")
	pktgen.set(port, "count", 0)
	pktgen.range.dst_mac(port, "start", settings.gateway_mac[number])
	range(pktgen.range.src_ip, port, from, from, "0.0.0.0")
	range(pktgen.range.dst_ip, port, to, address_plus(to, last), "0.0.0.1")
	range(pktgen.range.src_port, port, 1024, 1024 + last, 1)
	range(pktgen.range.dst_port, port, 2048, 2048, 0)
	range(pktgen.range.ttl, port, 64, 64, 0)
	pktgen.range.ip_proto(port, "udp")
	pktgen.set_range(port, "on")
end

-- What `-s PORT:FILE` has given: the file's own packets, round and round.
local function set_up_replay(number)
	pktgen.pcap(tostring(number), "on")
end

function traffic.set_up()
	pktgen.screen("off")
	for _, port in ipairs(settings.senders) do
		if settings.mode == "in" then
			set_up_replay(port)
		else
			set_up_port(port)
		end
	end
end

local function set_size(bytes)
	for _, number in ipairs(settings.senders) do
		local port = tostring(number)
		pktgen.set(port, "size", bytes + FRAME_EXTRA)
		range(pktgen.range.pkt_size, port, bytes + FRAME_EXTRA, bytes + FRAME_EXTRA, 0)
	end
end

-- Packets per second that a share of a port's link is, or nil where frames have many sizes.
local function wanted_pps(number, bytes, per_cent)
	local mbps = tonumber(pktgen.linkState(tostring(number))[number]:match("%-(%d+)%-"))
	if mbps == nil or bytes == nil then
		return nil
	end
	return mbps * 1e6 * per_cent / 100 / ((bytes + FRAME_EXTRA + WIRE_EXTRA) * 8)
end

-- `bytes` of IPv4 (nil: as the capture file has them) at `per_cent` of the link, both ways where both
-- ports send. `during` is called in the middle.
function traffic.trial(bytes, per_cent, during)
	local result = { bytes = bytes, per_cent = per_cent, sent = 0, received = 0, reached = true }

	if bytes ~= nil then
		set_size(bytes)
	end
	-- Also of a port that does not send: Pktgen paces all ports of an lcore by the first one.
	pktgen.set("all", "rate", per_cent)
	pktgen.clr()
	for _, port in ipairs(settings.senders) do
		pktgen.start(tostring(port))
	end
	pktgen.delay(math.floor(settings.seconds * 500))
	if during ~= nil then
		result.during = during()
	end
	pktgen.delay(math.floor(settings.seconds * 500))
	pktgen.stop("all")
	pktgen.delay(math.floor(settings.settle * 1000))

	for _, port in ipairs(settings.senders) do
		local sent = pktgen.portStats(tostring(port), "port")[port].opackets
		local wanted = wanted_pps(port, bytes, per_cent)

		result.sent = result.sent + sent
		result.received = result.received + pktgen.portStats(tostring(1 - port), "port")[1 - port].ipackets
		if wanted ~= nil and sent / settings.seconds < OFFERED_MIN * wanted then
			result.reached = false
		end
	end
	result.pps = result.sent / settings.seconds
	result.lost = math.max(result.sent - result.received, 0)
	result.loss = result.sent > 0 and result.lost / result.sent or 1
	return result
end

return traffic
