-- A client's keys differ, while principals and operations repeat: whoever looks for a key compares one column instead of three.
alter table idempotency_keys
    drop constraint idempotency_keys_pkey,
    add constraint idempotency_keys_pkey primary key (key, principal, operation);
