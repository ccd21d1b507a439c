-- What is over is forgotten after a while, by index, a few rows a commit.
--
-- Messages that were distributed enter the first index then, not when their order is placed. Summaries of stretches of a
-- table tell no age once what was forgotten has made room for what is new, so keys have a common index: whatever a batch
-- adds is at its end, and has one instant.
create index outbox_messages_sent on outbox_messages (due_at) where status = 'sent';
drop index idempotency_keys_by_age;
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Messages of what happened before this instant may have been forgotten.
create table outbox_pruned (
    only_row boolean not null,
    before   timestamptz not null,
    constraint outbox_pruned_pkey primary key (only_row),
    constraint outbox_pruned_one_row check (only_row)
);
