-- What every shape shares: the head as wrk shall send it, and the result as one line of JSON.
-- A head is a file of lines with {places}; the address given to wrk says its path.

local tally = {}

-- The values a head has when nothing varies; verify.py sends the same ones.
tally.still = { major = "138", version = "138.0.0.0", session = "5f0c9a7be2d14c3fa6b80d7e91c42a33" }

function tally.read(name)
  local file = assert(io.open(name, "r"))
  local text = file:read("*a"):gsub("\n", "\r\n")
  file:close()
  return text
end

function tally.fill(text, values)
  return (text:gsub("{(%w+)}", values))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'TALLY {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "p999": %d, "worst": %d, '
      .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end

return tally
