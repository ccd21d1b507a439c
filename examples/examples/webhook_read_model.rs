//! A service that keeps a read model of a shop's orders from its webhook, and shows it at `GET /orders`.
//!
//! ```sh
//! export SECRET=whsec_$(head -c 24 /dev/urandom | base64)
//! cargo run -p commerce-examples --example webhook_read_model -- --secret $SECRET
//! cargo run -p commerce-server -- --sink-webhook-url http://127.0.0.1:9090/events --sink-webhook-secret $SECRET \
//!     --sink-webhook-private true
//! ```

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use commerce_examples::webhook::{Receiver, Secret, serve};
use tokio::net::TcpListener;

/// Keeps a read model from a webhook.
#[derive(Debug, Parser)]
struct Arguments {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// What the shop signs its calls with, as whsec_….
    #[arg(long)]
    secret: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let secret = Secret::parse(&arguments.secret).ok_or("--secret: write whsec_ and base64")?;
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("events are taken at http://{0}/events, orders shown at http://{0}/orders", listener.local_addr()?);
    serve(listener, Receiver::new(secret), async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
