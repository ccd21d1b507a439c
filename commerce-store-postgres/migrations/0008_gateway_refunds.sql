-- Refunds through the gateway, which take a while and may fail.

alter table refunds add column failure_reason text;
alter table refunds add constraint refunds_failure_has_failed check (failure_reason is null or status = 'failed');

-- What is still to be looked after, oldest first.
create index refunds_pending on refunds (id) where status = 'pending';
