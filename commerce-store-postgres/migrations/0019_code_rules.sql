-- What codes are for: campaigns that take one, and one copy each.

-- Only those who bring a code get a copy.
alter table coupons add column by_code boolean not null default false;

-- A copy is claimed with one code at most.
alter table coupon_codes add constraint coupon_codes_copy_key unique (issued_coupon_id);
