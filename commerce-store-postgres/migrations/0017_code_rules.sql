-- What codes are for: campaigns that take one.

-- Only those who bring a code get a copy.
alter table coupons add column by_code boolean not null default false;
