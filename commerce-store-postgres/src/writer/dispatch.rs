//! Handing out: what waits goes to the lanes that are free. Nobody waits for a timer: a batch is whatever arrived while
//! the one before was under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinSet, yield_now};

use super::lane::Lane;
use super::meet::{Place, deal, places};
use super::{Counters, Job};
use crate::config::Config;

/// What waits, and what is under way.
struct Board {
    config: Arc<Config>,
    counters: Arc<Counters>,
    waiting: VecDeque<(Job, Vec<Place>)>,
    /// Those that meet something under way: looked at again when a batch has ended, not before.
    blocked: VecDeque<(Job, Vec<Place>)>,
    idle: Vec<Lane>,
    /// A task each, so that a panic ends a batch and not the writer.
    busy: JoinSet<Lane>,
    taken: HashMap<Id, Vec<Place>>,
    /// The places of what is under way or blocked.
    held: HashSet<Place>,
}

/// Runs the lanes until the queue is closed and what waited has been answered.
pub(super) async fn run(config: Arc<Config>, counters: Arc<Counters>, mut queue: UnboundedReceiver<Job>) {
    let lanes = config.lanes.max(1);
    let idle = (0..lanes).map(|_| Lane::new(&config, &counters)).collect();
    let (waiting, blocked, busy) = (VecDeque::new(), VecDeque::new(), JoinSet::new());
    let (taken, held) = (HashMap::new(), HashSet::new());
    let mut board = Board { config, counters, waiting, blocked, idle, busy, taken, held };
    let mut open = true;
    // What is blocked is so by something under way.
    while open || !board.waiting.is_empty() || !board.busy.is_empty() {
        let room = board.room();
        tokio::select! {
            job = queue.recv(), if open && room > 0 => match job {
                Some(job) => board.put(job),
                None => open = false,
            },
            Some(ended) = board.busy.join_next_with_id() => board.take_back(ended),
        }
        // Those whom the last batch answered are about to ask again: whoever is ready has a turn before the next one
        // closes, or the first to wake would be a small batch that all the others wait for.
        yield_now().await;
        while let Some(ended) = board.busy.try_join_next_with_id() {
            board.take_back(ended);
        }
        for _ in 0..board.room() {
            let Ok(job) = queue.try_recv() else { break };
            board.put(job);
        }
        board.hand_out();
    }
}

impl Board {
    /// How many more commands are looked at. Without a free lane none: they wait in the queue.
    fn room(&self) -> usize {
        (self.idle.len() * self.config.batch.max(1)).saturating_sub(self.waiting.len() + self.blocked.len())
    }

    fn put(&mut self, job: Job) {
        // A single lane has nobody to meet.
        let places = if self.config.lanes > 1 { places(&job.request.envelope.command) } else { Vec::new() };
        self.waiting.push_back((job, places));
    }

    fn take_back(&mut self, ended: Result<(Id, Lane), tokio::task::JoinError>) {
        let (id, lane) = match ended {
            Ok((id, lane)) => (id, lane),
            // A batch that panicked took its connection along; its callers hear that the outcome is unknown.
            Err(error) => (error.id(), Lane::new(&self.config, &self.counters)),
        };
        self.taken.remove(&id);
        self.held = self.taken.values().flatten().copied().collect();
        self.blocked.append(&mut self.waiting);
        std::mem::swap(&mut self.blocked, &mut self.waiting);
        self.idle.push(lane);
    }

    /// Starts a batch on every free lane that there is something for.
    fn hand_out(&mut self) {
        let (lanes, most) = (self.idle.len(), self.config.batch.max(1));
        if lanes == 0 || self.waiting.is_empty() {
            return;
        }
        let lane_of = deal(self.waiting.iter().map(|(_, places)| places.as_slice()), &self.held, lanes);
        let mut batches: Vec<(Vec<Job>, Vec<Place>)> = (0..lanes).map(|_| Default::default()).collect();
        let mut overflow = VecDeque::new();
        for (waiting, lane) in std::mem::take(&mut self.waiting).into_iter().zip(lane_of) {
            match lane.map(|lane| &mut batches[lane]) {
                Some((jobs, places)) if jobs.len() < most => {
                    let mut job = waiting.0;
                    job.place = None;
                    jobs.push(job);
                    places.extend(waiting.1);
                }
                Some(_) => overflow.push_back(waiting),
                None => {
                    self.held.extend(&waiting.1);
                    self.blocked.push_back(waiting);
                }
            }
        }
        // What a full batch had no room for is behind it, as what meets it is.
        for waiting in overflow {
            self.held.extend(&waiting.1);
            self.blocked.push_back(waiting);
        }
        for (jobs, places) in batches.into_iter().filter(|(jobs, _)| !jobs.is_empty()) {
            let Some(mut lane) = self.idle.pop() else { return };
            self.held.extend(&places);
            let batch = self.busy.spawn(async move {
                lane.serve(jobs).await;
                lane
            });
            self.taken.insert(batch.id(), places);
        }
    }
}
