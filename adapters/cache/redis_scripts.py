"""What Redis runs for us. Each script is one atomic step and one round trip; keys come in KEYS, so that they are seen.

Times are microseconds since the epoch by Redis's clock, exact in Lua's doubles until the year 2255.
"""

from typing import Final

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
"""

ADMIT: Final = (
    _NOW
    + """
-- ARGV: count or only look, number of rates, then limit and period of each. KEYS: the rates', then maybe a session's.
-- Returns the session's state (or false), then for each rate: what is left, when all is free, the wait or -1.
local rates = tonumber(ARGV[2])
local answer = {KEYS[rates + 1] and redis.call('GET', KEYS[rates + 1]) or false}
local free, refused = {}, false
for n = 1, rates do
  local limit, period = tonumber(ARGV[2 * n + 1]), tonumber(ARGV[2 * n + 2])
  local interval = period / limit
  local free_at = math.max(tonumber(redis.call('GET', KEYS[n]) or now) or now, now)
  local after = free_at + interval
  local wait, left = after - now - period, 0
  if wait > 1 then
    refused = true
    free[n] = free_at
  else
    wait = -1
    left = math.min(math.max(0, math.floor((period - (after - now)) / interval + 0.000001)), limit - 1)
    free[n] = after
  end
  answer[3 * n - 1] = left
  answer[3 * n] = math.ceil(free[n])
  answer[3 * n + 1] = math.ceil(wait)
end
if ARGV[1] == '1' and not refused then
  for n = 1, rates do
    redis.call('SET', KEYS[n], string.format('%.2f', free[n]), 'PX', math.ceil((free[n] - now) / 1000) + 1)
  end
end
return answer
"""
)

SET_SESSIONS: Final = """
-- ARGV: state and milliseconds to live, for each key. What is revoked stays so.
for n, key in ipairs(KEYS) do
  local state = ARGV[2 * n - 1]
  local known = redis.call('GET', key)
  if not (known and known:sub(1, 1) == '1' and state:sub(1, 1) ~= '1') then
    redis.call('SET', key, state, 'PX', ARGV[2 * n])
  end
end
"""

FAILURES: Final = (
    _NOW
    + """
-- Returns for each key: how many, and microseconds since the last.
local answer = {}
for n, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 'count', 'last')
  answer[2 * n - 1] = tonumber(found[1] or 0)
  answer[2 * n] = found[2] and now - found[2] or 0
end
return answer
"""
)

ADD_FAILURE: Final = (
    _NOW
    + """
-- ARGV: milliseconds to live after the last. Returns the new counts.
local answer = {}
for n, key in ipairs(KEYS) do
  answer[n] = redis.call('HINCRBY', key, 'count', 1)
  redis.call('HSET', key, 'last', string.format('%.0f', now))
  redis.call('PEXPIRE', key, ARGV[1])
end
return answer
"""
)
