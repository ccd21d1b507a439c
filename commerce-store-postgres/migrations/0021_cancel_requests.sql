-- Who asked for an order to be called off while its card payment was in flight: whichever process hears of the payment's
-- end books it in their name.
alter table payments
    add column cancel_requested_by text,
    add column cancel_reason text,
    add constraint payments_cancel_reason_of_request check (cancel_reason is null or cancel_requested_by is not null),
    add constraint payments_cancel_request_by_card check (cancel_requested_by is null or method = 'card');
