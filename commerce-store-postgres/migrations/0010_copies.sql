-- Copies that are taken back, and the sweep of those whose time is over.

alter table issued_coupons
    add column revoked_by    text,
    add column revoked_for   text,
    add column revoked_at    timestamptz;
-- Who took a copy back is written with it.
alter table issued_coupons add constraint issued_coupons_revocation_is_whole check
    ((status = 'revoked') = (revoked_at is not null) and (revoked_at is null) = (revoked_by is null)
     and (revoked_for is null or revoked_at is not null));

-- Campaigns by when they end. Their copies come through the key on their ordinals, so that a sweep costs the copies of
-- those that ended lately, and handing copies out costs nothing for it.
create index coupons_by_end on coupons (ends_at, id);
