-- Ledgers and histories only grow: an update or a delete of a row that was written does nothing at all.
--
-- Rules, because they hold for the tables' owner too. An engine without rules (CockroachDB) skips this file and revokes
-- `update` and `delete` on these tables from the role that the application signs in with.

create rule order_events_no_update as on update to order_events do instead nothing;
create rule order_events_no_delete as on delete to order_events do instead nothing;
create rule stock_entries_no_update as on update to stock_entries do instead nothing;
create rule stock_entries_no_delete as on delete to stock_entries do instead nothing;
create rule wallet_entries_no_update as on update to wallet_entries do instead nothing;
create rule wallet_entries_no_delete as on delete to wallet_entries do instead nothing;
create rule order_items_no_update as on update to order_items do instead nothing;
create rule order_items_no_delete as on delete to order_items do instead nothing;
create rule order_coupons_no_update as on update to order_coupons do instead nothing;
create rule order_coupons_no_delete as on delete to order_coupons do instead nothing;
create rule coupon_products_no_update as on update to coupon_products do instead nothing;
create rule coupon_products_no_delete as on delete to coupon_products do instead nothing;

-- What they name stays.
create rule customers_no_delete as on delete to customers do instead nothing;
create rule products_no_delete as on delete to products do instead nothing;
create rule product_variants_no_delete as on delete to product_variants do instead nothing;
create rule product_stocks_no_delete as on delete to product_stocks do instead nothing;
create rule wallets_no_delete as on delete to wallets do instead nothing;
create rule coupons_no_delete as on delete to coupons do instead nothing;
create rule coupon_issuances_no_delete as on delete to coupon_issuances do instead nothing;
create rule issued_coupons_no_delete as on delete to issued_coupons do instead nothing;
create rule orders_no_delete as on delete to orders do instead nothing;
create rule payments_no_delete as on delete to payments do instead nothing;
create rule coupon_redemptions_no_delete as on delete to coupon_redemptions do instead nothing;
