-- What wrk asks the stored APIs: one GET after the other, each with the next key and the next path.
--
-- wrk -s bench/stored.lua URL -- KEYS_FILE PATHS_FILE
--
-- Both files have one a line. The last line printed is JSON.

local function lines(path)
  local all = {}
  for line in io.lines(path) do
    all[#all + 1] = line
  end
  return all
end

function init(args)
  keys, paths, sent = lines(args[1]), lines(args[2]), 0
  host = "Host: " .. wrk.host .. ":" .. wrk.port
end

function request()
  sent = sent + 1
  local key, path = keys[sent % #keys + 1], paths[sent % #paths + 1]
  return "GET " .. path .. " HTTP/1.1\r\n" .. host .. "\r\nAuthorization: Bearer " .. key .. "\r\n\r\n"
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
