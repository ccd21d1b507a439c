//! Looks at the store, one for all who wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commerce_core::{Envelope, Rejection, Store, foresee};
use tokio::sync::oneshot;

/// How many are looked for at a time.
const MOST: usize = 512;

struct Waiting {
    envelope: Envelope,
    answer: oneshot::Sender<Option<Rejection>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Whether somebody is looking, and will look for those who wait next.
    looking: bool,
}

/// Who comes while a look is under way is part of the next one, which begins after that: so what it shows was true at an
/// instant after everybody in it had asked.
pub(super) struct Look {
    store: Arc<dyn Store>,
    queue: Arc<Mutex<Queue>>,
}

impl Look {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, queue: Arc::default() }
    }

    /// What the store would refuse the envelope with; none if it would not, or if that cannot be told.
    pub(super) async fn at(&self, envelope: &Envelope) -> Option<Rejection> {
        let (answer, told) = oneshot::channel();
        let is_first = {
            let mut queue = lock(&self.queue);
            queue.waiting.push(Waiting { envelope: envelope.clone(), answer });
            !std::mem::replace(&mut queue.looking, true)
        };
        if is_first {
            // In a task of its own: whoever asked first may hang up, and the others still wait.
            tokio::spawn(run(Arc::clone(&self.store), Arc::clone(&self.queue)));
        }
        told.await.ok().flatten()
    }
}

async fn run(store: Arc<dyn Store>, queue: Arc<Mutex<Queue>>) {
    // Were it to end in any other way, the next to come has to look again.
    let _ended = Ended(&queue);
    loop {
        let batch = {
            let mut queue = lock(&queue);
            let count = queue.waiting.len().min(MOST);
            if count == 0 {
                queue.looking = false;
                return;
            }
            queue.waiting.drain(..count).collect::<Vec<_>>()
        };
        let (envelopes, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.envelope, waiting.answer)).unzip();
        match foresee(&*store, &envelopes).await {
            Ok(refusals) => answers.into_iter().zip(refusals).for_each(|(answer, refusal)| drop(answer.send(refusal))),
            // They go to the store, which says what is wrong.
            Err(error) => tracing::debug!(%error, "the gate could not look"),
        }
    }
}

struct Ended<'a>(&'a Mutex<Queue>);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut queue = lock(self.0);
        if std::thread::panicking() {
            queue.looking = false;
            queue.waiting.clear();
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
