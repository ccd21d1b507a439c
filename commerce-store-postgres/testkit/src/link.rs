//! One connection through the proxy: its messages one by one, and what becomes of each.

use std::ops::Range;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::proxy::{Fate, Message};

/// A connection to the server, by whatever way.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Link {
    client: TcpStream,
    server: Box<dyn Stream>,
    /// What the client has said and is not a whole message yet.
    heard: Vec<u8>,
    /// Whether the message that opens the connection has been seen: it has no kind.
    opened: bool,
    /// A message that the client was answered and the server does not know of.
    promised: Option<Vec<u8>>,
    /// Whether the client is in a transaction that it began to write in.
    writing: bool,
    /// Tells, and is told, of every message of such a transaction, on whatever connection.
    stir: watch::Sender<()>,
}

/// Whether the conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Go,
    Cut,
}

impl Link {
    pub(crate) fn new(client: TcpStream, server: Box<dyn Stream>, stir: watch::Sender<()>) -> Self {
        Self { client, server, heard: Vec::new(), opened: false, promised: None, writing: false, stir }
    }

    /// Until one end leaves, or a message is to be cut at.
    pub(crate) async fn converse(mut self, decide: impl Fn(Message<'_>) -> Fate) -> std::io::Result<()> {
        let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut stirred = self.stir.subscribe();
        loop {
            tokio::select! {
                // A client that is gone keeps no promise, whatever else there is to hear.
                biased;
                read = self.client.read(&mut up) => {
                    let count = some(read?)?;
                    self.heard.extend_from_slice(&up[..count]);
                    while let Some(message) = self.next() {
                        self.writing = match &message[statement_in(message[0], &message)] {
                            b"begin" => true,
                            b"commit" | b"rollback" => false,
                            _ => self.writing,
                        };
                        if self.writing {
                            self.stir.send_replace(());
                        }
                        stirred.mark_unchanged();
                        if self.relay(&message, &decide).await? == Then::Cut {
                            return Ok(());
                        }
                    }
                }
                _ = stirred.changed() => self.keep_promise().await?,
                read = self.server.read(&mut down) => {
                    let count = some(read?)?;
                    self.client.write_all(&down[..count]).await?;
                }
            }
        }
    }

    /// The next whole message.
    fn next(&mut self) -> Option<Vec<u8>> {
        let head = usize::from(self.opened);
        let length: [u8; 4] = self.heard.get(head..head + 4)?.try_into().ok()?;
        let end = head + usize::try_from(u32::from_be_bytes(length)).ok()?;
        if self.heard.len() < end {
            return None;
        }
        let rest = self.heard.split_off(end);
        Some(std::mem::replace(&mut self.heard, rest))
    }

    async fn relay(&mut self, message: &[u8], decide: &impl Fn(Message<'_>) -> Fate) -> std::io::Result<Then> {
        self.keep_promise().await?;
        let kind = if self.opened { message[0] } else { 0 };
        self.opened = true;
        let place = statement_in(kind, message);
        let statement = std::str::from_utf8(&message[place.clone()]).unwrap_or_default();
        match decide(Message { kind, statement }) {
            Fate::Pass => self.server.write_all(message).await?,
            Fate::Cut => return Ok(Then::Cut),
            Fate::Stall => std::future::pending().await,
            Fate::CutAnswer => {
                self.server.write_all(message).await?;
                self.swallow_answer().await?;
                return Ok(Then::Cut);
            }
            Fate::Say(other) => self.server.write_all(&instead(message, place, &other)).await?,
            Fate::Refuse(code) => {
                self.server.write_all(&query("rollback")).await?;
                self.swallow_answer().await?;
                self.client.write_all(&refusal(code)).await?;
            }
            Fate::Promise => {
                self.promised = Some(message.to_vec());
                self.client.write_all(&success(statement)).await?;
            }
        }
        Ok(Then::Go)
    }

    async fn keep_promise(&mut self) -> std::io::Result<()> {
        match self.promised.take() {
            Some(promised) => {
                self.server.write_all(&promised).await?;
                self.swallow_answer().await
            }
            None => Ok(()),
        }
    }

    /// Reads the server's answer to a simple query to its end; nobody hears of it.
    async fn swallow_answer(&mut self) -> std::io::Result<()> {
        let mut kind_and_length = [0; 5];
        loop {
            self.server.read_exact(&mut kind_and_length).await?;
            let [kind, length @ ..] = kind_and_length;
            let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
            self.server.read_exact(&mut body).await?;
            // Ready for the next query.
            if kind == b'Z' {
                return Ok(());
            }
        }
    }
}

/// How much was read; the end is an error here, for it ends the conversation.
fn some(count: usize) -> std::io::Result<usize> {
    if count == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
}

/// Where a message's statement stands in it; nowhere if it has none.
fn statement_in(kind: u8, message: &[u8]) -> Range<usize> {
    let zero = |from: usize| (from..message.len()).find(|at| message[*at] == 0).unwrap_or(message.len());
    let head = 5.min(message.len());
    match kind {
        b'Q' => head..zero(head),
        // After the name that it is prepared under.
        b'P' => {
            let begin = (zero(head) + 1).min(message.len());
            begin..zero(begin)
        }
        _ => 0..0,
    }
}

/// The message with another statement.
fn instead(message: &[u8], place: Range<usize>, other: &str) -> Vec<u8> {
    if place.is_empty() {
        return message.to_vec();
    }
    framed(message[0], &[&message[5..place.start], other.as_bytes(), &message[place.end..]].concat())
}

fn query(statement: &str) -> Vec<u8> {
    framed(b'Q', &[statement.as_bytes(), &[0]].concat())
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

/// Ready for the next query, outside of a transaction.
fn ready() -> Vec<u8> {
    framed(b'Z', b"I")
}

fn refusal(code: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0Mrefused by the proxy\0\0");
    [framed(b'E', fields.as_bytes()), ready()].concat()
}

fn success(statement: &str) -> Vec<u8> {
    let tag = [statement.to_uppercase().as_bytes(), &[0]].concat();
    [framed(b'C', &tag), ready()].concat()
}
