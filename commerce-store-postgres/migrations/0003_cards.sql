-- Money from cards: what a payment gateway was asked to take, and top-ups of wallets.

-- A customer's wish to put money from a card into the wallet.
create table top_ups (
    id             bigint not null,
    customer_id    bigint not null,
    amount         bigint not null,
    currency       text not null,
    status         text not null,
    charge_id      bigint not null,
    failure_reason text,
    expires_at     timestamptz not null,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    constraint top_ups_pkey primary key (id),
    constraint top_ups_charge_key unique (charge_id),
    constraint top_ups_customer_fkey foreign key (customer_id) references customers (id),
    constraint top_ups_id_positive check (id > 0),
    constraint top_ups_amount_range check (amount between 1 and 1000000000000000),
    constraint top_ups_currency_code check (char_length(currency) = 3),
    constraint top_ups_status_known check (status in ('pending', 'completed', 'failed', 'expired'))
) with (fillfactor = 90);
create index top_ups_by_customer on top_ups (customer_id, id);

-- One attempt at having a gateway take money, for an order or for a top-up.
create table charges (
    id                     bigint not null,
    order_id               bigint,
    attempt                bigint,
    top_up_id              bigint,
    customer_id            bigint not null,
    amount                 bigint not null,
    currency               text not null,
    status                 text not null,
    failure_reason         text,
    gateway_transaction_id text,
    created_at             timestamptz not null,
    updated_at             timestamptz not null,
    constraint charges_pkey primary key (id),
    -- A gateway's transaction pays one charge.
    constraint charges_gateway_transaction_key unique (gateway_transaction_id),
    constraint charges_attempt_key unique (order_id, attempt),
    constraint charges_top_up_key unique (top_up_id),
    constraint charges_order_fkey foreign key (order_id) references orders (id),
    constraint charges_top_up_fkey foreign key (top_up_id) references top_ups (id),
    constraint charges_customer_fkey foreign key (customer_id) references customers (id),
    constraint charges_id_positive check (id > 0),
    constraint charges_one_purpose check ((order_id is null) <> (top_up_id is null)),
    constraint charges_attempt_of_order check ((order_id is null) = (attempt is null)),
    constraint charges_attempt_positive check (attempt > 0),
    constraint charges_amount_range check (amount between 1 and 1000000000000000),
    constraint charges_currency_code check (char_length(currency) = 3),
    constraint charges_status_known check
        (status in ('initiated', 'pending', 'captured', 'failed', 'cancelled', 'refund_due', 'refunded')),
    constraint charges_captured_have_transaction check
        (status not in ('captured', 'refund_due', 'refunded') or gateway_transaction_id is not null)
) with (fillfactor = 90);
-- An order is paid by one capture, and waits for one at a time.
create unique index charges_captured_key on charges (order_id) where status = 'captured';
create unique index charges_in_flight_key on charges (order_id) where status in ('initiated', 'pending');
-- What is still to be looked after, oldest first.
create index charges_open on charges (id) where status in ('initiated', 'pending', 'refund_due');

-- The top-up that an entry credits.
alter table wallet_entries add column top_up_id bigint;
alter table wallet_entries add constraint wallet_entries_top_up_fkey foreign key (top_up_id) references top_ups (id);
alter table wallet_entries add constraint wallet_entries_top_up_deposits check (top_up_id is null or kind = 'deposit');
-- A top-up is credited once.
create unique index wallet_entries_top_up_key on wallet_entries (top_up_id) where top_up_id is not null;

-- What other rows name is never deleted.
create rule charges_no_delete as on delete to charges do instead nothing;
create rule top_ups_no_delete as on delete to top_ups do instead nothing;
