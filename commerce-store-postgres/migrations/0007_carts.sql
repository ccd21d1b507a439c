-- What customers mean to buy. A cart holds nothing back; it is no part of the history, and nobody is told of it.

-- One cart a customer, and the row that is locked for all of it. It stays when the cart is emptied, so that versions
-- never come again.
create table carts (
    customer_id bigint not null,
    -- How many items there are, so that the database can refuse the line too many.
    line_count  bigint not null,
    version     bigint not null,
    updated_at  timestamptz not null,
    constraint carts_pkey primary key (customer_id),
    constraint carts_customer_fkey foreign key (customer_id) references customers (id),
    constraint carts_line_count_range check (line_count between 0 and 100),
    constraint carts_version_positive check (version > 0)
) with (fillfactor = 70);

create table cart_items (
    customer_id bigint not null,
    variant_id  bigint not null,
    quantity    bigint not null,
    -- What one unit cost when the variant came into the cart.
    saved_price bigint not null,
    currency    text not null,
    added_at    timestamptz not null,
    constraint cart_items_pkey primary key (customer_id, variant_id),
    constraint cart_items_cart_fkey foreign key (customer_id) references carts (customer_id),
    constraint cart_items_variant_fkey foreign key (variant_id) references product_variants (id),
    constraint cart_items_quantity_range check (quantity between 1 and 1000000),
    constraint cart_items_saved_price_range check (saved_price between 0 and 1000000000000000),
    constraint cart_items_currency_code check (char_length(currency) = 3)
) with (fillfactor = 80);

create rule carts_no_delete as on delete to carts do instead nothing;
