-- What reconciliations find: told like an order's events, and about no order.

create table books_events (
    -- The message's, which is forgotten some time after it was delivered.
    id      bigint not null,
    payload json not null,
    constraint books_events_pkey primary key (id)
);
create rule books_events_no_update as on update to books_events do instead nothing;
create rule books_events_no_delete as on delete to books_events do instead nothing;

alter table outbox_messages
    alter column order_id drop not null,
    add constraint outbox_messages_about_one_thing check ((order_id is null) = (event_type = 'books.drifted'));
alter table deliveries alter column order_id drop not null;
alter table dead_letters alter column order_id drop not null;
