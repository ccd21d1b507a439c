//! Standard output, an event a line: for a pipe, or a collector of logs.

use std::io::Write;

use async_trait::async_trait;

use super::{Outgoing, Sink, Word};

/// How many lines are written together.
const LINES: usize = 256;

/// Writes events as JSON lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

#[async_trait]
impl Sink for Stdout {
    fn at_once(&self) -> usize {
        LINES
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let mut lines = Vec::with_capacity(events.iter().map(|event| event.body.len() + 1).sum());
        for event in events {
            lines.extend_from_slice(&event.body);
            lines.push(b'\n');
        }
        // A pipe may be full for as long as it likes. How much went out before an error is not known: all are told again.
        let written = tokio::task::spawn_blocking(move || {
            let mut out = std::io::stdout().lock();
            out.write_all(&lines)?;
            out.flush()
        });
        let word = match written.await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        vec![word; events.len()]
    }
}
