-- A coupon's own code is among the codes that are good for one copy as well, and brings none there: so one key holds that no
-- code is both, whichever process makes it.
alter table coupon_codes
    -- Null, which takes no room, for those that bring a copy.
    add column own boolean,
    add constraint coupon_codes_own_is_true check (own),
    add constraint coupon_codes_own_brings_none check (own is null or claimed_at is null);
-- Where both were made before, the coupon's is known by its row alone.
insert into coupon_codes (code, coupon_id, created_at, own)
select code, id, created_at, true from coupons where code is not null
on conflict (code) do nothing;
-- To list those that bring a copy.
drop index coupon_codes_by_coupon;
create index coupon_codes_by_coupon on coupon_codes (coupon_id, code) where own is null;
