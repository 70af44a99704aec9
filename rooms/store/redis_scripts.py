"""What Redis does as one step. A script looks at everything before it changes anything."""

from rooms.store.redis_link import Script

# KEYS: meta heads names fences events keys feed entries
# ARGV: stream, expected version, name of the append, fence, new standing, service hash that it was made for,
#       number of keys, {owner, "new" or "same", wrapped}…, number of fields of the entry, field…,
#       number of links, {number of fields, field…}…
APPEND = Script(
    "append",
    """
local stream, expected, fence = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local meta = redis.call('HMGET', KEYS[1], 'loading', 'service_version', 'service_hash')
if meta[1] then return {'loading'} end
local head = redis.call('HGET', KEYS[2], stream)
local version, append = 0, ''
if head then
  version = tonumber(string.match(head, '^%d+'))
  append = string.match(head, '%S+$')
end
if append == ARGV[3] then return {'done'} end
if fence < tonumber(redis.call('HGET', KEYS[4], stream) or 0) then return {'fenced'} end
if version ~= expected then return {'version', version} end
local at = 8
local function take()
  at = at + 1
  return ARGV[at - 1]
end
local fresh = {}
for _ = 1, tonumber(ARGV[7]) do
  local owner, mode, wrapped = take(), take(), take()
  local held = redis.call('HGET', KEYS[6], owner)
  if mode == 'new' then
    if held then return {'changed'} end
    fresh[#fresh + 1] = {owner, wrapped}
  elseif held ~= wrapped then
    return {'changed'}
  end
end
local function fields()
  local taken = {}
  for index = 1, tonumber(take()) do taken[index] = take() end
  return taken
end
local entry = fields()
if #entry > 0 and (meta[3] or '') ~= ARGV[6] then return {'changed'} end
for _, each in ipairs(fresh) do redis.call('HSET', KEYS[6], each[1], each[2]) end
for _ = 1, tonumber(take()) do
  version = version + 1
  redis.call('XADD', KEYS[5], version .. '-0', unpack(fields()))
  local position = redis.call('HINCRBY', KEYS[1], 'position', 1)
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', 20000, position .. '-0',
    'stream', stream, 'version', version, 'fence', fence)
end
redis.call('HSET', KEYS[2], stream, ARGV[5])
if fence > 0 then redis.call('HSET', KEYS[4], stream, fence) end
if expected == 0 then redis.call('ZADD', KEYS[3], 0, stream) end
if #entry > 0 then
  local number = tonumber(meta[2] or 0) + 1
  redis.call('XADD', KEYS[8], number .. '-0', unpack(entry))
  redis.call('HSET', KEYS[1], 'service_version', number, 'service_hash', entry[#entry])
end
return {'done'}
""",
)

# KEYS: meta heads keys entries
# ARGV: stream, owner, standing and service hash that the entry was made for, field of the entry…
ERASE = Script(
    "erase",
    """
local meta = redis.call('HMGET', KEYS[1], 'loading', 'service_version', 'service_hash')
if meta[1] then return {'loading'} end
if redis.call('HGET', KEYS[3], ARGV[2]) == '' then return {'done'} end
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[3] or (meta[3] or '') ~= ARGV[4] then return {'changed'} end
local entry = {}
for index = 5, #ARGV do entry[index - 4] = ARGV[index] end
local number = tonumber(meta[2] or 0) + 1
redis.call('HSET', KEYS[3], ARGV[2], '')
redis.call('XADD', KEYS[4], number .. '-0', unpack(entry))
redis.call('HSET', KEYS[1], 'service_version', number, 'service_hash', entry[#entry])
return {'done'}
""",
)

_RECORD = """
local kind = ARGV[3]
local function now(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local function alive(key, at)
  local held = redis.call('HGET', KEYS[3], key)
  if not held then return nil end
  local version, expires = string.match(held, '^(%d+) (%S+) ')
  if expires ~= '-' and tonumber(expires) <= at then return nil end
  return version
end
local function drop(key)
  redis.call('HDEL', KEYS[3], key)
  redis.call('ZREM', KEYS[4], key)
  redis.call('ZREM', KEYS[5], kind .. '\\0' .. key)
end
local function write(key, value, expires)
  local version = redis.call('HINCRBY', KEYS[1], 'record_version', 1)
  redis.call('SADD', KEYS[2], kind)
  redis.call('HSET', KEYS[3], key, version .. ' ' .. expires .. ' ' .. value)
  redis.call('ZADD', KEYS[4], 0, key)
  local name = kind .. '\\0' .. key
  if expires == '-' then redis.call('ZREM', KEYS[5], name) else redis.call('ZADD', KEYS[5], expires, name) end
end
if redis.call('HEXISTS', KEYS[1], 'loading') == 1 then return -1 end
"""

# For each of them, KEYS: meta kinds records known expiry. ARGV: key, now or nothing, kind, …
PUT = Script(
    "put",
    _RECORD
    + """
if alive(ARGV[1], now(ARGV[2])) then return 0 end
write(ARGV[1], ARGV[4], ARGV[5])
return 1
""",
)
REPLACE = Script(
    "replace",
    _RECORD
    + """
if alive(ARGV[1], now(ARGV[2])) ~= ARGV[6] then return 0 end
write(ARGV[1], ARGV[4], ARGV[5])
return 1
""",
)
DELETE = Script(
    "delete",
    _RECORD
    + """
local there = alive(ARGV[1], now(ARGV[2]))
drop(ARGV[1])
return there and 1 or 0
""",
)

# KEYS: meta expiry. ARGV: now, the prefix of all keys, how many at most
SWEEP = Script(
    "sweep",
    """
if redis.call('HEXISTS', KEYS[1], 'loading') == 1 then return -1 end
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(gone) do
  local kind, key = string.match(name, '^(.-)%z(.*)$')
  redis.call('HDEL', ARGV[2] .. ':records:' .. kind, key)
  redis.call('ZREM', ARGV[2] .. ':known:' .. kind, key)
  redis.call('ZREM', KEYS[2], name)
end
return #gone
""",
)

# KEYS: fences. ARGV: stream, fence. Gives 1 unless a higher one holds.
GUARD = Script(
    "guard",
    """
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if tonumber(ARGV[2]) < held then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
""",
)

# KEYS: meta. ARGV: format, fingerprint of the key file. Gives the fingerprint that holds.
CLAIM = Script(
    "claim",
    """
if redis.call('HEXISTS', KEYS[1], 'file_key') == 0 then
  redis.call('HSET', KEYS[1], 'format', ARGV[1], 'file_key', ARGV[2])
end
return redis.call('HGET', KEYS[1], 'file_key')
""",
)

# KEYS: meta heads kinds entries. Gives 1 when the store is empty, or holds a copy that was broken off.
LOADING = Script(
    "loading",
    """
if redis.call('HEXISTS', KEYS[1], 'loading') == 0 and redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4]) > 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'loading', 1)
return 1
""",
)

# KEYS: meta
LOADED = Script("loaded", "return redis.call('HDEL', KEYS[1], 'loading')")
