-- Requests from a list, one after the other: wrk -s listed.lua URL -- HEAD.txt LIST
-- Each line of LIST is a path, a tab and a value, which is a form or what else {value} stands for in the head. All
-- requests are built before the clock starts.

local tally = require "tally"

local requests, turn = {}, 0

function init(args)
  local text, front = tally.read(args[1]), wrk.path:gsub("/$", "")
  local values = tally.still
  for line in io.lines(args[2]) do
    local path, value = line:match("^([^\t]*)\t(.*)$")
    values.path, values.value, values.length = front .. path, value, tostring(#value)
    requests[#requests + 1] = tally.fill(text, values)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
