//! Follows the Redis stream of a shop's events, and keeps a read model of its orders.
//!
//! ```sh
//! cargo run -p commerce-examples --features redis --example redis_follower -- --url redis://127.0.0.1
//! cargo run -p commerce-server --features redis -- --sink-redis-url redis://127.0.0.1
//! ```

use std::error::Error;

use clap::Parser;
use commerce_examples::read_model::ReadModel;
use commerce_examples::redis_stream::follow;

/// Follows a stream of events.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where Redis is.
    #[arg(long, default_value = "redis://127.0.0.1")]
    url: String,
    /// The key of the stream.
    #[arg(long, default_value = "commerce:events")]
    stream: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut model = ReadModel::default();
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    let tell = |event: &commerce_examples::read_model::Event, applied| {
        println!("{} of order {}: {applied:?}", event.kind, event.subject);
    };
    follow(&arguments.url, &arguments.stream, &mut model, tell, stop).await?;
    println!("{} orders; {} wait for an event", model.orders().len(), model.held().len());
    Ok(())
}
