-- Sinks, and what is on its way to each.
--
-- An order writes one row, whatever the number of sinks; what waits there is distributed afterwards, in one commit:
-- a delivery for each sink, and the message sent. An engine that indexes by hash shards takes them as they are.

create table sinks (
    name       text collate "C" not null,
    created_at timestamptz not null,
    constraint sinks_pkey primary key (name)
);

create table deliveries (
    sink        text collate "C" not null,
    message_id  bigint not null,
    order_id    bigint not null,
    sequence    bigint not null,
    happened_at timestamptz not null,
    -- When the message may be handed out, again if it was before.
    due_at      timestamptz not null,
    -- Who has it, until when: beside the indexes, so that a claim changes none.
    owner       text,
    claimed_until timestamptz,
    attempts    bigint not null,
    last_error  text,
    constraint deliveries_pkey primary key (message_id, sink),
    constraint deliveries_event_key unique (order_id, sequence, sink),
    constraint deliveries_sink_fkey foreign key (sink) references sinks (name) on delete cascade,
    constraint deliveries_claim_whole check ((owner is null) = (claimed_until is null)),
    constraint deliveries_attempts_not_negative check (attempts >= 0)
) with (fillfactor = 45);
-- That the event is there is said of the message, which outlives its deliveries: one constraint less to look at for each.
-- Each statement is to find its rows by the one of three indexes that is meant for it, however full or empty the table was
-- when it was planned: a queue is often empty then, and whatever begins with the sink looks as good, row after row.
create index deliveries_due on deliveries ((sink || ''), due_at, message_id);

create table dead_letters (
    message_id  bigint not null,
    sink        text collate "C" not null,
    order_id    bigint not null,
    sequence    bigint not null,
    happened_at timestamptz not null,
    attempts    bigint not null,
    last_error  text not null,
    buried_at   timestamptz not null,
    constraint dead_letters_pkey primary key (message_id, sink),
    constraint dead_letters_event_key unique (sink, order_id, sequence),
    constraint dead_letters_sink_fkey foreign key (sink) references sinks (name) on delete cascade,
    constraint dead_letters_event_fkey foreign key (order_id, sequence) references order_events (order_id, sequence),
    constraint dead_letters_attempts_positive check (attempts > 0)
);

-- What became of a message is written where it is delivered.
drop index outbox_messages_dead;
alter table outbox_messages
    drop constraint outbox_messages_dead_have_reason,
    drop constraint outbox_messages_status_known,
    drop constraint outbox_messages_attempts_not_negative,
    drop column owner,
    drop column attempts,
    drop column last_error,
    drop column buried_at,
    add constraint outbox_messages_status_known check (status in ('ready', 'sent'));
