-- Endpoints that operators have events sent to, each with its sink.
create table webhooks (
    name       text collate "C" not null,
    sink       text collate "C" not null,
    url        text not null,
    enabled    boolean not null,
    -- To sign with, so as it is: a hash of it would be of no use.
    secret     text not null,
    -- Those that it replaced and that still sign, latest first, each with its end.
    retiring   json not null,
    version    bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint webhooks_pkey primary key (name),
    constraint webhooks_sink_is_its_own check (sink = 'webhook-' || name),
    constraint webhooks_sink_fkey foreign key (sink) references sinks (name) on delete cascade,
    constraint webhooks_version_positive check (version > 0)
);
