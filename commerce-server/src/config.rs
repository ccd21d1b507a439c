//! Settings: a flag and a `COMMERCE_*` variable each, checked before anything starts.

mod brokers;
mod jobs;

use std::error::Error as _;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use commerce_core::{IdempotencyKey, NodeId, Shop, TimeZone};
pub use jobs::JobSettings;
use reqwest::Url;

pub use self::brokers::{BrokerUrl, Brokers, Property};
use crate::app::{Limits, Telling};
use crate::auth::{MIN_SECRET, Role};
use crate::gateway::signature::WebhookSecret;
use crate::sink::webhook::address;

/// A transactional commerce core over HTTP.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do; serves if not said.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the program does.
#[derive(Debug, Clone, Subcommand)]
pub enum Task {
    /// Serve the shop over HTTP (the default).
    Serve,
    /// Print a token for development, signed with the secret that the server has.
    Token(TokenArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Bring the database to the schema of this version.
    Migrate,
    /// Prove the books of the database, or list what does not add up; the exit code is 1 if anything does not.
    Reconcile,
    /// Import products from a CSV file into the database; the exit code is 1 if a row is refused.
    Import(ImportArgs),
    /// Deliver events and run the jobs of the database, without serving; a server does both by itself.
    Work,
    /// Print the JSON Schema of the events that are delivered.
    Events,
    /// End every unpaid order of the database whose time is over, once; a server does so by itself.
    Expire,
}

/// What to import, and how.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The CSV file, a row a variant; the first row of a product names it.
    pub file: std::path::PathBuf,
    /// All rows in one commit, or none of them if one is refused; product by product if absent.
    #[arg(long)]
    pub all_or_nothing: bool,
    /// Only tell what would become of each row.
    #[arg(long)]
    pub dry_run: bool,
    /// The idempotency key; if absent, one made from the file, so that the same file goes on where it stopped, and makes
    /// nothing twice.
    #[arg(long, value_parser = key)]
    pub key: Option<IdempotencyKey>,
}

/// Whom a token names.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    /// What the token allows.
    #[arg(long, value_enum)]
    pub role: Role,
    /// A customer's id, or an operator's name.
    #[arg(long)]
    pub subject: String,
    /// How long it is good for, in seconds.
    #[arg(long, default_value_t = 3600, value_parser = seconds(315_360_000))]
    pub ttl: u64,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What keeps the tally of the admission gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateKind {
    /// There is no gate.
    Off,
    /// This process, for itself.
    Process,
    /// A Redis, for all processes that name it.
    Redis,
}

/// Every setting; each variable is `COMMERCE_` and the flag in capitals.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "COMMERCE_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,
    /// The PostgreSQL database to keep records in, as postgres://user:password@host/database; in memory if absent.
    #[arg(long, env = "COMMERCE_DATABASE_URL", hide_env_values = true, value_parser = database_url, global = true)]
    pub database_url: Option<DatabaseUrl>,
    /// The secret that tokens and cursors are signed with, at least 32 bytes; a random one for this run if absent.
    #[arg(long, env = "COMMERCE_JWT_SECRET", hide_env_values = true, value_parser = secret, global = true)]
    pub jwt_secret: Option<Secret>,
    /// The time zone of the shop's days, by its IANA name.
    #[arg(long, env = "COMMERCE_TIME_ZONE", default_value = "UTC", value_parser = time_zone, global = true)]
    pub time_zone: TimeZone,
    /// How long an unpaid order holds what it took, in seconds.
    #[arg(long, env = "COMMERCE_PENDING_ORDER_TTL", default_value_t = 1800, value_parser = seconds(31_536_000), global = true)]
    pub pending_order_ttl: u64,
    /// When the jobs run.
    #[command(flatten)]
    pub jobs: JobSettings,
    /// How long the server gathers looks at products before it writes them, in seconds.
    #[arg(long, env = "COMMERCE_VIEWS_INTERVAL", default_value_t = 10, value_parser = seconds(86_400), global = true)]
    pub views_interval: u64,
    /// The number of this process among those that share a store: 0 to 1023.
    #[arg(long, env = "COMMERCE_NODE_ID", default_value = "0", value_parser = node, global = true)]
    pub node_id: NodeId,
    /// The most bytes that a request's body may have.
    #[arg(long, env = "COMMERCE_BODY_LIMIT", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1_024..=16_777_216), global = true)]
    pub body_limit: u32,
    /// The most bytes that a CSV file of products may have.
    #[arg(long, env = "COMMERCE_IMPORT_LIMIT", default_value_t = 4_194_304, value_parser = clap::value_parser!(u32).range(1_024..=67_108_864), global = true)]
    pub import_limit: u32,
    /// How long a request may take, in seconds.
    #[arg(long, env = "COMMERCE_REQUEST_TIMEOUT", default_value_t = 30, value_parser = seconds(3_600), global = true)]
    pub request_timeout: u64,
    /// How long a client may take over a request's head, and how long a connection may idle, in seconds.
    #[arg(long, env = "COMMERCE_HEADER_TIMEOUT", default_value_t = 15, value_parser = seconds(3_600), global = true)]
    pub header_timeout: u64,
    /// The most connections at a time.
    #[arg(long, env = "COMMERCE_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), global = true)]
    pub connections: u32,
    /// The payment gateway to take cards through, as http://host:port; cards are not taken if absent.
    #[arg(long, env = "COMMERCE_GATEWAY_URL", value_parser = gateway_url, requires = "gateway_webhook_secret", global = true)]
    pub gateway_url: Option<Url>,
    /// What the gateway signs its calls with, as whsec_…; several, apart by commas, while one is being replaced.
    #[arg(long, env = "COMMERCE_GATEWAY_WEBHOOK_SECRET", hide_env_values = true, value_parser = webhook_secret, value_delimiter = ',', global = true)]
    pub gateway_webhook_secret: Vec<WebhookSecret>,
    /// How long the gateway may take over an answer, in seconds.
    #[arg(long, env = "COMMERCE_GATEWAY_TIMEOUT", default_value_t = 10, value_parser = seconds(300), global = true)]
    pub gateway_timeout: u64,
    /// How long a payment is to have been quiet when the gateway is asked about it, in seconds.
    #[arg(long, env = "COMMERCE_GATEWAY_SWEEP", default_value_t = 30, value_parser = seconds(86_400), global = true)]
    pub gateway_sweep: u64,
    /// What keeps the tally of the gate in front of coupons and hot products, which turns away who is too late for them.
    #[arg(long, env = "COMMERCE_GATE", value_enum, default_value_t = GateKind::Off, global = true)]
    pub gate: GateKind,
    /// The Redis that keeps the tally of the gate, as redis://user:password@host:port/database.
    #[arg(long, env = "COMMERCE_GATE_REDIS_URL", hide_env_values = true, value_parser = brokers::redis_url, required_if_eq("gate", "redis"), global = true)]
    pub gate_redis_url: Option<BrokerUrl>,
    /// Whether to write events to standard output, one JSON object a line.
    #[arg(long, env = "COMMERCE_SINK_STDOUT", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub sink_stdout: bool,
    /// Where to POST events to, as https://host/path or http://host:port/path; nowhere if absent.
    #[arg(long, env = "COMMERCE_SINK_WEBHOOK_URL", value_parser = webhook_url, requires = "sink_webhook_secret", global = true)]
    pub sink_webhook_url: Option<Url>,
    /// What the webhook's calls are signed with, as whsec_…; several, apart by commas, while one is being replaced.
    #[arg(long, env = "COMMERCE_SINK_WEBHOOK_SECRET", hide_env_values = true, value_parser = webhook_secret, value_delimiter = ',', global = true)]
    pub sink_webhook_secret: Vec<WebhookSecret>,
    /// How long the webhook may take over an answer, in seconds.
    #[arg(long, env = "COMMERCE_SINK_WEBHOOK_TIMEOUT", default_value_t = 10, value_parser = seconds(300), global = true)]
    pub sink_webhook_timeout: u64,
    /// Whether the webhook may have an address that is not public.
    #[arg(long, env = "COMMERCE_SINK_WEBHOOK_PRIVATE", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub sink_webhook_private: bool,
    /// Message brokers.
    #[command(flatten)]
    pub brokers: Brokers,
    /// What the shop is called in events: a URI, or the path of one.
    #[arg(long, env = "COMMERCE_EVENT_SOURCE", default_value = "/commerce", value_parser = event_source, global = true)]
    pub event_source: String,
    /// How long to wait between two looks for events that nobody told of, in milliseconds.
    #[arg(long, env = "COMMERCE_RELAY_INTERVAL", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=3_600_000), global = true)]
    pub relay_interval: u64,
    /// After how many attempts an event becomes a dead letter of its sink.
    #[arg(long, env = "COMMERCE_RELAY_ATTEMPTS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000), global = true)]
    pub relay_attempts: u32,
    /// How long to wait after the first attempt that failed, in seconds; twice as long after each that follows.
    #[arg(long, env = "COMMERCE_RELAY_BACKOFF", default_value_t = 1, value_parser = seconds(3_600), global = true)]
    pub relay_backoff: u64,
    /// How long to wait after an attempt that failed at most, in seconds.
    #[arg(long, env = "COMMERCE_RELAY_BACKOFF_MAX", default_value_t = 600, value_parser = seconds(86_400), global = true)]
    pub relay_backoff_max: u64,
    /// How long events are kept that every sink has, in seconds: for as long reconciliation proves that each was told. And how
    /// long events wait for a first sink.
    #[arg(long, env = "COMMERCE_OUTBOX_RETENTION", default_value_t = 604_800, value_parser = seconds(315_360_000), global = true)]
    pub outbox_retention: u64,
    /// How long idempotency keys are kept, in seconds: longer than any client goes on retrying.
    #[arg(long, env = "COMMERCE_KEY_RETENTION", default_value_t = 604_800, value_parser = seconds(315_360_000), global = true)]
    pub key_retention: u64,
    /// What to log, as a filter: `info`, `debug`, `commerce_server=debug`.
    #[arg(long, env = "COMMERCE_LOG", default_value = "info", global = true)]
    pub log: String,
    /// How the log is written.
    #[arg(long, env = "COMMERCE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// Whether to start with a small demo shop; if not said, only in memory.
    #[arg(long, env = "COMMERCE_DEMO", action = clap::ArgAction::Set, global = true)]
    pub demo: Option<bool>,
}

/// Where the payment gateway is.
fn gateway_url(text: &str) -> Result<Url, String> {
    let wrong = || "write http://host:port; put what encrypts in front of a gateway elsewhere".to_owned();
    Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host()).ok_or_else(wrong)
}

/// Where events are posted to.
fn webhook_url(text: &str) -> Result<Url, String> {
    // Whether it may be private is another setting's to say.
    address(text, true).map_err(|error| error.to_string())
}

fn event_source(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| "write 1 to 255 characters of a URI, without blanks".to_owned())
}

fn webhook_secret(text: &str) -> Result<WebhookSecret, String> {
    WebhookSecret::parse(text).ok_or_else(|| "write whsec_ and 24 to 64 bytes of base64".to_owned())
}

/// Where the database is. It may hold a password, so it is never shown, not even by `Debug`.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// A secret: never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A random secret; `None` if the system has no randomness to give.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = vec![0; MIN_SECRET];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Settings {
    /// The shop's settings.
    #[must_use]
    pub fn shop(&self) -> Shop {
        Shop { time_zone: self.time_zone, pending_order_ttl: Duration::from_secs(self.pending_order_ttl) }
    }

    /// Whether to fill in the demo shop: as said, or if the store forgets anyway.
    #[must_use]
    pub fn demo(&self) -> bool {
        self.demo.unwrap_or(self.database_url.is_none())
    }

    /// How what happened is told to others.
    #[must_use]
    pub fn telling(&self) -> Telling {
        Telling { source: self.event_source.clone(), private_webhooks: self.sink_webhook_private }
    }

    /// The limits of a request.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            body: self.body_limit as usize,
            import: self.import_limit as usize,
            request: Duration::from_secs(self.request_timeout),
            header: Duration::from_secs(self.header_timeout),
            connections: self.connections as usize,
        }
    }
}

/// The command line and the environment, or why they are refused, with the name of what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = String>, variables: &[String]) -> Result<Cli, Refused> {
    let unknown = variables.iter().find(|name| !is_known(name));
    if let Some(name) = unknown {
        let text = format!("error: {name}: there is no such setting; see --help\n");
        return Err(Refused { text, code: 2 });
    }
    Cli::try_parse_from(arguments).map_err(|error| {
        let mut text = error.render().to_string();
        if let Some(clap::error::ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
            && let Some(flag) = argument.split(' ').next().and_then(|flag| flag.strip_prefix("--"))
            && let Some(setting) = Cli::command().get_arguments().find(|setting| setting.get_long() == Some(flag))
        {
            if error.kind() == ErrorKind::ValueValidation && setting.is_hide_env_values_set() {
                let reason = error.source().map_or_else(String::new, |reason| format!(": {reason}"));
                text = format!("error: this value of --{flag} is refused{reason}\n");
            }
            // Infallible: it is a String that is written to.
            let _ = writeln!(text, "\nThe setting is --{flag}, or the variable {}.", variable(flag));
        }
        Refused { text, code: error.exit_code() }
    })
}

/// The command line is not one to run with: what to print, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What to print.
    pub text: String,
    /// The exit code; 0 for `--help` and `--version`.
    pub code: i32,
}

fn variable(flag: &str) -> String {
    format!("COMMERCE_{}", flag.replace('-', "_").to_ascii_uppercase())
}

/// Whether a variable is a setting, or nothing of ours. Those of the tests are left alone.
fn is_known(name: &str) -> bool {
    let ours = name.starts_with("COMMERCE_") && !name.starts_with("COMMERCE_TEST_");
    !ours || Cli::command().get_arguments().any(|argument| argument.get_env().is_some_and(|env| env == name))
}

fn secret(text: &str) -> Result<Secret, String> {
    if text.len() < MIN_SECRET {
        return Err(format!("a secret has at least {MIN_SECRET} bytes; this one has {}", text.len()));
    }
    Ok(Secret(text.as_bytes().to_vec()))
}

fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(DatabaseUrl(text.to_owned()));
    }
    Err("not a PostgreSQL URL; write postgres://user:password@host/database".to_owned())
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    name.parse().map_err(|_| "not a time zone; write its IANA name, like Asia/Seoul".to_owned())
}

fn node(text: &str) -> Result<NodeId, String> {
    let number = text.parse().ok().and_then(NodeId::new);
    number.ok_or_else(|| format!("a node is a number from 0 to {}", NodeId::COUNT - 1))
}

fn key(text: &str) -> Result<IdempotencyKey, String> {
    IdempotencyKey::new(text).map_err(|error| error.to_string())
}

fn seconds(max: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Cli, Refused> {
        parse(["commerce-server"].iter().chain(arguments).map(|text| (*text).to_owned()), &[])
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_name() {
        for (flag, variable, value) in [
            ("--listen", "COMMERCE_LISTEN", "nowhere"),
            ("--jwt-secret", "COMMERCE_JWT_SECRET", "short"),
            ("--time-zone", "COMMERCE_TIME_ZONE", "Mars/Olympus"),
            ("--pending-order-ttl", "COMMERCE_PENDING_ORDER_TTL", "0"),
            ("--job-daily-sales", "COMMERCE_JOB_DAILY_SALES", "never"),
            ("--job-order-expiry", "COMMERCE_JOB_ORDER_EXPIRY", "5"),
            ("--job-coupon-expiry", "COMMERCE_JOB_COUPON_EXPIRY", "* * * *"),
            ("--job-payment-reconciliation", "COMMERCE_JOB_PAYMENT_RECONCILIATION", "61 * * * *"),
            ("--job-reconciliation", "COMMERCE_JOB_RECONCILIATION", "0 0 30 2 *"),
            ("--job-pruning", "COMMERCE_JOB_PRUNING", "0 0 30 2 *"),
            ("--views-interval", "COMMERCE_VIEWS_INTERVAL", "never"),
            ("--node-id", "COMMERCE_NODE_ID", "1024"),
            ("--body-limit", "COMMERCE_BODY_LIMIT", "1"),
            ("--import-limit", "COMMERCE_IMPORT_LIMIT", "1"),
            ("--request-timeout", "COMMERCE_REQUEST_TIMEOUT", "soon"),
            ("--header-timeout", "COMMERCE_HEADER_TIMEOUT", "0"),
            ("--connections", "COMMERCE_CONNECTIONS", "0"),
            ("--database-url", "COMMERCE_DATABASE_URL", "mysql://shop:hunter2@localhost/shop"),
            ("--gateway-url", "COMMERCE_GATEWAY_URL", "https://gateway"),
            ("--gateway-webhook-secret", "COMMERCE_GATEWAY_WEBHOOK_SECRET", "hunter2"),
            ("--gateway-timeout", "COMMERCE_GATEWAY_TIMEOUT", "0"),
            ("--gateway-sweep", "COMMERCE_GATEWAY_SWEEP", "0"),
            ("--gate", "COMMERCE_GATE", "ajar"),
            ("--gate-redis-url", "COMMERCE_GATE_REDIS_URL", "localhost"),
            ("--sink-stdout", "COMMERCE_SINK_STDOUT", "maybe"),
            ("--sink-webhook-url", "COMMERCE_SINK_WEBHOOK_URL", "ftp://books"),
            ("--sink-webhook-secret", "COMMERCE_SINK_WEBHOOK_SECRET", "hunter2"),
            ("--sink-webhook-timeout", "COMMERCE_SINK_WEBHOOK_TIMEOUT", "0"),
            ("--sink-webhook-private", "COMMERCE_SINK_WEBHOOK_PRIVATE", "maybe"),
            ("--sink-redis-url", "COMMERCE_SINK_REDIS_URL", "http://hunter2@localhost"),
            ("--sink-redis-stream", "COMMERCE_SINK_REDIS_STREAM", "two words"),
            ("--sink-redis-length", "COMMERCE_SINK_REDIS_LENGTH", "0"),
            ("--sink-nats-url", "COMMERCE_SINK_NATS_URL", "localhost:4222"),
            ("--sink-nats-subject", "COMMERCE_SINK_NATS_SUBJECT", "shop.>"),
            ("--sink-nats-stream", "COMMERCE_SINK_NATS_STREAM", "shop.events"),
            ("--sink-kafka-brokers", "COMMERCE_SINK_KAFKA_BROKERS", ""),
            ("--sink-kafka-topic", "COMMERCE_SINK_KAFKA_TOPIC", "shop/events"),
            ("--sink-kafka-properties", "COMMERCE_SINK_KAFKA_PROPERTIES", "linger"),
            ("--sink-broker-timeout", "COMMERCE_SINK_BROKER_TIMEOUT", "0"),
            ("--event-source", "COMMERCE_EVENT_SOURCE", "two words"),
            ("--relay-interval", "COMMERCE_RELAY_INTERVAL", "0"),
            ("--relay-attempts", "COMMERCE_RELAY_ATTEMPTS", "0"),
            ("--relay-backoff", "COMMERCE_RELAY_BACKOFF", "0"),
            ("--relay-backoff-max", "COMMERCE_RELAY_BACKOFF_MAX", "never"),
            ("--outbox-retention", "COMMERCE_OUTBOX_RETENTION", "0"),
            ("--key-retention", "COMMERCE_KEY_RETENTION", "for ever"),
            ("--log-format", "COMMERCE_LOG_FORMAT", "xml"),
            ("--demo", "COMMERCE_DEMO", "maybe"),
        ] {
            let refused = parsed(&[flag, value]).expect_err(flag);
            assert!(refused.text.contains(flag) && refused.text.contains(variable), "{}", refused.text);
            assert_eq!(refused.code, 2);
        }
    }

    #[test]
    fn every_variable_is_named_after_its_flag() {
        let command = Cli::command();
        let with_env = command.get_arguments().filter_map(|argument| Some((argument.get_long()?, argument.get_env()?)));
        for (flag, env) in with_env {
            assert_eq!(env.to_str(), Some(&*variable(flag)));
        }
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_its_name() {
        let variables = ["PATH", "COMMERCE_LISTEN", "COMMERCE_TEST_ANYTHING"].map(str::to_owned);
        assert!(parse(["commerce-server".to_owned()], &variables).is_ok());
        let refused = parse(["commerce-server".to_owned()], &["COMMERCE_LISTN".to_owned()]).expect_err("misspelt");
        assert!(refused.text.contains("COMMERCE_LISTN"));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let cli = parsed(&["--jwt-secret", "0123456789abcdef0123456789abcdef"]).expect("settings");
        assert!(!format!("{cli:?}").contains("0123456789"));
        for (flag, secret) in [("--jwt-secret", "hunter2"), ("--database-url", "mysql://shop:hunter2@localhost/shop")] {
            for arguments in [vec![flag, secret], vec![&*format!("{flag}={secret}")], vec!["serve", flag, secret]] {
                let refused = parsed(&arguments).expect_err(flag);
                assert!(!refused.text.contains("hunter2"), "{}", refused.text);
            }
        }
    }

    #[test]
    fn a_token_lives_for_a_while_and_has_no_variable() {
        let token = ["token", "--role", "operator", "--subject", "mina", "--ttl"];
        for ttl in ["0", "soon", "18446744073709551615"] {
            let refused = parsed(&[&token[..], &[ttl]].concat()).expect_err(ttl);
            assert!(refused.text.contains("--ttl") && !refused.text.contains("COMMERCE_TTL"), "{}", refused.text);
        }
        assert!(parsed(&[&token[..], &["1"]].concat()).is_ok());
    }
}
