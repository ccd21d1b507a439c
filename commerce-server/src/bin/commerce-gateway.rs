//! A payment gateway to develop against, as a program of its own. Amounts decide what becomes of a payment:
//! `GET /v1/manners` lists them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use commerce_server::gateway::emulated::{self, Settings};
use commerce_server::gateway::emulator::{Emulator, MANNERS, Manner};
use commerce_server::gateway::signature::WebhookSecret;
use reqwest::Url;
use tokio::net::TcpListener;

/// A payment gateway to develop against: it keeps its payments in memory, and moves no money.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where to call back: the server's /v1/webhooks/payments.
    #[arg(long, requires = "webhook_secret")]
    webhook_url: Option<Url>,
    /// The secret that calls are signed with: `whsec_` and 24 to 64 bytes of base64.
    #[arg(long, env = "COMMERCE_GATEWAY_WEBHOOK_SECRET", hide_env_values = true, value_parser = secret)]
    webhook_secret: Option<WebhookSecret>,
    /// What becomes of amounts that are not on the list of GET /v1/manners.
    #[arg(long, value_enum, default_value_t = Manner::Approve)]
    manner: Manner,
    /// How long what takes a while takes, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    delay: u64,
    /// How long an answer is held back that is to come too late, in milliseconds.
    #[arg(long, default_value_t = 60_000)]
    hang: u64,
}

fn secret(text: &str) -> Result<WebhookSecret, String> {
    WebhookSecret::parse(text).ok_or_else(|| "write whsec_ and 24 to 64 bytes of base64".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> std::io::Result<()> {
    let listener = TcpListener::bind(cli.listen).await?;
    let (version, address) = (env!("CARGO_PKG_VERSION"), listener.local_addr()?);
    let mut words = format!("commerce-gateway {version} serves http://{address}/v1/payments\n");
    for (digits, manner) in MANNERS {
        words.push_str(&format!("  minor units …{digits}   {manner:?}\n"));
    }
    std::io::stdout().write_all(words.as_bytes())?;
    let settings = Settings {
        webhook: cli.webhook_url.zip(cli.webhook_secret),
        delay: Duration::from_millis(cli.delay),
        hang: Duration::from_millis(cli.hang),
    };
    let stop = async {
        // Without a way to hear of ctrl-c it stops when it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    emulated::serve(listener, Arc::new(Emulator::new(cli.manner)), settings, stop).await
}
