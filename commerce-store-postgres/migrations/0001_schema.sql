-- The shop's records, their ledgers and what goes out.
--
-- Every rule that the core decides by is repeated here in a named constraint: a store that forgot a lock, or a hand
-- in the data, is stopped by the database. Amounts are whole minor units beside their currency. Ids are made by
-- the application; there is no sequence, trigger or stored procedure.
--
-- Foreign keys stand where a row names one that another transaction wrote. Between rows that one statement writes (an
-- order, its items, payment, events and ledger rows) there is none but the message's: a look-up a row, they cost more
-- than writing the order. Nothing that is named is ever deleted (migration 2), and reconciliation follows every name.

-- Where an order can stand.
create table order_status (
    status      text not null,
    description text not null,
    constraint order_status_pkey primary key (status)
);
insert into order_status (status, description) values
    ('pending',    'placed, not paid; holds its stock and coupon until it expires'),
    ('processing', 'a card payment is in flight'),
    ('paid',       'paid'),
    ('shipped',    'on its way'),
    ('delivered',  'with the customer'),
    ('cancelled',  'called off or expired before payment; everything given back'),
    ('refunded',   'paid back in full');

-- Where it can go from there: the transition table.
create table order_transition (
    from_status text not null,
    to_status   text not null,
    constraint order_transition_pkey primary key (from_status, to_status),
    constraint order_transition_from_fkey foreign key (from_status) references order_status (status),
    constraint order_transition_to_fkey foreign key (to_status) references order_status (status)
);
insert into order_transition (from_status, to_status) values
    ('pending', 'processing'), ('pending', 'paid'), ('pending', 'cancelled'),
    ('processing', 'pending'), ('processing', 'paid'), ('processing', 'cancelled'),
    ('paid', 'shipped'), ('paid', 'refunded'),
    ('shipped', 'delivered'), ('shipped', 'refunded'),
    ('delivered', 'refunded');

create table customers (
    id         bigint not null,
    username   text not null,
    name       text not null,
    created_at timestamptz not null,
    constraint customers_pkey primary key (id),
    constraint customers_username_key unique (username),
    constraint customers_id_positive check (id > 0)
);

create table products (
    id          bigint not null,
    name        text not null,
    description text,
    base_price  bigint not null,
    currency    text not null,
    status      text not null,
    version     bigint not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    constraint products_pkey primary key (id),
    constraint products_id_positive check (id > 0),
    constraint products_base_price_range check (base_price between 0 and 1000000000000000),
    constraint products_currency_code check (char_length(currency) = 3),
    constraint products_status_known check (status in ('on_sale', 'paused', 'discontinued')),
    constraint products_version_positive check (version > 0)
);
create index products_by_status on products (status, id);

-- The sellable forms of a product.
create table product_variants (
    id               bigint not null,
    product_id       bigint not null,
    sku              text not null,
    option_name      text,
    additional_price bigint not null,
    currency         text not null,
    active           boolean not null,
    version          bigint not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    constraint product_variants_pkey primary key (id),
    constraint product_variants_sku_key unique (sku),
    constraint product_variants_product_fkey foreign key (product_id) references products (id),
    constraint product_variants_id_positive check (id > 0),
    constraint product_variants_price_range check (additional_price between 0 and 1000000000000000),
    constraint product_variants_currency_code check (char_length(currency) = 3),
    constraint product_variants_version_positive check (version > 0)
);
create index product_variants_by_product on product_variants (product_id, id);

-- Units on hand: the hot counter, apart from the variant's terms. Whoever changes a variant holds this row.
create table product_stocks (
    variant_id bigint not null,
    on_hand    bigint not null,
    version    bigint not null,
    constraint product_stocks_pkey primary key (variant_id),
    constraint product_stocks_variant_fkey foreign key (variant_id) references product_variants (id),
    -- No unit is sold twice.
    constraint product_stocks_on_hand_not_negative check (on_hand >= 0),
    constraint product_stocks_version_not_negative check (version >= 0)
) with (fillfactor = 50);

-- One wallet a customer and currency.
create table wallets (
    customer_id bigint not null,
    currency    text not null,
    balance     bigint not null,
    version     bigint not null,
    constraint wallets_pkey primary key (customer_id, currency),
    constraint wallets_customer_fkey foreign key (customer_id) references customers (id),
    -- No money is spent twice.
    constraint wallets_balance_range check (balance between 0 and 1000000000000000),
    constraint wallets_currency_code check (char_length(currency) = 3),
    constraint wallets_version_positive check (version > 0)
) with (fillfactor = 70);

create table coupons (
    id                 bigint not null,
    code               text,
    name               text not null,
    -- Either an amount, or a percentage with at most four decimals and perhaps a cap.
    discount_amount    bigint,
    discount_percent   numeric(7, 4),
    discount_cap       bigint,
    min_subtotal       bigint,
    -- Of the amount, the cap and the minimum, as far as there are any.
    discount_currency  text,
    minimum_currency   text,
    -- Whether it goes with others on one order, and which of several goes first.
    stacking           text not null,
    priority           bigint not null,
    total_quantity     bigint,
    per_customer_limit bigint not null,
    starts_at          timestamptz not null,
    ends_at            timestamptz,
    active             boolean not null,
    version            bigint not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    constraint coupons_pkey primary key (id),
    constraint coupons_code_key unique (code),
    constraint coupons_id_positive check (id > 0),
    constraint coupons_discount_is_one_kind check ((discount_amount is null) <> (discount_percent is null)),
    constraint coupons_amount_range check (discount_amount between 1 and 1000000000000000),
    constraint coupons_percent_range check (discount_percent > 0 and discount_percent <= 100),
    constraint coupons_cap_range check (discount_cap between 1 and 1000000000000000),
    constraint coupons_cap_of_percent check (discount_cap is null or discount_percent is not null),
    constraint coupons_minimum_range check (min_subtotal between 1 and 1000000000000000),
    constraint coupons_discount_currency check
        ((discount_currency is not null) = (discount_amount is not null or discount_cap is not null)),
    constraint coupons_minimum_currency check ((minimum_currency is not null) = (min_subtotal is not null)),
    constraint coupons_stacking_known check (stacking in ('exclusive', 'stackable')),
    constraint coupons_priority_range check (priority between 0 and 65535),
    constraint coupons_total_range check (total_quantity between 1 and 1000000),
    constraint coupons_limit_range check (per_customer_limit between 1 and 1000000),
    constraint coupons_window_not_empty check (ends_at > starts_at),
    constraint coupons_version_positive check (version > 0)
);

-- The products that a coupon is for; one without any is for the whole order.
create table coupon_products (
    coupon_id  bigint not null,
    product_id bigint not null,
    constraint coupon_products_pkey primary key (coupon_id, product_id),
    constraint coupon_products_coupon_fkey foreign key (coupon_id) references coupons (id),
    constraint coupon_products_product_fkey foreign key (product_id) references products (id)
);

-- How many copies are out: the hot counter, apart from the campaign's terms.
create table coupon_issuances (
    coupon_id      bigint not null,
    issued         bigint not null,
    -- The campaign's cap again, so that the database can refuse the copy too many.
    total_quantity bigint,
    constraint coupon_issuances_pkey primary key (coupon_id),
    constraint coupon_issuances_coupon_fkey foreign key (coupon_id) references coupons (id),
    constraint coupon_issuances_within_total check (issued between 0 and coalesce(total_quantity, issued))
) with (fillfactor = 50);

create table orders (
    id             bigint not null,
    customer_id    bigint not null,
    status         text not null,
    currency       text not null,
    subtotal       bigint not null,
    discount       bigint not null,
    total          bigint not null,
    payment_id     bigint,
    payment_method text,
    expires_at     timestamptz,
    version        bigint not null,
    placed_at      timestamptz not null,
    updated_at     timestamptz not null,
    constraint orders_pkey primary key (id),
    constraint orders_id_positive check (id > 0),
    constraint orders_customer_fkey foreign key (customer_id) references customers (id),
    -- The rows of order_status again: a check costs nothing, a look-up does.
    constraint orders_status_known check
        (status in ('pending', 'processing', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')),
    constraint orders_currency_code check (char_length(currency) = 3),
    constraint orders_subtotal_range check (subtotal between 0 and 1000000000000000),
    constraint orders_discount_within_subtotal check (discount between 0 and subtotal),
    constraint orders_total_adds_up check (total = subtotal - discount),
    constraint orders_payment_method_known check (payment_method in ('wallet', 'card')),
    constraint orders_payment_is_whole check ((payment_id is null) = (payment_method is null)),
    constraint orders_paid_have_payment check
        (status not in ('paid', 'shipped', 'delivered', 'refunded') or payment_id is not null),
    constraint orders_version_positive check (version > 0)
) with (fillfactor = 90);
-- A customer's orders, newest first; of one status.
create index orders_by_customer on orders (customer_id, id);
-- Unpaid orders by when they expire.
create index orders_by_expiry on orders (expires_at, id) where status = 'pending';

-- What was bought: a snapshot that later changes of the catalogue never touch.
create table order_items (
    order_id     bigint not null,
    position     bigint not null,
    product_id   bigint not null,
    variant_id   bigint not null,
    product_name text not null,
    option_name  text,
    sku          text not null,
    unit_price   bigint not null,
    quantity     bigint not null,
    subtotal     bigint not null,
    discount     bigint not null,
    currency     text not null,
    constraint order_items_pkey primary key (order_id, position),
    constraint order_items_position_range check (position between 1 and 100),
    constraint order_items_quantity_range check (quantity between 1 and 1000000),
    constraint order_items_unit_price_range check (unit_price between 0 and 1000000000000000),
    constraint order_items_subtotal_adds_up check (subtotal = unit_price * quantity),
    constraint order_items_discount_within_subtotal check (discount between 0 and subtotal)
);

-- The payment of an order: one an order.
create table payments (
    id                     bigint not null,
    order_id               bigint not null,
    customer_id            bigint not null,
    method                 text not null,
    amount                 bigint not null,
    currency               text not null,
    status                 text not null,
    attempts               bigint not null,
    failure_reason         text,
    gateway_transaction_id text,
    created_at             timestamptz not null,
    updated_at             timestamptz not null,
    constraint payments_pkey primary key (id),
    constraint payments_order_key unique (order_id),
    constraint payments_id_positive check (id > 0),
    constraint payments_method_known check (method in ('wallet', 'card')),
    constraint payments_amount_range check (amount between 0 and 1000000000000000),
    constraint payments_status_known check (status in ('initiated', 'pending', 'succeeded', 'failed', 'cancelled')),
    constraint payments_attempts_not_negative check (attempts >= 0)
) with (fillfactor = 90);
-- A capture pays once.
create unique index payments_gateway_transaction_key on payments (gateway_transaction_id)
    where gateway_transaction_id is not null;

-- An order's history. Appended, never changed.
create table order_events (
    order_id    bigint not null,
    sequence    bigint not null,
    from_status text,
    to_status   text not null,
    -- The whole event, with the order as it was after it. Kept as it was written: nothing looks inside.
    payload     json not null,
    created_at  timestamptz not null,
    constraint order_events_pkey primary key (order_id, sequence),
    -- Only steps that the transition table has; the first event comes from nothing.
    constraint order_events_transition_fkey foreign key (from_status, to_status) references order_transition (from_status, to_status),
    constraint order_events_first_from_nothing check ((sequence = 1) = (from_status is null)),
    constraint order_events_begin check (from_status is not null or to_status in ('pending', 'paid'))
);

-- Movements of stock. Appended, never changed; without gaps per variant.
create table stock_entries (
    variant_id    bigint not null,
    sequence      bigint not null,
    delta         bigint not null,
    on_hand_after bigint not null,
    reason        text not null,
    order_id      bigint,
    actor         text not null,
    note          text,
    created_at    timestamptz not null,
    -- A lost update would number two rows alike.
    constraint stock_entries_pkey primary key (variant_id, sequence),
    constraint stock_entries_sequence_positive check (sequence > 0),
    constraint stock_entries_delta_not_zero check (delta <> 0),
    constraint stock_entries_on_hand_not_negative check (on_hand_after >= 0),
    constraint stock_entries_reason_known check (reason in ('order', 'cancel', 'refund', 'adjust')),
    constraint stock_entries_order_named check ((order_id is null) = (reason = 'adjust')),
    constraint stock_entries_order_takes check (reason <> 'order' or delta < 0),
    constraint stock_entries_return_gives check (reason not in ('cancel', 'refund') or delta > 0)
);

-- Movements of balances. Appended, never changed; without gaps per wallet.
create table wallet_entries (
    customer_id   bigint not null,
    currency      text not null,
    sequence      bigint not null,
    kind          text not null,
    amount        bigint not null,
    balance_after bigint not null,
    order_id      bigint,
    actor         text not null,
    memo          text,
    created_at    timestamptz not null,
    constraint wallet_entries_pkey primary key (customer_id, currency, sequence),
    constraint wallet_entries_sequence_positive check (sequence > 0),
    constraint wallet_entries_amount_not_zero check (amount <> 0),
    constraint wallet_entries_balance_range check (balance_after between 0 and 1000000000000000),
    constraint wallet_entries_kind_known check (kind in ('deposit', 'payment', 'refund', 'adjustment')),
    constraint wallet_entries_deposit_gives check (kind not in ('deposit', 'refund') or amount > 0),
    constraint wallet_entries_payment_takes check (kind <> 'payment' or amount < 0),
    constraint wallet_entries_order_named check (kind not in ('payment', 'refund') or order_id is not null)
);
-- An order is paid from a wallet once.
create unique index wallet_entries_payment_key on wallet_entries (order_id) where kind = 'payment';

-- Customers' copies of coupons. Copies are issued in crowds, and the campaign is locked and read for each crowd, not
-- looked up again for each copy; no campaign is ever deleted, and reconciliation follows the name.
create table issued_coupons (
    id          bigint not null,
    coupon_id   bigint not null,
    customer_id bigint not null,
    -- Counts the copies that the customer has had of this coupon: a second first copy is refused.
    ordinal     bigint not null,
    status      text not null,
    order_id    bigint,
    issued_at   timestamptz not null,
    expires_at  timestamptz,
    used_at     timestamptz,
    constraint issued_coupons_pkey primary key (id),
    constraint issued_coupons_ordinal_key unique (coupon_id, customer_id, ordinal),
    constraint issued_coupons_order_fkey foreign key (order_id) references orders (id),
    constraint issued_coupons_id_positive check (id > 0),
    constraint issued_coupons_ordinal_range check (ordinal between 1 and 1000000),
    constraint issued_coupons_status_known check (status in ('available', 'held', 'used', 'expired', 'revoked')),
    constraint issued_coupons_order_of_status check ((order_id is not null) = (status in ('held', 'used')))
) with (fillfactor = 90);
create index issued_coupons_by_customer on issued_coupons (customer_id, id);

-- One use of a copy by an order, keyed by both.
create table coupon_redemptions (
    issued_coupon_id bigint not null,
    order_id         bigint not null,
    coupon_id        bigint not null,
    discount         bigint not null,
    currency         text not null,
    status           text not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    constraint coupon_redemptions_pkey primary key (issued_coupon_id, order_id),
    constraint coupon_redemptions_copy_fkey foreign key (issued_coupon_id) references issued_coupons (id),
    constraint coupon_redemptions_order_fkey foreign key (order_id) references orders (id),
    constraint coupon_redemptions_coupon_fkey foreign key (coupon_id) references coupons (id),
    constraint coupon_redemptions_discount_range check (discount between 0 and 1000000000000000),
    constraint coupon_redemptions_status_known check (status in ('held', 'used', 'released'))
);
create index coupon_redemptions_by_order on coupon_redemptions (order_id);
-- A copy is in the hands of one order at a time.
create unique index coupon_redemptions_one_use_key on coupon_redemptions (issued_coupon_id) where status in ('held', 'used');

-- The coupons an order names, as they were then.
create table order_coupons (
    order_id         bigint not null,
    position         bigint not null,
    issued_coupon_id bigint not null,
    coupon_id        bigint not null,
    name             text not null,
    discount         bigint not null,
    currency         text not null,
    constraint order_coupons_pkey primary key (order_id, position),
    constraint order_coupons_order_fkey foreign key (order_id) references orders (id),
    constraint order_coupons_copy_fkey foreign key (issued_coupon_id) references issued_coupons (id),
    constraint order_coupons_discount_range check (discount between 0 and 1000000000000000)
);

-- What a product sold on a day of the shop's time zone.
create table product_sales_daily (
    sold_on    date not null,
    product_id bigint not null,
    quantity   bigint not null,
    -- One amount has a bound; what many orders brought in has none.
    revenue    numeric not null,
    currency   text not null,
    constraint product_sales_daily_pkey primary key (sold_on, product_id),
    constraint product_sales_daily_product_fkey foreign key (product_id) references products (id)
) with (fillfactor = 50);

-- Messages on their way out; the event itself is in the order's history.
create table outbox_messages (
    id         bigint not null,
    order_id   bigint not null,
    sequence   bigint not null,
    event_type text not null,
    status     text not null,
    -- When the message may be handed out, again if it was before.
    due_at     timestamptz not null,
    owner      text,
    attempts   bigint not null,
    last_error text,
    buried_at  timestamptz,
    constraint outbox_messages_pkey primary key (id),
    -- One message a transition, and none without one.
    constraint outbox_messages_event_key unique (order_id, sequence),
    constraint outbox_messages_event_fkey foreign key (order_id, sequence) references order_events (order_id, sequence),
    constraint outbox_messages_status_known check (status in ('ready', 'sent', 'dead')),
    constraint outbox_messages_dead_have_reason check
        ((status = 'dead') = (buried_at is not null) and (status <> 'dead' or last_error is not null)),
    constraint outbox_messages_attempts_not_negative check (attempts >= 0)
) with (fillfactor = 80);
create index outbox_messages_ready on outbox_messages (due_at, id) where status = 'ready';
create index outbox_messages_dead on outbox_messages (id) where status = 'dead';

-- Who holds what until when. A row stays when its holder is gone, so that tokens only grow.
create table leases (
    name       text not null,
    token      bigint not null,
    owner      text,
    expires_at timestamptz,
    constraint leases_pkey primary key (name),
    constraint leases_token_positive check (token > 0),
    constraint leases_holder_is_whole check ((owner is null) = (expires_at is null))
);

-- Requests that were carried out, by the key that their client chose.
create table idempotency_keys (
    principal     text not null,
    operation     text not null,
    key           text not null,
    fingerprint   bytea not null,
    -- The outcome itself, or the order as it was after one of its events (which are never changed).
    outcome       json,
    order_id      bigint,
    order_version bigint,
    created_at    timestamptz not null,
    constraint idempotency_keys_pkey primary key (principal, operation, key),
    constraint idempotency_keys_fingerprint_size check (octet_length(fingerprint) = 16),
    constraint idempotency_keys_one_outcome check
        ((outcome is null) = (order_id is not null) and (order_id is null) = (order_version is null))
);
-- To forget them by. Whatever a batch adds is at its end, and has one instant. Summaries of stretches of the table would
-- cost less, and tell no age any more once what is new takes the room of what was forgotten.
create index idempotency_keys_by_age on idempotency_keys (created_at);
