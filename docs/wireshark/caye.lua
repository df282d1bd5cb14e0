-- Wireshark dissector of the Caye radio protocol, version 2. Layouts: docs/protocol.md, section 4.
--
-- Captures with link type 147 (LINKTYPE_USER0), as `caye sim --trace FILE.pcap` writes them: each packet is one payload.
-- From another dissector: Dissector.get("caye"):call(payload_tvb, pinfo, tree).
-- Install: copy this file into Wireshark's folder of personal Lua plugins, or tshark -X lua_script:caye.lua -r FILE.pcap.
--
-- It is total: whatever the bytes, it raises no error. A payload that a node would refuse is marked caye.malformed with the
-- same reason. Wireshark 4.0 or later; only arithmetic, so that every version of Lua that Wireshark has can run it.

local caye = Proto("caye", "Caye radio protocol")

local MAX_MESSAGE_BYTES = 231
local MARK = 0xd
local SLOT_BYTES = 16
local SIGNATURE_BYTES = 64
local MAX_SEQUENCE = 0xffffffff
local LISTENERS = { 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96 }

local NAMES = {
  [0] = "reserved", "BEACON", "UPDATE", "REPAIR", "WANT", "PULL", "GET", "CODED", "ALERT", "ALERTS", "SEEN",
  "FORK", "PROBE", "SEALED", "PROOF", "TRUST",
}

-- Fields ---------------------------------------------------------------------------------------------------------------

local F = {}

local function field(make, name, title, ...)
  F[name] = make("caye." .. name, title, ...)
end

field(ProtoField.uint8, "mark", "Mark of version 2", base.HEX, nil, 0xf0)
field(ProtoField.uint8, "number", "Message", base.DEC, NAMES, 0x0f)

field(ProtoField.uint24, "holdings.base", "Base (tag)", base.HEX)
field(ProtoField.bool, "holdings.partial", "Partial: asks for those named only")
field(ProtoField.uint32, "holdings.rows.number", "Author's number in the base")
field(ProtoField.uint32, "holdings.rows.delta", "Entries beyond the base (delta)")
field(ProtoField.uint32, "holdings.rows.slots", "Slots of the stream")
-- In hex, as a text: it begins within a byte.
field(ProtoField.string, "holdings.strangers.author", "Author id (beginning)")
field(ProtoField.uint32, "holdings.strangers.from", "Entries before the stream (from)")
field(ProtoField.uint32, "holdings.strangers.delta", "Entries of the stream (delta)")
field(ProtoField.uint32, "holdings.strangers.slots", "Slots of the stream")

field(ProtoField.bytes, "beacon.sender", "Sender (beginning of its author id)")

field(ProtoField.bytes, "update.author", "Author id (beginning)")
field(ProtoField.uint32, "update.from", "Entries before the stream (from)")
field(ProtoField.uint32, "update.delta", "Entries of the stream (delta)")
field(ProtoField.uint8, "update.known", "Other authors of whom the sender has news")
field(ProtoField.uint32, "update.slots", "Slots of the stream")
field(ProtoField.uint32, "update.slot", "First slot that is here")
field(ProtoField.bytes, "update.bytes", "Stream, or a piece of it")
field(ProtoField.bytes, "update.entry", "Entry")
field(ProtoField.bytes, "update.signature", "Signature over the log's head (Ed25519)")

field(ProtoField.uint16, "repair.seed", "Seed of the coefficients", base.DEC_HEX)
field(ProtoField.uint32, "repair.left", "Packets to follow")
field(ProtoField.bytes, "repair.coded", "Coded slots")
field(ProtoField.bytes, "repair.slot", "Coded slot")

field(ProtoField.uint16, "want.re", "Re (seed, or two bytes of a hash)", base.DEC_HEX)
field(ProtoField.uint16, "want.slots", "Slots asked for", base.DEC, nil, 0xffc0)
field(ProtoField.uint16, "want.tries", "Tries in vain", base.DEC, nil, 0x003f)

field(ProtoField.bool, "pull.partial", "Partial: not all is named", 8, nil, 0x80)
field(ProtoField.uint8, "pull.base_count", "Bases", base.DEC, nil, 0x70)
field(ProtoField.uint8, "pull.tries", "Tries in vain", base.DEC, nil, 0x0f)
field(ProtoField.uint24, "pull.bases", "Base (tag)", base.HEX)
field(ProtoField.bytes, "pull.vector.author", "Author id (beginning)")
field(ProtoField.uint32, "pull.vector.count", "Entries held")

field(ProtoField.string, "get.target.kind", "Target")
field(ProtoField.string, "get.amount.kind", "Amount")
field(ProtoField.uint8, "get.amount.loss_sixteenths", "Part of the packets that is lost, in sixteenths")
field(ProtoField.uint8, "get.amount.listeners", "Listeners (index)")
field(ProtoField.uint8, "get.amount.symbols", "Symbols asked for")
field(ProtoField.bytes, "get.target.prefix", "Beginning of the block's SHA-256")
field(ProtoField.bytes, "get.target.author", "Author id (beginning)")
field(ProtoField.uint32, "get.target.seq", "Number of the entry")
field(ProtoField.bytes, "get.target.packed", "Name, packed")

field(ProtoField.bytes, "coded.prefix", "Beginning of the block's SHA-256")
field(ProtoField.uint32, "coded.stream_bytes", "Length of the stream")
field(ProtoField.uint8, "coded.check", "First byte of the packed stream's SHA-256", base.HEX)
field(ProtoField.uint8, "coded.index", "Index of the symbol")
field(ProtoField.uint8, "coded.left", "Symbols to follow")
field(ProtoField.bytes, "coded.symbol", "Symbol")
field(ProtoField.uint32, "coded.k", "Symbols that give the block back (k)")

field(ProtoField.uint32, "alert.number", "Number of the alert")
field(ProtoField.bytes, "alert.public_key", "Author's public key (Ed25519)")
field(ProtoField.bytes, "alert.author", "Author id")
field(ProtoField.bytes, "alert.signature", "Signature (Ed25519)")
field(ProtoField.bytes, "alert.body", "Body")

field(ProtoField.uint16, "alerts.salt", "Salt", base.DEC_HEX)
field(ProtoField.uint24, "alerts.tags", "Tag of an alert", base.HEX)

field(ProtoField.bytes, "seen.alert", "Beginning of the alert's digest")
field(ProtoField.uint24, "seen.read", "Node where it was read", base.HEX)
field(ProtoField.uint24, "seen.held", "Node that holds it", base.HEX)

field(ProtoField.uint8, "fork.piece", "Piece, from 0", base.DEC, nil, 0xf0)
field(ProtoField.uint8, "fork.pieces", "Pieces of the proof")
field(ProtoField.bytes, "fork.author", "Author id")
field(ProtoField.bytes, "fork.body", "Proof, or a piece of it")

field(ProtoField.bytes, "probe.target", "Author id of who is asked")
field(ProtoField.bytes, "probe.nonce", "Nonce")
field(ProtoField.uint8, "probe.pcrs", "Register (PCR)")
field(ProtoField.uint16, "probe.expected", "Tag of what the asker expects", base.DEC_HEX)

field(ProtoField.uint8, "proof.piece", "Piece, from 0", base.DEC, nil, 0xf0)
field(ProtoField.uint8, "proof.pieces", "Pieces of the answer")
field(ProtoField.bytes, "proof.author", "Author id (beginning)")
field(ProtoField.uint16, "proof.re", "Re (first two bytes of the nonce)", base.DEC_HEX)
field(ProtoField.bytes, "proof.body", "Compact quote, or a piece of it")

field(ProtoField.string, "trust.kind", "Kind")
field(ProtoField.uint8, "trust.reason", "Reason")
field(ProtoField.bytes, "trust.author", "Author id")
field(ProtoField.uint32, "trust.number", "Number")
field(ProtoField.uint32, "trust.at_s", "Unix time in s; 0: not known")
field(ProtoField.bytes, "trust.subject", "Author id of whom it is about")
field(ProtoField.bytes, "trust.signature", "Signature (Ed25519)")

field(ProtoField.uint32, "sealed.slot", "Key slot")
field(ProtoField.uint32, "sealed.counter", "Counter")
field(ProtoField.bytes, "sealed.box", "Sealed message and tag")

local malformed = ProtoExpert.new("caye.malformed", "Refused", expert.group.MALFORMED, expert.severity.ERROR)
local unassigned = ProtoExpert.new("caye.unassigned", "Message number not assigned", expert.group.UNDECODED, expert.severity.NOTE)

-- Reading --------------------------------------------------------------------------------------------------------------

-- From front to back. The first failure stands; from then on numbers are 0, slices nothing, and nothing is shown.
local Reader = {}
Reader.__index = Reader

local function reader_of(tvb)
  return setmetatable({ tvb = tvb, at = 0, length = tvb:len(), failure = nil }, Reader)
end

function Reader:fail(reason)
  self.failure = self.failure or reason
end

function Reader:remaining()
  return self.length - self.at
end

-- The next bytes as a range; nil after a failure, and for none.
function Reader:take(count)
  if self.failure then return nil end
  if count > self:remaining() then
    self:fail("truncated")
    return nil
  end
  if count <= 0 then return nil end
  local range = self.tvb(self.at, count)
  self.at = self.at + count
  return range
end

function Reader:uint(count)
  local range = self:take(count)
  if range then return range:uint(), range end
  return 0, nil
end

-- Value, and the range that it stood in.
function Reader:varint()
  local value, start = 0, self.at
  for place = 0, 4 do
    local byte = self:uint(1)
    if self.failure then return 0, nil end
    value = value + (byte % 0x80) * 2 ^ (7 * place)
    if byte < 0x80 then
      if byte == 0 and place > 0 then self:fail("varint not in its shortest form") end
      if value > MAX_SEQUENCE then self:fail("varint beyond 32 bits") end
      if self.failure then return 0, nil end
      return value, self.tvb(start, self.at - start)
    end
  end
  self:fail("varint too long")
  return 0, nil
end

local function show(tree, name, range, ...)
  if range then return tree:add(F[name], range, ...) end
end

local function show_bytes(r, tree, name, count)
  local range = r:take(count)
  show(tree, name, range)
  return range
end

local function show_uint(r, tree, name, count)
  local value, range = r:uint(count)
  show(tree, name, range)
  return value
end

local function show_varint(r, tree, name)
  local value, range = r:varint()
  show(tree, name, range, value)
  return value
end

-- Bits, most significant first.
local Bits = {}
Bits.__index = Bits

local function bits_of(r)
  return setmetatable({ r = r, byte = 0, left = 0, start = r.at }, Bits)
end

function Bits:bit()
  if self.left == 0 then
    self.byte = self.r:uint(1)
    self.left = 8
  end
  self.left = self.left - 1
  return math.floor(self.byte / 2 ^ self.left) % 2
end

-- Where the next number begins, for its range.
function Bits:mark()
  self.start = self.left == 0 and self.r.at or self.r.at - 1
end

function Bits:range()
  if self.r.failure or self.r.at <= self.start then return nil end
  return self.r.tvb(self.start, self.r.at - self.start)
end

function Bits:bits(count)
  local value = 0
  for _ = 1, count do value = 2 * value + self:bit() end
  return value
end

function Bits:gamma()
  local zeros = 0
  while self:bit() == 0 do
    if self.r.failure then return 0 end
    zeros = zeros + 1
    if zeros >= 32 then
      self.r:fail("number beyond 32 bits")
      return 0
    end
  end
  return 2 ^ zeros + self:bits(zeros)
end

function Bits:align()
  if self:bits(self.left) ~= 0 then self.r:fail("padding not zero") end
end

local function within(value, low, high)
  return value >= low and value <= high
end

local function unzigzag(code)
  if code % 2 == 0 then return code / 2 end
  return -(code + 1) / 2
end

-- Each flaw is found only when all was read: a reading that failed goes first, then bytes left over. -------------------

local Flaws = {}
Flaws.__index = Flaws

local function flaws_of()
  return setmetatable({ first = nil }, Flaws)
end

function Flaws:unless(holds, reason)
  if not holds then self.first = self.first or reason end
end

-- Holdings -------------------------------------------------------------------------------------------------------------

-- Delta and slots of a stream, shown under the fields of that name.
local function read_stream(bits, tree, name, flaws)
  bits:mark()
  local delta = bits:gamma()
  show(tree, name .. ".delta", bits:range(), delta)
  bits:mark()
  local predicted = math.min(4096, math.ceil((SIGNATURE_BYTES + delta * 25) / SLOT_BYTES))
  local slots = predicted + unzigzag(bits:gamma() - 1)
  local sound = within(delta, 1, 65535) and within(slots, 1, 4096)
  if sound then show(tree, name .. ".slots", bits:range(), slots) end
  return delta, slots, sound
end

local function read_row(bits, tree, last, flaws)
  bits:mark()
  local number = last + bits:gamma()
  if within(number, 0, MAX_SEQUENCE) then show(tree, "holdings.rows.number", bits:range(), number) end
  local _, slots, sound = read_stream(bits, tree, "holdings.rows")
  flaws:unless(within(number, last + 1, 0xffff), "author number out of range")
  flaws:unless(sound, "stream out of range")
  return number, slots
end

local function read_stranger(bits, tree, before, flaws)
  local long = bits:bits(1) == 1
  bits:mark()
  local id = {}
  for i = 1, long and 8 or 4 do id[i] = string.format("%02x", bits:bits(8)) end
  local hex = table.concat(id)
  show(tree, "holdings.strangers.author", bits:range(), hex)
  bits:mark()
  local from = bits:gamma() - 1
  if within(from, 0, MAX_SEQUENCE) then show(tree, "holdings.strangers.from", bits:range(), from) end
  local delta, slots, sound = read_stream(bits, tree, "holdings.strangers")
  flaws:unless(before < hex, "authors not in order")
  flaws:unless(sound, "stream out of range")
  flaws:unless(within(from, 0, MAX_SEQUENCE - delta), "sequence out of range")
  return hex, slots
end

-- Returns how many authors are named, and the slots of their streams.
local function read_holdings(bits, tree, flaws)
  bits:mark()
  local partial = bits:bits(1)
  show(tree, "holdings.partial", bits:range(), partial == 1)
  local rows, strangers, slots = 0, 0, 0
  -- What is too much is judged before what is wrong in it.
  local inner = flaws_of()
  local left, number = bits:gamma() - 1, -1
  while left > 0 and rows <= 512 and not bits.r.failure do
    local one
    number, one = read_row(bits, tree, number, inner)
    rows, slots, left = rows + 1, slots + one, left - 1
  end
  local before = ""
  left = bits:gamma() - 1
  while left > 0 and strangers <= 40 and not bits.r.failure do
    local one
    before, one = read_stranger(bits, tree, before, inner)
    strangers, slots, left = strangers + 1, slots + one, left - 1
  end
  flaws:unless(rows <= 512 and strangers <= 40, "too many authors")
  flaws:unless(inner.first == nil, inner.first)
  return rows + strangers, slots
end

-- Messages -------------------------------------------------------------------------------------------------------------

local MESSAGES = {}

-- BEACON
MESSAGES[1] = function(r, tree, flaws)
  show_bytes(r, tree, "beacon.sender", 4)
  show_uint(r, tree, "holdings.base", 3)
  local bits = bits_of(r)
  local authors = read_holdings(bits, tree, flaws)
  bits:align()
  return string.format("%d authors with news", authors)
end

-- The entries of a stream that is whole; nothing where they do not come out even.
local function show_stream(range, tree, delta)
  local at, length, entries = 0, range:len(), {}
  for i = 1, delta do
    local size = at < length and range(at, 1):uint() or 0
    if size == 0 or at + 1 + size > length then return end
    entries[i] = range(at + 1, size)
    at = at + 1 + size
  end
  for _, entry in ipairs(entries) do tree:add(F["update.entry"], entry) end
  if length - at == SIGNATURE_BYTES then tree:add(F["update.signature"], range(at, SIGNATURE_BYTES)) end
end

-- UPDATE
MESSAGES[2] = function(r, tree, flaws)
  show_bytes(r, tree, "update.author", 4)
  local from = show_varint(r, tree, "update.from")
  local delta = show_varint(r, tree, "update.delta")
  show_uint(r, tree, "update.known", 1)
  local said, said_range = r:varint()
  local slot, slot_range = 0, said_range
  if said ~= 0 then slot, slot_range = r:varint() end
  local size = r.failure and 0 or r:remaining()
  local here = math.ceil(size / SLOT_BYTES)
  local slots = said == 0 and here or said
  if said ~= 0 and slot == 0 and slots == here then r:fail("whole stream as a piece") end
  show(tree, "update.slots", said_range, slots)
  show(tree, "update.slot", slot_range, slot)
  local bytes = show_bytes(r, tree, "update.bytes", size)
  flaws:unless(within(delta, 1, 65535), "entries not 1 to 65535")
  flaws:unless(within(from, 0, MAX_SEQUENCE - delta), "sequence out of range")
  flaws:unless(size > 0, "empty piece")
  flaws:unless(within(slots, 1, 4096), "slots out of range")
  flaws:unless(within(slot, 0, slots - here), "piece beyond the stream")
  flaws:unless(slot + here >= slots or size % SLOT_BYTES == 0, "slots not whole")
  if bytes and slot == 0 and here == slots then show_stream(bytes, tree, delta) end
  return string.format("entries %.0f to %.0f, slots %.0f to %.0f of %.0f", from + 1, from + delta, slot, slot + here - 1, slots)
end

-- REPAIR
MESSAGES[3] = function(r, tree, flaws)
  show_uint(r, tree, "holdings.base", 3)
  show_uint(r, tree, "repair.seed", 2)
  local bits = bits_of(r)
  bits:mark()
  local left = bits:bits(6)
  show(tree, "repair.left", bits:range(), left)
  local inner = flaws_of()
  local authors, pieces = read_holdings(bits, tree, inner)
  bits:align()
  local size = r.failure and 0 or r:remaining()
  local coded = show_bytes(r, tree, "repair.coded", size)
  flaws:unless(size > 0 and size % SLOT_BYTES == 0, "coded slots not whole")
  flaws:unless(authors > 0, "slots of nothing")
  flaws:unless(inner.first == nil, inner.first)
  for at = 0, size - SLOT_BYTES, SLOT_BYTES do show(tree, "repair.slot", coded(at, SLOT_BYTES)) end
  return string.format("%d coded slots over %.0f, %d packets to follow", math.floor(size / SLOT_BYTES), pieces, left)
end

-- WANT
MESSAGES[4] = function(r, tree, flaws)
  show_uint(r, tree, "want.re", 2)
  local both, range = r:uint(2)
  show(tree, "want.slots", range)
  show(tree, "want.tries", range)
  local slots = math.floor(both / 64)
  flaws:unless(slots >= 1, "slots not 1 to 1023")
  return string.format("%d slots", slots)
end

-- PULL
MESSAGES[5] = function(r, tree, flaws)
  local head, range = r:uint(1)
  show(tree, "pull.partial", range)
  show(tree, "pull.base_count", range)
  show(tree, "pull.tries", range)
  local bases = math.floor(head / 16) % 8
  local sound = true
  for _ = 1, bases do
    local tag = show_uint(r, tree, "pull.bases", 3)
    sound = sound and tag ~= 0
  end
  local authors, before, inner = 0, "", flaws_of()
  while r:remaining() > 0 and not r.failure and authors <= 44 do
    local id = show_bytes(r, tree, "pull.vector.author", 4)
    local count = show_varint(r, tree, "pull.vector.count")
    local hex = id and tostring(id:bytes()):lower() or ""
    inner:unless(before < hex, "authors not in order")
    before, authors = hex, authors + 1
  end
  flaws:unless(bases <= 4, "too many bases")
  flaws:unless(sound, "base not 24 bits")
  flaws:unless(authors <= 44, "too many authors")
  flaws:unless(inner.first == nil, inner.first)
  return string.format("%d bases, %d authors", bases, authors)
end

local TARGETS = { [0x00] = "prefix", [0x40] = "entry", [0x80] = "name" }

-- GET
MESSAGES[6] = function(r, tree, flaws)
  local head, head_range = r:uint(1)
  local whole = head % 2 == 1
  local form = head - head % 2
  local kind = TARGETS[form]
  show(tree, "get.target.kind", kind and head_range, kind)
  show(tree, "get.amount.kind", head_range, whole and "whole" or "more")
  local amount, range = r:uint(1)
  local said
  if whole then
    local listeners = LISTENERS[amount % 16 + 1]
    show(tree, "get.amount.loss_sixteenths", range, math.floor(amount / 16))
    local item = show(tree, "get.amount.listeners", range, amount % 16)
    if item then item:append_text(string.format(": about %d", listeners)) end
    said = string.format("all, for about %d", listeners)
  else
    show(tree, "get.amount.symbols", range)
    flaws:unless(amount >= 1, "symbols not 1 to 255")
    said = string.format("%d symbols", amount)
  end
  if kind == "prefix" then
    local size = r.failure and 0 or r:remaining()
    show_bytes(r, tree, "get.target.prefix", size)
    flaws:unless(within(size, 4, 32), "prefix not 4 to 32 bytes")
  elseif kind == "entry" then
    show_bytes(r, tree, "get.target.author", 4)
    local seq = show_varint(r, tree, "get.target.seq")
    flaws:unless(seq >= 1, "sequence out of range")
  else
    if not kind then r:fail("form of a get unknown") end
    local size = r.failure and 0 or r:remaining()
    show_bytes(r, tree, "get.target.packed", size)
    flaws:unless(within(size, 1, 200), "name not 1 to 200 bytes")
  end
  return said
end

-- CODED
MESSAGES[7] = function(r, tree, flaws)
  show_bytes(r, tree, "coded.prefix", 4)
  local length, range = r:uint(2)
  if math.floor(length / 0x4000) % 2 == 1 then r:fail("unused bit of a length is set") end
  local stream = length % 0x4000 + 1
  if not r.failure then show(tree, "coded.stream_bytes", range, stream) end
  if length >= 0x8000 then show_uint(r, tree, "coded.check", 1) end
  local index = show_uint(r, tree, "coded.index", 1)
  local left = show_uint(r, tree, "coded.left", 1)
  local size = r.failure and 0 or r:remaining()
  local symbol = show_bytes(r, tree, "coded.symbol", size)
  local k = size > 0 and math.ceil(stream / size) or 0
  flaws:unless(size >= 1, "empty symbol")
  flaws:unless(size <= stream, "symbol longer than its block")
  flaws:unless(k <= 128, "more than 128 source symbols")
  local item = show(tree, "coded.k", symbol, k)
  if item then item:set_generated() end
  return string.format("symbol %d (%s of %d), %d to follow", index, index < k and "source" or "parity", k, left)
end

-- The body of an alert, as far as it is not packed (docs/protocol.md, section 4.8.1).
local STATUSES = { [0] = "Actual", "Exercise", "System", "Test" }
local TYPES = { [0] = "Alert", "Update", "Cancel" }
local CATEGORIES = {
  [0] = "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
  [15] = "several",
}
local SEVERITIES = { [0] = "Extreme", "Severe", "Moderate", "Minor", "Unknown" }
local URGENCIES = { [0] = "Immediate", "Expected", "Future", "Past", "Unknown" }
local CERTAINTIES = { [0] = "Observed", "Likely", "Possible", "Unlikely", "Unknown" }
local HAS = {
  { "expires", 0x01 }, { "effective", 0x02 }, { "onset", 0x04 }, { "references", 0x08 }, { "response types", 0x10 },
  { "shapes", 0x20 }, { "full text elsewhere", 0x40 }, { "shortened", 0x80 },
}

field(ProtoField.uint8, "notice.status", "Status", base.DEC, STATUSES, 0xc0)
field(ProtoField.uint8, "notice.type", "Type", base.DEC, TYPES, 0x30)
field(ProtoField.uint8, "notice.category", "Category", base.DEC, CATEGORIES, 0x0f)
field(ProtoField.uint8, "notice.severity", "Severity", base.DEC, SEVERITIES)
field(ProtoField.uint8, "notice.urgency", "Urgency", base.DEC, URGENCIES)
field(ProtoField.uint8, "notice.certainty", "Certainty", base.DEC, CERTAINTIES)
field(ProtoField.uint8, "notice.flags", "Has", base.HEX)
field(ProtoField.uint16, "notice.categories", "Categories (bits)", base.HEX)
field(ProtoField.absolute_time, "notice.sent", "Sent", base.UTC)
field(ProtoField.int32, "notice.expires", "Expires, seconds after sent")
field(ProtoField.int32, "notice.effective", "Effective, seconds after sent")
field(ProtoField.int32, "notice.onset", "Onset, seconds after sent")
field(ProtoField.bytes, "notice.rest", "Further parts, and texts (packed)")

local function show_notice(range, parent)
  local r = reader_of(range:tvb())
  local tree = parent:add(caye, range, "Notice")
  local _, first = r:uint(1)
  show(tree, "notice.status", first)
  show(tree, "notice.type", first)
  show(tree, "notice.category", first)
  local flags, flags_range = r:uint(1)
  local item = show(tree, "notice.flags", flags_range)
  local has = {}
  for _, one in ipairs(HAS) do
    if math.floor(flags / one[2]) % 2 == 1 then has[#has + 1] = one[1] end
  end
  if item then item:append_text(" (" .. table.concat(has, ", ") .. ")") end
  local grades, grades_range = r:uint(1)
  if grades < 125 then
    show(tree, "notice.severity", grades_range, math.floor(grades / 25))
    show(tree, "notice.urgency", grades_range, math.floor(grades / 5) % 5)
    show(tree, "notice.certainty", grades_range, grades % 5)
  end
  if first and first:uint() % 16 == 15 then show_uint(r, tree, "notice.categories", 2) end
  local sent, sent_range = r:uint(4)
  show(tree, "notice.sent", sent_range, NSTime.new(sent, 0))
  for i = 1, 3 do
    if math.floor(flags / HAS[i][2]) % 2 == 1 then
      local code, code_range = r:varint()
      local offset = unzigzag(math.floor(code / 2)) * (code % 2 == 0 and 60 or 1)
      if math.abs(offset) <= 0x3fffffff then show(tree, "notice." .. HAS[i][1], code_range, offset) end
    end
  end
  show_bytes(r, tree, "notice.rest", r:remaining())
end

-- ALERT
MESSAGES[8] = function(r, tree, flaws)
  local head, range = r:varint()
  local number = math.floor(head / 2)
  show(tree, "alert.number", range, number)
  if head % 2 == 1 then show_bytes(r, tree, "alert.public_key", 32)
  else show_bytes(r, tree, "alert.author", 8) end
  show_bytes(r, tree, "alert.signature", SIGNATURE_BYTES)
  local size = r.failure and 0 or r:remaining()
  local body = show_bytes(r, tree, "alert.body", size)
  flaws:unless(number >= 1, "alert number out of range")
  flaws:unless(within(size, 8, 157), "body not 8 to 157 bytes")
  if body and size >= 8 then show_notice(body, tree) end
  return string.format("number %.0f", number)
end

-- ALERTS
MESSAGES[9] = function(r, tree, flaws)
  show_uint(r, tree, "alerts.salt", 2)
  if r:remaining() % 3 ~= 0 then r:fail("tag not whole") end
  local tags, before, rising = 0, -1, true
  while r:remaining() > 0 and not r.failure do
    local tag = show_uint(r, tree, "alerts.tags", 3)
    rising = rising and tag > before
    before, tags = tag, tags + 1
  end
  flaws:unless(tags <= 64, "too many alerts")
  flaws:unless(rising, "tags not rising")
  return string.format("%d alerts", tags)
end

-- SEEN
MESSAGES[10] = function(r, tree, flaws)
  show_bytes(r, tree, "seen.alert", 4)
  local readers = r:uint(1)
  if r:remaining() % 3 ~= 0 then r:fail("node not whole") end
  local nodes, before, rising, twice, known = 0, -1, true, false, {}
  while r:remaining() > 0 and not r.failure do
    if nodes == readers then before = -1 end
    local node = show_uint(r, tree, nodes < readers and "seen.read" or "seen.held", 3)
    rising, twice = rising and node > before, twice or known[node]
    before, nodes, known[node] = node, nodes + 1, true
  end
  if readers > nodes then r:fail("truncated") end
  flaws:unless(within(nodes, 1, 72), "not 1 to 72 nodes")
  flaws:unless(not twice, "node named twice")
  flaws:unless(rising, "nodes not rising")
  return string.format("read at %d, held by %d more", readers, nodes - readers)
end

-- FORK
MESSAGES[11] = function(r, tree, flaws)
  local head, range = r:uint(1)
  local piece, pieces = math.floor(head / 16), head % 16 + 1
  show(tree, "fork.piece", range)
  show(tree, "fork.pieces", range, pieces)
  show_bytes(r, tree, "fork.author", 8)
  local size = r.failure and 0 or r:remaining()
  show_bytes(r, tree, "fork.body", size)
  flaws:unless(pieces <= 8 and piece < pieces, "piece out of range")
  flaws:unless(within(size, 1, 221), "body not 1 to 221 bytes")
  return string.format("piece %d of %d", piece + 1, pieces)
end

-- PROBE
MESSAGES[12] = function(r, tree, flaws)
  show_bytes(r, tree, "probe.target", 8)
  show_bytes(r, tree, "probe.nonce", 16)
  local pcrs = 0
  for byte = 0, 2 do
    local mask, range = r:uint(1)
    for bit = 0, 7 do
      if math.floor(mask / 2 ^ bit) % 2 == 1 then
        show(tree, "probe.pcrs", range, 8 * byte + bit)
        pcrs = pcrs + 1
      end
    end
  end
  if not r.failure and r:remaining() % 2 == 1 then r:fail("expectation not whole") end
  local expected = 0
  while r:remaining() > 0 and not r.failure do
    show_uint(r, tree, "probe.expected", 2)
    expected = expected + 1
  end
  flaws:unless(pcrs > 0, "no registers")
  flaws:unless(expected <= 29, "too many expectations")
  return string.format("%d registers, %d expectations", pcrs, expected)
end

-- PROOF
MESSAGES[14] = function(r, tree, flaws)
  local head, range = r:uint(1)
  local piece, pieces = math.floor(head / 16), head % 16 + 1
  show(tree, "proof.piece", range)
  show(tree, "proof.pieces", range, pieces)
  show_bytes(r, tree, "proof.author", 4)
  show_uint(r, tree, "proof.re", 2)
  local size = r.failure and 0 or r:remaining()
  show_bytes(r, tree, "proof.body", size)
  flaws:unless(pieces <= 2 and piece < pieces, "piece out of range")
  flaws:unless(within(size, 1, 223), "body not 1 to 223 bytes")
  return string.format("piece %d of %d", piece + 1, pieces)
end

-- TRUST
local TRUST_KINDS = { [0] = "attestation", "entropy", "selftest", "recovered" }

MESSAGES[15] = function(r, tree, flaws)
  local head, range = r:uint(1)
  local kind = TRUST_KINDS[math.floor(head / 2)]
  if not kind then r:fail("kind of trust unknown") end
  show(tree, "trust.kind", kind and range, kind)
  show_uint(r, tree, "trust.reason", 1)
  local author = show_bytes(r, tree, "trust.author", 8)
  local number = show_varint(r, tree, "trust.number")
  show_uint(r, tree, "trust.at_s", 4)
  local subject = head % 2 == 1 and show_bytes(r, tree, "trust.subject", 8)
  show_bytes(r, tree, "trust.signature", SIGNATURE_BYTES)
  flaws:unless(within(number, 1, 0x7fffffff), "trust number out of range")
  if subject and author then flaws:unless(subject:bytes() ~= author:bytes(), "own subject named") end
  return string.format("number %.0f: %s", number, kind or "unknown")
end

-- SEALED
MESSAGES[13] = function(r, tree, flaws)
  local head, range = r:uint(4)
  local counter = head % 0x40000000
  local slot = (head - counter) / 0x40000000
  show(tree, "sealed.slot", range, slot)
  show(tree, "sealed.counter", range, counter)
  local size = r.failure and 0 or r:remaining()
  show_bytes(r, tree, "sealed.box", size)
  flaws:unless(counter >= 1, "counter out of range")
  flaws:unless(within(size, 9, 226), "box not 9 to 226 bytes")
  return string.format("key slot %d, counter %.0f", slot, counter)
end

-- All together ---------------------------------------------------------------------------------------------------------

local function is_ours(tvb)
  return tvb:len() > 0 and math.floor(tvb(0, 1):uint() / 16) == MARK
end

function caye.dissector(tvb, pinfo, root)
  if not is_ours(tvb) then return 0 end
  local number = tvb(0, 1):uint() % 16
  pinfo.cols.protocol = "Caye"
  local tree = root:add(caye, tvb(), "Caye " .. NAMES[number])
  tree:add(F["mark"], tvb(0, 1))
  tree:add(F["number"], tvb(0, 1))
  local read = MESSAGES[number]
  local info, failure
  if tvb:len() > MAX_MESSAGE_BYTES then failure = "too long"
  elseif not read then tree:add_proto_expert_info(unassigned)
  else
    local r, flaws = reader_of(tvb), flaws_of()
    r:uint(1)
    info = read(r, tree, flaws)
    if not r.failure and r:remaining() > 0 then r:fail("trailing bytes") end
    failure = r.failure or flaws.first
  end
  if failure then tree:add_proto_expert_info(malformed, failure) end
  pinfo.cols.info = NAMES[number] .. (failure and " refused: " .. failure or info and ": " .. info or "")
  return tvb:len()
end

local fields = {}
for _, one in pairs(F) do fields[#fields + 1] = one end
caye.fields = fields
caye.experts = { malformed, unassigned }

local encapsulations = wtap_encaps or wtap
DissectorTable.get("wtap_encap"):add(encapsulations.USER0, caye)

-- A bridge may carry payloads over UDP. Many protocols begin with such a byte, so it has to be switched on.
caye.prefs.udp = Pref.bool("Look for Caye in UDP", false, "Take UDP payloads for Caye whose first byte is 0xD0 to 0xDF")
caye:register_heuristic("udp", function(tvb, pinfo, root)
  if not caye.prefs.udp or not is_ours(tvb) or tvb:len() > MAX_MESSAGE_BYTES then return false end
  caye.dissector(tvb, pinfo, root)
  return true
end)
