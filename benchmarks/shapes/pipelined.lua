-- 16 times the same head in one piece: wrk -s pipelined.lua URL -- HEAD.txt

local tally = require "tally"

function init(args)
  local values = tally.still
  values.path = wrk.path
  local heads = tally.fill(tally.read(args[1]), values):rep(16)
  wrk.format = function() return heads end
end
