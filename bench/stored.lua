-- What wrk asks the stored APIs, each time with the next key and the next order.
--
-- wrk -s bench/stored.lua URL -- KEYS_FILE ORDERS_FILE
--
-- Both files have one a line. An order is a path, which is read, or a path, a space and the JSON
-- that is posted to it. The last line printed is JSON.

local function lines(path)
  local all = {}
  for line in io.lines(path) do
    all[#all + 1] = line
  end
  return all
end

function init(args)
  keys, orders, sent = lines(args[1]), lines(args[2]), 0
  for number, order in ipairs(orders) do
    local path, body = order:match("^(%S+) ?(.*)$")
    local method = body == "" and "GET " or "POST "
    local head = method .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
    if body ~= "" then
      head = head .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n"
    end
    orders[number] = { head .. "Authorization: Bearer ", "\r\n\r\n" .. body }
  end
end

function request()
  sent = sent + 1
  local order = orders[sent % #orders + 1]
  return order[1] .. keys[sent % #keys + 1] .. order[2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"wrong":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout
  ))
end
