-- Products by name and by price.

-- What of a name is sorted and searched by, made by the application so that it is the same in every store whatever
-- the database's locale: the name in small letters, and its words. Prefixes of words are found through the index on
-- them; neither takes an extension.
alter table products
    add column name_key text collate "C" not null default '',
    add column name_words tsvector not null default '',
    alter column currency type text collate "C";
create index products_by_words on products using gin (name_words);
create index products_by_name on products (name_key, id);
create index products_by_price on products (currency, base_price, id);
create index products_of_status_by_name on products (status, name_key, id);
create index products_of_status_by_price on products (status, currency, base_price, id);
