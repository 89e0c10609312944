-- What wrk sends: one POST after the other, each from another client and, where a file of payments
-- is given, each with a payment of its own.
--
-- wrk -s bench/load.lua URL -- BODY_FILE STATUS PAYMENTS_FILE
--
-- STATUS is what every answer must have; with 200 wrk's own count of statuses over 399 tells, so
-- that large bodies need not be copied into Lua. PAYMENTS_FILE has a header value a line; "" means
-- none. The last line printed is JSON.

local CLIENTS = 10000
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

function init(args)
  sent, wrong, spent = 0, 0, 0
  local body = args[1] == "" and "" or content(args[1])
  head = table.concat({
    "POST " .. wrk.path .. " HTTP/1.1",
    "Host: " .. wrk.host .. ":" .. wrk.port,
    "Content-Type: application/json",
    "Content-Length: " .. #body,
    "X-Forwarded-For: 10.1.",
  }, "\r\n")
  tail = "\r\n\r\n" .. body
  expected = tonumber(args[2])
  if expected ~= 200 then
    response = function(status)
      if status ~= expected then
        wrong = wrong + 1
      end
    end
  end
  if args[3] and args[3] ~= "" then
    payments = {}
    for line in io.lines(args[3]) do
      payments[#payments + 1] = "\r\nPAYMENT-SIGNATURE: " .. line
    end
  end
end

function request()
  sent = sent + 1
  local client = sent % CLIENTS
  local address = math.floor(client / 200) .. "." .. client % 200
  if not payments then
    return head .. address .. tail
  end
  if sent > #payments then
    spent = 1
    wrk.thread:stop()
    return head .. address .. tail
  end
  return head .. address .. payments[sent] .. tail
end

function done(summary, latency)
  local errors = summary.errors
  local odd, out = 0, 0
  for _, thread in ipairs(threads) do
    odd = odd + thread:get("wrong")
    out = out + thread:get("spent")
    if thread:get("expected") == 200 then
      odd = odd + errors.status
    end
  end
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"bytes":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,'
      .. '"socket_errors":%d,"wrong_answers":%d,"payments_ran_out":%s}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, odd,
    tostring(out > 0)
  ))
end
