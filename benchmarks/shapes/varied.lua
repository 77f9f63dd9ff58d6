-- A head whose path id, cookie and user agent differ each time: wrk -s varied.lua URL -- HEAD.txt
-- 20,000 different heads, more than any sensible memory of heads holds, are built before the clock starts.

local tally = require "tally"

local VARIANTS = 20000
local heads, turn = {}, 0

function init(args)
  local text, front = tally.read(args[1]), wrk.path:gsub("%d+$", "")
  for i = 1, VARIANTS do
    local major = 110 + i % 30
    heads[i] = tally.fill(text, {
      path = front .. tostring(100000 + i * 7),
      major = tostring(major),
      version = string.format("%d.0.%d.%d", major, 5000 + math.floor(i / 30), i % 211),
      session = string.format("%08x%08x%08x%08x", i * 40503, i * 30011 + 977, i * 20011 + 13, i * 104729),
    })
  end
end

function request()
  turn = turn % VARIANTS + 1
  return heads[turn]
end
