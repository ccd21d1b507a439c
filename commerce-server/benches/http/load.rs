//! Many clients for a while, and what they came to.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A benchmark that cannot run says why, and stops.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One that asks again and again.
pub(crate) trait Client: Send + 'static {
    /// Asks once, and waits for the answer.
    fn ask(&mut self) -> impl Future<Output = Outcome<()>> + Send;
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Lets the clients ask for `length`.
pub(crate) async fn measure<C: Client>(clients: Vec<C>, length: Duration) -> Outcome<Figure> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < length {
                let begun = Instant::now();
                client.ask().await?;
                latencies.push(begun.elapsed());
            }
            Outcome::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        latencies.extend(ended??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Ok(Figure { per_second: latencies.len() as f64 / elapsed, p50: at(0.5), p99: at(0.99) })
}

/// The one in the middle by rate.
pub(crate) fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    figures[figures.len() / 2]
}

/// The least of an HTTP client: one request at a time, answers with a Content-Length, statuses below 300.
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(16 * 1024) })
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Outcome<()> {
        if self.ask_for_status(request).await? < 300 {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&self.buffer).into_owned().into())
    }

    /// The status of the answer, whatever it is.
    pub(crate) async fn ask_for_status(&mut self, request: &[u8]) -> Outcome<u16> {
        self.socket.write_all(request).await?;
        self.buffer.clear();
        while !whole(&self.buffer) {
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        let status = self.buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        Ok(status.ok_or("no status")?.parse()?)
    }
}

/// Whether the buffer holds a head and as many bytes of body as it says.
fn whole(buffer: &[u8]) -> bool {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|n| n.trim().parse::<usize>().ok()).is_some_and(|length| buffer.len() >= end + 4 + length)
}

/// A request to place an order of `lines` (JSON) as the customer with the token.
pub(crate) fn order(token: &str, key: &str, lines: &str) -> String {
    let body = format!(r#"{{"lines":[{lines}],"payment":"wallet"}}"#);
    format!(
        "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
