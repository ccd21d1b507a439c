//! Handing out: what waits goes to the lanes that are free. Nobody waits for a timer: a batch is whatever arrived while
//! the one before was under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use commerce_core::Command;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet, yield_now};

use super::ahead::{Ahead, Announced, Announcer, Standing};
use super::lane::Lane;
use super::meet::{Place, deal, places};
use super::{Counters, Job};
use crate::config::Config;
use crate::keys::is_rushed;
use crate::news::Bell;

/// For how many turns nothing is begun ahead, once that was in vain: another process is at the same records.
const SHY: u32 = 64;

/// What waits, and what is under way.
struct Board {
    config: Arc<Config>,
    counters: Arc<Counters>,
    bell: Bell,
    waiting: VecDeque<(Job, Vec<Place>)>,
    /// Those that meet something under way: looked at again when a batch has ended or told what it will commit.
    blocked: VecDeque<(Job, Vec<Place>)>,
    idle: Vec<Lane>,
    /// A task each, so that a panic ends a batch and not the writer.
    busy: JoinSet<Lane>,
    running: HashMap<Id, Running>,
    /// Places that nobody may come to: of what is under way and cannot be followed, and of what is blocked.
    held: HashSet<Place>,
    /// Rings when a batch has told what it will commit.
    news: Arc<Notify>,
    misjudged: u64,
    shy: u32,
    /// Whether the last time somebody had no lane for those who follow.
    left_out: bool,
}

/// A batch under way.
struct Running {
    jobs: usize,
    places: Vec<Place>,
    /// Whether nobody may come to these: they are on the board.
    is_held: bool,
    /// What it is about to commit, and what becomes of that.
    standing: watch::Receiver<Standing>,
}

/// Runs the lanes until the queue is closed and what waited has been answered.
pub(super) async fn run(config: Arc<Config>, counters: Arc<Counters>, bell: Bell, mut queue: UnboundedReceiver<Job>) {
    let news = Arc::new(Notify::new());
    let mut board = Board::new(config, counters, bell, Arc::clone(&news));
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
            () = news.notified() => board.look_again(),
        }
        // Those whom the last batch answered are about to ask again: whoever is ready has a turn before the next one
        // closes, for as long as each turn brings somebody, or the first to wake would be a small batch that all the
        // others wait for.
        loop {
            yield_now().await;
            while let Some(ended) = board.busy.try_join_next_with_id() {
                board.take_back(ended);
            }
            let waited = board.waiting.len();
            for _ in 0..board.room() {
                let Ok(job) = queue.try_recv() else { break };
                board.put(job);
            }
            if board.waiting.len() <= waited {
                break;
            }
        }
        board.hand_out();
    }
}

impl Board {
    fn new(config: Arc<Config>, counters: Arc<Counters>, bell: Bell, news: Arc<Notify>) -> Self {
        let idle = (0..config.lanes.max(1)).map(|_| Lane::new(&config, &counters, &bell)).collect();
        Self {
            config,
            counters,
            bell,
            waiting: VecDeque::new(),
            blocked: VecDeque::new(),
            idle,
            busy: JoinSet::new(),
            running: HashMap::new(),
            held: HashSet::new(),
            news,
            misjudged: 0,
            shy: 0,
            left_out: false,
        }
    }

    /// How many more commands are looked at. Without a free lane none: they wait in the queue. What is blocked counts
    /// for nothing: behind a crowd that waits for one record there may be somebody who wants another.
    fn room(&self) -> usize {
        (self.idle.len() * self.config.batch.max(1)).saturating_sub(self.waiting.len())
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
            Err(error) => (error.id(), Lane::new(&self.config, &self.counters, &self.bell)),
        };
        self.running.remove(&id);
        self.idle.push(lane);
        self.look_again();
    }

    /// Lets what was blocked be looked at, before what came later. What is held by then shows when it is [`open`](Self::open).
    fn look_again(&mut self) {
        self.blocked.append(&mut self.waiting);
        std::mem::swap(&mut self.blocked, &mut self.waiting);
        self.held.clear();
        self.running.values_mut().for_each(|running| running.is_held = false);
    }

    /// Batches under way that others may follow, and what they are about to commit: none for a while after that was in vain.
    /// What the others hold, nobody may come to.
    fn open(&mut self) -> Vec<(Id, Arc<Announced>)> {
        let misjudged = self.counters.stats().misjudged;
        self.shy = if misjudged > self.misjudged { SHY } else { self.shy.saturating_sub(1) };
        self.misjudged = misjudged;
        let mut open = Vec::new();
        for (id, running) in &mut self.running {
            let announced = running.standing.borrow().announced().cloned();
            match announced.filter(|_| self.shy == 0) {
                Some(announced) => open.push((*id, announced)),
                None if running.is_held => {}
                None => {
                    self.held.extend(&running.places);
                    running.is_held = true;
                }
            }
        }
        open
    }

    /// How many of a crowd go into one batch: not all at once, or the next lane has nobody to work ahead for, if it does.
    fn share(&self) -> usize {
        if self.shy > 0 {
            return self.config.batch.max(1);
        }
        let under_way: usize = self.running.values().map(|running| running.jobs).sum();
        let all = under_way + self.waiting.len() + self.blocked.len();
        all.div_ceil(self.config.lanes.max(1)).clamp(1, self.config.batch.max(1))
    }

    /// Starts a batch on every free lane that there is something for.
    fn hand_out(&mut self) {
        let lanes = self.idle.len();
        if lanes == 0 || self.waiting.is_empty() {
            return;
        }
        let open = self.open();
        let share = self.share();
        let open_places: Vec<&[Place]> =
            open.iter().filter_map(|(id, _)| self.running.get(id)).map(|running| running.places.as_slice()).collect();
        let waiting =
            self.waiting.iter().map(|(job, places)| (places.as_slice(), is_rushed(&job.request.envelope.command)));
        let dealt = deal(waiting, &self.held, &open_places, lanes, self.left_out);
        self.left_out = dealt.left_out;
        let mut batches: Vec<(Vec<Job>, Vec<Place>, usize)> = (0..lanes).map(|_| Default::default()).collect();
        let mut overflow = VecDeque::new();
        let mut most = vec![share; lanes];
        for ((job, _), lane) in self.waiting.iter().zip(&dealt.lane_of) {
            if let Some(lane) = lane.filter(|_| !is_rushed(&job.request.envelope.command)) {
                most[lane] = self.config.batch.max(1);
            }
        }
        for (waiting, lane) in std::mem::take(&mut self.waiting).into_iter().zip(dealt.lane_of) {
            match lane.map(|lane| (&mut batches[lane], most[lane])) {
                Some(((jobs, places, size), most)) if *size == 0 || *size + weight(&waiting.0) <= most => {
                    let mut job = waiting.0;
                    job.place = None;
                    *size += weight(&job);
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
        for ((jobs, places, _), follows) in batches.into_iter().zip(dealt.follows) {
            if !jobs.is_empty() {
                let ahead = follows.and_then(|i| self.ahead(&open[i]));
                self.start(jobs, places, ahead);
            }
        }
    }

    fn ahead(&self, (id, announced): &(Id, Arc<Announced>)) -> Option<Ahead> {
        let standing = self.running.get(id)?.standing.clone();
        Some(Ahead { announced: Arc::clone(announced), standing, hold: self.config.hold_ahead() })
    }

    fn start(&mut self, jobs: Vec<Job>, places: Vec<Place>, ahead: Option<Ahead>) {
        let Some(mut lane) = self.idle.pop() else { return };
        self.held.extend(&places);
        let (announcer, standing) = Announcer::new(&self.news);
        // A single lane has nobody to tell.
        let announcer = (self.config.lanes > 1).then_some(announcer);
        let count = jobs.len();
        let batch = self.busy.spawn(async move {
            lane.serve(jobs, ahead, announcer).await;
            lane
        });
        self.running.insert(batch.id(), Running { jobs: count, places, is_held: true, standing });
    }
}

/// How many commands a job counts for: one that writes as much as a whole batch has a batch of its own.
fn weight(job: &Job) -> usize {
    match &job.request.envelope.command {
        Command::ImportProducts(import) => import.variants().max(1),
        Command::AddCodes(codes) => codes.codes.len().max(1),
        // Two lines are what most orders have; one of a hundred is a dozen of those.
        Command::PlaceOrder(order) => 1 + order.basket.lines.given().len() / 8,
        _ => 1,
    }
}
