-- The same head each time: wrk -s fixed.lua URL -- HEAD.txt
-- It replaces wrk.format and defines no `request`, so wrk builds the head once and never calls Lua while it runs.

local tally = require "tally"

function init(args)
  local values = tally.still
  values.path = wrk.path
  local head = tally.fill(tally.read(args[1]), values)
  wrk.format = function() return head end
end
