-- What a claim of a coupon came to is told by the copy that it made: that is never deleted, and as it was issued it is known
-- from columns that never change.
alter table idempotency_keys add column issued_coupon_id bigint;
alter table idempotency_keys drop constraint idempotency_keys_one_outcome;
alter table idempotency_keys add constraint idempotency_keys_one_outcome check
    (num_nonnulls(outcome, order_id, issued_coupon_id) = 1 and (order_id is null) = (order_version is null));
