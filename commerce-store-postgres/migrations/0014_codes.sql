-- Codes that are good for one copy of their coupon.
--
-- A coupon's own code is in its row. That none of these is one of those is for the application to see, which looks both
-- up: these are random, and nobody names a coupon by what nobody knows yet.

create table coupon_codes (
    -- In the order of bytes, which is the same in every store.
    code             text collate "C" not null,
    coupon_id        bigint not null,
    created_at       timestamptz not null,
    customer_id      bigint,
    issued_coupon_id bigint,
    claimed_at       timestamptz,
    constraint coupon_codes_pkey primary key (code),
    constraint coupon_codes_coupon_fkey foreign key (coupon_id) references coupons (id),
    -- A code brings one copy.
    constraint coupon_codes_copy_fkey foreign key (issued_coupon_id) references issued_coupons (id),
    constraint coupon_codes_claim_is_whole check (num_nonnulls(customer_id, issued_coupon_id, claimed_at) in (0, 3))
) with (fillfactor = 80);
create index coupon_codes_by_coupon on coupon_codes (coupon_id, code);
create rule coupon_codes_no_delete as on delete to coupon_codes do instead nothing;
