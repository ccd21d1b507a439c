//! Standard output, an event a line: for a pipe, or a collector of logs.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::{Outgoing, Sink, Word};

/// How many lines are written together.
const LINES: usize = 256;

/// Writes events as JSON lines.
#[derive(Debug)]
pub struct Lines<W> {
    /// One writes at a time, whoever waits for it.
    out: Arc<Mutex<W>>,
    patience: Duration,
}

impl Lines<std::io::Stdout> {
    /// To standard output. Whoever reads it may take as long as `patience` to make room for what is written together.
    #[must_use]
    pub fn stdout(patience: Duration) -> Self {
        Self::to(std::io::stdout(), patience)
    }
}

impl<W: Write + Send + 'static> Lines<W> {
    fn to(out: W, patience: Duration) -> Self {
        Self { out: Arc::new(Mutex::new(out)), patience }
    }

    async fn write(&self, lines: Vec<u8>) -> Word {
        let late = |_| format!("standard output took nothing more for {:?}", self.patience);
        let written = async {
            // What was written before may still be on its way: nothing goes into the middle of it.
            let out = Arc::clone(&self.out).lock_owned().await;
            begin(out, lines)?.await.map_err(|error| error.to_string())?
        };
        timeout(self.patience, written).await.map_err(late)?
    }
}

/// Writes in a thread that nobody waits for at the end: a pipe may be full for as long as it likes.
fn begin<W: Write + Send + 'static>(
    mut out: OwnedMutexGuard<W>,
    lines: Vec<u8>,
) -> Result<oneshot::Receiver<Word>, String> {
    let (tell, told) = oneshot::channel();
    let write = move || {
        let written = out.write_all(&lines).and_then(|()| out.flush());
        drop(out);
        // Whoever asked may have lost patience.
        drop(tell.send(written.map_err(|error| error.to_string())));
    };
    std::thread::Builder::new().name("stdout".to_owned()).spawn(write).map_err(|error| error.to_string())?;
    Ok(told)
}

#[async_trait]
impl<W: Write + Send + 'static> Sink for Lines<W> {
    fn at_once(&self) -> usize {
        LINES
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let mut lines = Vec::with_capacity(events.iter().map(|event| event.body.len() + 1).sum());
        for event in events {
            lines.extend_from_slice(&event.body);
            lines.push(b'\n');
        }
        // How much went out before an error is not known: all are told again.
        vec![self.write(lines).await; events.len()]
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use bytes::Bytes;
    use commerce_core::MessageId;

    use super::*;

    const COUNT: usize = 8;
    const LENGTH: usize = 1 << 20;

    fn events() -> Vec<Outgoing> {
        let event = |n: i64| Outgoing {
            id: MessageId::try_from(n).expect("an id"),
            key: "order".to_owned(),
            kind: "order.paid.v1".to_owned(),
            // More than a pipe holds, taken together.
            body: Bytes::from(vec![b'a'; LENGTH]),
        };
        (1..=8).map(event).collect()
    }

    #[tokio::test]
    async fn a_pipe_that_nobody_reads_ends_a_delivery() {
        let (mut reader, writer) = UnixStream::pair().expect("a pipe");
        let mut sink = Lines::to(writer, Duration::ZERO);
        let late = "standard output took nothing more for 0ns".to_owned();
        for time in ["once", "again, while the first is on its way"] {
            assert_eq!(sink.deliver(&events()).await, vec![Err(late.clone()); COUNT], "{time}");
        }

        // Somebody reads at last: the lines of the first, whole, and those of what is told again.
        sink.patience = Duration::from_secs(600);
        let lines = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        assert_eq!(sink.deliver(&events()).await, vec![Ok(()); COUNT]);
        drop(sink);
        let all = lines.join().expect("a reader").expect("a pipe");
        let lengths: Vec<usize> = all.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lengths, vec![LENGTH + 1; 2 * COUNT]);
    }
}
