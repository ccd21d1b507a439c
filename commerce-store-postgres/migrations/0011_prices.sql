-- What else a unit of a variant may cost, by time and quantity. Read and written with the variant, and only by the
-- application: null for most.
alter table product_variants add column price_rules json;

-- The price rule that gave a line its unit price; null if it was base plus additional price.
alter table order_items add column priced_by text,
    add constraint order_items_priced_by_known check (priced_by ~ '^(scheduled|tier):');
