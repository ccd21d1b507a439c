//! The server: settings, a store, and the service over it. The only place that names the stores.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Caller, Commerce, Payments, Principal, Report, Store, Timestamp, reconcile};
use commerce_server::app::App;
use commerce_server::auth::{Role, Tokens};
use commerce_server::config::{self, Cli, DatabaseUrl, ImportArgs, LogFormat, Secret, Settings, Task, TokenArgs};
use commerce_server::gateway::Cards;
use commerce_server::gateway::http::HttpGateway;
use commerce_server::gateway::signature::Webhooks;
use commerce_server::import::{self, Import};
use commerce_server::work::relay::Relay;
use commerce_server::work::scheduler::Scheduler;
use commerce_server::{demo, document, expiry, gate, serve, service, sink, views, work};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::PostgresStore;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tracing_subscriber::EnvFilter;

/// Many small records, made on one thread and freed on another: what this allocator is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let variables: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    let cli = match config::parse(std::env::args(), &variables) {
        Ok(cli) => cli,
        Err(refused) if refused.code == 0 => {
            print!("{}", refused.text);
            return ExitCode::SUCCESS;
        }
        Err(refused) => {
            eprint!("{}", refused.text);
            return ExitCode::from(2);
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Box<dyn Error>> {
    match cli.task.unwrap_or(Task::Serve) {
        Task::Serve => serve_shop(&cli.settings),
        Task::Token(token) => print_token(&cli.settings, &token),
        Task::Openapi => {
            print!("{}", document::text());
            Ok(ExitCode::SUCCESS)
        }
        Task::Migrate => migrate_database(&cli.settings),
        // Its exit code tells drifts from books that could not be read.
        Task::Reconcile => reconcile_database(&cli.settings).or_else(|error| {
            eprintln!("error: {error}");
            Ok(ExitCode::from(2))
        }),
        Task::Import(import) => import_into_database(&cli.settings, &import).or_else(|error| {
            eprintln!("error: {error}");
            Ok(ExitCode::from(2))
        }),
        Task::Expire => expire_in_database(&cli.settings),
        Task::Work => work_on_database(&cli.settings),
        Task::Events => {
            print!("{}", sink::event::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn print_token(settings: &Settings, token: &TokenArgs) -> Result<ExitCode, Box<dyn Error>> {
    let needed = "COMMERCE_JWT_SECRET (or --jwt-secret) is needed: the secret that the server was started with";
    let secret = settings.jwt_secret.as_ref().ok_or(needed)?;
    let tokens = Tokens::new(secret.bytes());
    println!("{}", tokens.mint(token.role, &token.subject, Duration::from_secs(token.ttl))?);
    Ok(ExitCode::SUCCESS)
}

fn database(settings: &Settings) -> Result<&DatabaseUrl, &'static str> {
    settings.database_url.as_ref().ok_or("COMMERCE_DATABASE_URL (or --database-url) is needed: the database to work on")
}

#[tokio::main]
async fn migrate_database(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    commerce_store_postgres::migrate(database(settings)?.as_str()).await?;
    println!("the database is at schema version {}", commerce_store_postgres::schema_version());
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn reconcile_database(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let store = postgres(settings, database(settings)?, PATIENCE).await?;
    let Report { stocks, wallets, coupons, copies, codes, orders, top_ups, sales, drifts, .. } =
        reconcile(&*store).await?;
    println!(
        "{stocks} stocks, {wallets} wallets, {coupons} coupons, {copies} copies, {codes} codes, {orders} orders, {top_ups} top-ups, \
         {sales} sales: {} drifts",
        drifts.len()
    );
    for drift in &drifts {
        println!("{drift}");
    }
    Ok(if drifts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[tokio::main]
async fn expire_in_database(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let store = postgres(settings, database(settings)?, None).await?;
    let commerce = Commerce::new(store, settings.node_id);
    let orders = expiry::sweep(&commerce).await?;
    println!("{} orders ended whose time to be paid was over", orders.done);
    let (copies, _) = expiry::sweep_copies(&commerce, Timestamp::from_micros(0)).await?;
    println!("{} copies of coupons marked as expired", copies.done);
    for failed in orders.failed.iter().chain(&copies.failed) {
        eprintln!("error: {failed}");
    }
    let is_done = orders.failed.is_empty() && copies.failed.is_empty();
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[tokio::main]
async fn import_into_database(settings: &Settings, asked: &ImportArgs) -> Result<ExitCode, Box<dyn Error>> {
    let store = postgres(settings, database(settings)?, PATIENCE).await?;
    let csv = std::fs::read(&asked.file).map_err(|error| format!("{}: {error}", asked.file.display()))?;
    let key = asked.key.clone().map_or_else(|| import::key_of(&csv), Ok)?;
    let caller = Caller::new(Principal::System, key);
    let import = Import::read(Commerce::new(store, settings.node_id), caller, &csv).map_err(import::words)?;
    let how = import::How { all_or_nothing: asked.all_or_nothing, dry_run: asked.dry_run };
    let refused = import::tell(import, how, &mut std::io::stdout(), &mut std::io::stderr()).await?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Delivers and runs jobs until it is told to stop. What it says goes to the log: standard output may be a sink.
#[tokio::main]
async fn work_on_database(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    log(settings)?;
    let commerce = Commerce::new(postgres(settings, database(settings)?, None).await?, settings.node_id);
    let payments = cards(settings, &commerce)?.map(|cards| cards.payments);
    let jobs = jobs(settings, &commerce, payments, Arc::default())?;
    tokio::join!(relay(settings, &commerce, Arc::default()).await?, jobs);
    Ok(ExitCode::SUCCESS)
}

/// The jobs at work, until the process is told to stop.
fn jobs(
    settings: &Settings,
    commerce: &Commerce,
    payments: Option<Payments>,
    asked: Arc<Notify>,
) -> Result<impl Future<Output = ()> + use<>, Box<dyn Error>> {
    let jobs = work::jobs(settings, commerce, payments)?;
    let scheduler = Scheduler::new(Arc::clone(commerce.store()), work::scheduler_settings(settings)?, jobs, asked);
    Ok(async move { scheduler.run(told()).await })
}

/// The relay at work for the sinks that the settings name, until the process is told to stop.
async fn relay(
    settings: &Settings,
    commerce: &Commerce,
    happened: Arc<Notify>,
) -> Result<impl Future<Output = ()> + use<>, Box<dyn Error>> {
    let managed = work::managed(settings);
    let (sinks, settings) = (work::sinks(settings).await?, work::relay_settings(settings)?);
    for (name, _) in &sinks {
        tracing::info!(sink = %name, "events are delivered");
    }
    let relay = Relay::managing(Arc::clone(commerce.store()), settings, happened, managed);
    Ok(async move { relay.run(sinks, told()).await })
}

/// The store that the settings name, and a few words on it.
async fn store(settings: &Settings) -> Result<(Arc<dyn Store>, &'static str), Box<dyn Error>> {
    let Some(url) = &settings.database_url else {
        let store = MemoryStore::new(settings.shop());
        return Ok((Arc::new(store), "in this process's memory: everything is forgotten when it stops"));
    };
    Ok((postgres(settings, url, None).await?, "in PostgreSQL"))
}

/// How long a page of the books, or an import in one commit, may take: nobody waits for it as for an answer.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

async fn postgres(
    settings: &Settings,
    url: &DatabaseUrl,
    deadline: Option<Duration>,
) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let mut config = commerce_store_postgres::Config::new(url.as_str(), settings.shop())?;
    config.deadline = deadline.unwrap_or(config.deadline);
    let named = |error| format!("COMMERCE_DATABASE_URL (--database-url): {error}");
    Ok(Arc::new(PostgresStore::open(config).await.map_err(named)?))
}

#[tokio::main]
async fn serve_shop(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    log(settings)?;
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => Secret::random().ok_or("the system has no randomness for a secret; set COMMERCE_JWT_SECRET")?,
    };
    let (store, kept) = store(settings).await?;
    let gate = gate::gate(settings, &store)?;
    let commerce = Commerce::new(store, settings.node_id);
    let commerce = match gate {
        Some(gate) => commerce.behind(gate),
        None => commerce,
    };
    let cards = cards(settings, &commerce)?;
    let payments = cards.as_ref().map(|cards| cards.payments.clone());
    let app = App::with_telling(commerce, secret.bytes(), settings.limits(), cards, settings.telling());
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("COMMERCE_LISTEN (--listen): {} cannot be listened on: {error}", settings.listen))?;
    let base = format!("http://{}", listener.local_addr()?);
    println!("commerce-server {} serves {base}/v1", env!("CARGO_PKG_VERSION"));
    println!("  API by hand   {base}/docs    document {base}/openapi.json");
    println!("  records       {kept}");
    if settings.jwt_secret.is_none() {
        println!("  tokens        signed with a secret of this run; set COMMERCE_JWT_SECRET to keep them");
    }
    match &settings.gateway_url {
        Some(url) => println!("  cards         through {url}, which is to call {base}/v1/webhooks/payments"),
        None => println!("  cards         not taken; --gateway-url names a payment gateway"),
    }
    if settings.demo() {
        greet(&app, &base).await?;
    }
    let seconds = Duration::from_secs;
    let relay = relay(settings, &app.commerce, Arc::clone(&app.happened)).await?;
    let jobs = jobs(settings, &app.commerce, payments, Arc::clone(&app.asked))?;
    let (served, all_served) = tokio::sync::oneshot::channel::<()>();
    // Requests and jobs are told by the same signal, and each finishes what it is at; the views come last.
    let requests = async {
        serve::serve(listener, Arc::new(service(&app)), stop()).await;
        drop(served);
    };
    let last = async { drop(all_served.await) };
    let work = async { tokio::join!(requests, jobs, views::run(&app, seconds(settings.views_interval), last), relay) };
    tokio::select! {
        ((), (), (), ()) = work => tracing::info!("stopped"),
        () = insisted() => tracing::warn!("told again: stopped with requests under way"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the shop takes cards with, if the settings name a gateway.
fn cards(settings: &Settings, commerce: &Commerce) -> Result<Option<Cards>, Box<dyn Error>> {
    let Some(url) = &settings.gateway_url else { return Ok(None) };
    let gateway = HttpGateway::new(url, Duration::from_secs(settings.gateway_timeout))?;
    let payments = Payments::new(commerce.clone(), Arc::new(gateway));
    Ok(Some(Cards { payments, webhooks: Webhooks::new(settings.gateway_webhook_secret.clone()) }))
}

/// Fills the demo shop and prints a first call.
async fn greet(app: &App, base: &str) -> Result<(), Box<dyn Error>> {
    let demo = demo::fill(&app.commerce).await?;
    let day = Duration::from_secs(24 * 60 * 60);
    let customer = app.tokens.mint(Role::Customer, &demo.customer.to_string(), day)?;
    let operator = app.tokens.mint(Role::Operator, "demo", day)?;
    println!("  demo shop     three products, two coupons, customer {} with 1,000,000 won", demo.customer);
    println!("\nAn operator's token for a day:\n\n{operator}\n");
    println!("A first order, with the customer's token (a new Idempotency-Key makes a new order):\n");
    println!(
        "curl -i {base}/v1/orders -H 'Authorization: Bearer {customer}' -H 'Content-Type: application/json' \
         -H 'Idempotency-Key: first-order' \
         -d '{{\"lines\":[{{\"variant_id\":\"{}\",\"quantity\":2}}],\"payment\":\"wallet\"}}'\n",
        demo.variant
    );
    Ok(())
}

fn log(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("COMMERCE_LOG (--log): {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Ready when the process is told to stop.
async fn stop() {
    told().await;
    tracing::info!("stopping: requests under way are finished first");
}

/// Ready when the process is told to stop for the second time.
async fn insisted() {
    told().await;
    told().await;
}

/// Ready at the next signal to stop.
async fn told() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be heard; only ctrl-c stops the server");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}
