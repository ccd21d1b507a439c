-- Messages that every sink was given are forgotten after a while, by index, a few rows a commit. They enter this one when
-- they are distributed, not when their order is placed.
create index outbox_messages_sent on outbox_messages (due_at) where status = 'sent';

-- Messages of what happened before this instant may have been forgotten.
create table outbox_pruned (
    only_row boolean not null,
    before   timestamptz not null,
    constraint outbox_pruned_pkey primary key (only_row),
    constraint outbox_pruned_one_row check (only_row)
);
