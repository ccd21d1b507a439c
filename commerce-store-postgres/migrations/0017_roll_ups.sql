-- A day's sales, told anew.

-- One roll-up of a day at a time: the row is what the next one waits for.
create table sales_roll_ups (
    sold_on      date not null,
    rolled_up_at timestamptz not null,
    constraint sales_roll_ups_pkey primary key (sold_on)
);

-- What was paid and what went back on a day. Payments come in the order of time, so ranges of blocks tell it, at next to
-- no cost for each; refunds are few.
create index payments_by_time on payments using brin (updated_at) with (pages_per_range = 32);
create index refunds_by_time on refunds (updated_at) where status = 'succeeded';
