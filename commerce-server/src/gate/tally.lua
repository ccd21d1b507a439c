-- Takes units of a thing, if as many are left as far as is known, and one copy for a customer, who may have only so many.
--
-- KEYS[1]  hash: left, and limit if a customer may have only so many
-- KEYS[2]  hash: copies by customer
-- ARGV     units, customer or nothing, how long to remember customers in milliseconds
-- Answers 0 if there is a doubt, 1 if nothing is known, 2 if they are taken.
local left = tonumber(redis.call('HGET', KEYS[1], 'left'))
if not left then return 1 end
local units = tonumber(ARGV[1])
if left < units then return 0 end
local limit = tonumber(redis.call('HGET', KEYS[1], 'limit'))
if ARGV[2] ~= '' and limit then
    local copies = tonumber(redis.call('HGET', KEYS[2], ARGV[2])) or 0
    if copies + units > limit then return 0 end
    redis.call('HINCRBY', KEYS[2], ARGV[2], units)
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('HINCRBY', KEYS[1], 'left', -units)
return 2
