-- What is given back of paid orders.

-- A refund in part is a step that leaves the order where it stands.
insert into order_transition (from_status, to_status) values
    ('paid', 'paid'), ('shipped', 'shipped'), ('delivered', 'delivered');

-- The sum of a payment's refunds that have not failed, told anew with each of them.
alter table payments add column refunded bigint not null default 0;
-- No more is given back than was paid.
alter table payments add constraint payments_refunded_within_amount check (refunded between 0 and amount);

create table refunds (
    id          bigint not null,
    order_id    bigint not null,
    payment_id  bigint not null,
    total       bigint not null,
    currency    text not null,
    destination text not null,
    restock     boolean not null,
    status      text not null,
    reason      text,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    constraint refunds_pkey primary key (id),
    constraint refunds_order_fkey foreign key (order_id) references orders (id),
    constraint refunds_payment_fkey foreign key (payment_id) references payments (id),
    constraint refunds_id_positive check (id > 0),
    constraint refunds_total_range check (total between 0 and 1000000000000000),
    constraint refunds_destination_known check (destination in ('wallet', 'gateway')),
    constraint refunds_status_known check (status in ('pending', 'succeeded', 'failed')),
    -- A wallet has no answer to wait for.
    constraint refunds_wallet_succeeds check (destination <> 'wallet' or status = 'succeeded')
);
create index refunds_by_order on refunds (order_id, id);
create index refunds_by_payment on refunds (payment_id);

-- The units that a refund returns, and what for. Appended, never changed.
create table refund_items (
    refund_id bigint not null,
    order_id  bigint not null,
    position  bigint not null,
    quantity  bigint not null,
    amount    bigint not null,
    constraint refund_items_pkey primary key (refund_id, position),
    constraint refund_items_refund_fkey foreign key (refund_id) references refunds (id),
    constraint refund_items_line_fkey foreign key (order_id, position) references order_items (order_id, position),
    constraint refund_items_quantity_range check (quantity between 1 and 1000000),
    constraint refund_items_amount_range check (amount between 0 and 1000000000000000)
);

-- How reconciliation comes from an order to what its customer's wallet was given back.
create index wallet_entries_refunds on wallet_entries (order_id) where kind = 'refund';

create rule refunds_no_delete as on delete to refunds do instead nothing;
create rule refund_items_no_update as on update to refund_items do instead nothing;
create rule refund_items_no_delete as on delete to refund_items do instead nothing;
