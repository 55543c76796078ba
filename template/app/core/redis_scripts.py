"""What Redis does to a queue in one step."""

# Put a message into its list, and tell one worker that waits for any. Where none waits, as for the answers to remote
# control, what would tell it goes away by itself.
PUT = """
redis.call('LPUSH', KEYS[1], ARGV[1])
if redis.call('LLEN', KEYS[2]) < 100 then redis.call('LPUSH', KEYS[2], '') end
redis.call('EXPIRE', KEYS[2], 60)
"""

# Take a message from the first list that has one and note in the same step, as kombu does, that it is handed out: so
# none is lost with the connection on which it was to come, or with the process that was to read it. Whoever asks again
# under the same tag, for the answer was lost, gets the same message.
TAKE = """
local noted = redis.call('HGET', KEYS[1], ARGV[1])
if noted then
  local message, queue = string.match(noted, '^%[(.*),"","([^"]*)"%]$')
  return {queue, message}
end
for number = 3, #KEYS do
  local message = redis.call('RPOP', KEYS[number])
  if message then
    local queue, now = ARGV[number - 1], redis.call('TIME')
    redis.call('HSET', KEYS[1], ARGV[1], '[' .. message .. ',"","' .. queue .. '"]')
    redis.call('ZADD', KEYS[2], now[1] + now[2] / 1e6, ARGV[1])
    return {queue, message}
  end
end
return false
"""
