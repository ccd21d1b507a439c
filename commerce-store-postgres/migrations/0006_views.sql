-- How often products are looked at: apart from the product, whose row buyers hold.
create table product_views (
    product_id bigint not null,
    views      bigint not null,
    constraint product_views_pkey primary key (product_id),
    constraint product_views_product_fkey foreign key (product_id) references products (id),
    constraint product_views_positive check (views > 0)
);
create index product_views_most on product_views (views desc, product_id);
