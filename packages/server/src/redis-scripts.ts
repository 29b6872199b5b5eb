/** What Redis does in one step for redis-rooms.ts and buckets.ts. */

/**
 * KEYS: room. ARGV: version that was read ("" for none), new version, new state, life in ms (0: until
 * changed), publication, instance id, n, n names that must hear, m, m names that have members after.
 * Returns 1, or 0 if the room was changed in the meantime.
 */
export const CHANGE_SCRIPT = `
local current = redis.call('HGET', KEYS[1], 'version') or ''
if current ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
local at = 7
local listeners = tonumber(ARGV[at])
for i = at + 1, at + listeners do
  redis.call('SREM', 'beeline:process:' .. ARGV[i] .. ':rooms', ARGV[6])
end
local from = at + listeners + 1
local time = redis.call('TIME')
for i = from + 1, from + tonumber(ARGV[from]) do
  redis.call('SADD', 'beeline:process:' .. ARGV[i] .. ':rooms', ARGV[6])
  -- One that was taken for dead and only slow is to be missed again.
  redis.call('ZADD', 'beeline:processes', 'NX', time[1] * 1000, ARGV[i])
end
for i = at + 1, at + listeners do
  redis.call('PUBLISH', 'beeline:process:' .. ARGV[i], ARGV[5])
end
return 1`;

/** KEYS: processes. ARGV: own name, ms. A sign of life; returns who gave none for that long. */
export const DEAD_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])`;

/**
 * KEYS: processes, the rooms of one. ARGV: its name. Takes it out of the list unless it is a member of a
 * room, which it may have entered since somebody looked; names are random, so a state that has one as a
 * text has it as a member's.
 */
export const UNLIST_SCRIPT = `
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local state = redis.call('HGET', 'beeline:room:' .. id, 'state')
  if not (state and string.find(state, ARGV[1], 1, true)) then redis.call('SREM', KEYS[2], id) end
end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end`;

/** In Redis' time, so that the processes' clocks do not matter. */
const READ_BUCKET = `
local capacity, rate, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local elapsed = math.max(0, now - (tonumber(kept[2]) or now))
local tokens = math.min(capacity, (tonumber(kept[1]) or capacity) + elapsed / 1000 * rate)`;

/** A full bucket is as good as none, and goes. */
const WRITE_BUCKET = `
tokens = math.min(capacity, tokens - cost)
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', (capacity - tokens) / rate * 1000 + 1000))`;

/**
 * KEYS: a token bucket. ARGV: capacity, tokens regained per second, cost (below 0: given back).
 * Returns 1, or 0 if there were too few.
 */
export const TAKE_SCRIPT = `${READ_BUCKET}
if tokens < cost then return 0 end${WRITE_BUCKET}
return 1`;

/** The same, even if there are too few. Returns what is left, as text, because Redis cuts numbers. */
export const CHARGE_SCRIPT = `${READ_BUCKET}${WRITE_BUCKET}
return string.format('%.6f', tokens)`;
