-- Keys are in the order of their bytes, which stays. That of a locale changes with the system's tables of it: an index made
-- before is silently wrong then, and a unique one takes what it should refuse.
alter table customers alter column username type text collate "C";
alter table products alter column status type text collate "C";
alter table product_variants alter column sku type text collate "C";
alter table wallets alter column currency type text collate "C";
alter table wallet_entries alter column currency type text collate "C";
alter table coupons alter column code type text collate "C";
alter table payments alter column gateway_transaction_id type text collate "C";
alter table charges alter column gateway_transaction_id type text collate "C";
alter table leases alter column name type text collate "C";
alter table idempotency_keys
    alter column principal type text collate "C",
    alter column operation type text collate "C",
    alter column key type text collate "C";
alter table order_status alter column status type text collate "C";
alter table order_transition
    alter column from_status type text collate "C",
    alter column to_status type text collate "C";
alter table order_events
    alter column from_status type text collate "C",
    alter column to_status type text collate "C";
