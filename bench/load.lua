-- What wrk sends: one request after the other, each from another client, each paid one with a payment
-- of its own, and each keyed one with the next key.
--
-- wrk -s bench/load.lua URL -- PER_SECOND STATUSES PAYMENTS_FILE KEYS_FILE TURN…
--
-- PER_SECOND paces the requests; 0 means as fast as they are answered. STATUSES are what answers may
-- have, such as 402 or 200,402. For 200 alone wrk's own count of statuses over 399 tells, so that
-- large bodies need not be copied into Lua. Both files have a header value a line. The TURNs are
-- taken in turn: "paid", "keyed" or "unpaid", a colon, and a file with the request, to whose head the
-- client and the payment or key are added. The last line printed is JSON.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } instant; int clock_gettime(int, instant *);")

local CLIENTS = 10000
local CATCH_UP_SECONDS = 1
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function header_lines(name, file)
  local all = {}
  for line in io.lines(file) do
    all[#all + 1] = "\r\n" .. name .. line
  end
  return all
end

local clock = ffi.new("instant")
local function now()
  ffi.C.clock_gettime(1, clock)
  return tonumber(clock.seconds) + tonumber(clock.nanoseconds) / 1e9
end

local function paced(per_second)
  local due = now()
  return function()
    local at = now()
    due = math.max(due + 1 / per_second, at - CATCH_UP_SECONDS)
    return math.max(0, math.floor((due - at) * 1000 + 0.5))
  end
end

function init(args)
  sent, paid, wrong, spent, answers_200, answers_402 = 0, 0, 0, 0, 0, 0
  if tonumber(args[1]) > 0 then
    delay = paced(tonumber(args[1]))
  end
  only_200 = args[2] == "200"
  if not only_200 then
    local allowed = {}
    for status in args[2]:gmatch("%d+") do
      allowed[tonumber(status)] = true
    end
    response = function(status)
      if not allowed[status] then
        wrong = wrong + 1
      elseif status == 200 then
        answers_200 = answers_200 + 1
      else
        answers_402 = answers_402 + 1
      end
    end
  end
  payments = header_lines("PAYMENT-SIGNATURE: ", args[3])
  keys = header_lines("Authorization: Bearer ", args[4])
  turns = {}
  for index = 5, #args do
    local kind, file = args[index]:match("(%a+):(.*)")
    local text = content(file)
    local ended = text:find("\r\n\r\n", 1, true)
    turns[#turns + 1] = {
      kind = kind,
      head = text:sub(1, ended - 1) .. "\r\nX-Forwarded-For: 10.1.",
      tail = text:sub(ended),
    }
  end
end

function request()
  sent = sent + 1
  local turn = turns[(sent - 1) % #turns + 1]
  local client = sent % CLIENTS
  local address = math.floor(client / 200) .. "." .. client % 200
  if turn.kind == "unpaid" then
    return turn.head .. address .. turn.tail
  elseif turn.kind == "keyed" then
    return turn.head .. address .. keys[sent % #keys + 1] .. turn.tail
  end
  paid = paid + 1
  if paid > #payments then
    spent = 1
    wrk.thread:stop()
    return turn.head .. address .. turn.tail
  end
  return turn.head .. address .. payments[paid] .. turn.tail
end

function done(summary, latency)
  local errors = summary.errors
  local totals = { wrong = 0, spent = 0, answers_200 = 0, answers_402 = 0 }
  for _, thread in ipairs(threads) do
    for name, total in pairs(totals) do
      totals[name] = total + thread:get(name)
    end
    if thread:get("only_200") then
      totals.wrong = totals.wrong + errors.status
      totals.answers_200 = totals.answers_200 + summary.requests - errors.status
    end
  end
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"answers_200":%d,'
      .. '"answers_402":%d,"socket_errors":%d,"wrong_answers":%d,"payments_ran_out":%s}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    totals.answers_200, totals.answers_402,
    errors.connect + errors.read + errors.write + errors.timeout,
    totals.wrong, tostring(totals.spent > 0)
  ))
end
