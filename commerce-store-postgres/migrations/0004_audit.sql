-- How reconciliation comes from an order to its rows in the stock ledger.
--
-- Rows are added in about the order of the ids of the orders that cause them, so a summary of each stretch of the table
-- leads there, and costs a ledger that is written all day next to nothing. What cancellations and refunds add later is
-- of older orders: a stretch keeps several ranges of ids. An engine without BRIN (CockroachDB) makes it a common index
-- where reason <> 'adjust', or leaves it out and reconciles a copy of the database that has one.
create index stock_entries_by_order on stock_entries using brin (order_id int8_minmax_multi_ops)
    with (pages_per_range = 64, autosummarize = on);
