//! A lane: runs batches one after another, and answers.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Error, StoreError};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep, timeout};

use super::ahead::{Ahead, Announcer};
use super::batch::{self, Ended, Limits};
use super::meet::{Place, groups, places};
use super::{Counters, Job, Surroundings, Verdict};
use crate::config::Config;
use crate::error::Failure;
use crate::keys::Request;
use crate::load::Hints;
use crate::news::Bell;
use crate::plans::Plans;
use crate::pool::connect_writer;

/// What a lane keeps between batches. Its connection is its own: no future of a caller ever touches it.
#[derive(Debug)]
pub(super) struct Lane {
    config: Arc<Config>,
    counters: Arc<Counters>,
    connection: Option<PgConnection>,
    plans: Plans,
    hints: Hints,
    bell: Bell,
}

impl Lane {
    /// A lane without a connection; it makes one when it has something to do.
    pub(super) fn new(config: &Arc<Config>, counters: &Arc<Counters>, bell: &Bell) -> Self {
        let (config, counters) = (Arc::clone(config), Arc::clone(counters));
        let plans = Plans::new();
        Self { config, counters, connection: None, plans, hints: Hints::default(), bell: bell.clone() }
    }

    /// Runs the jobs to their end and answers each: after the batch that is `ahead`, if they meet one. What they are
    /// about to commit is announced to those who may come after.
    pub(super) async fn serve(&mut self, jobs: Vec<Job>, ahead: Option<Ahead>, announcer: Option<Announcer>) {
        let (late, jobs): (Vec<Job>, Vec<Job>) = jobs.into_iter().filter(Job::begin).partition(|job| self.is_late(job));
        for job in late {
            answer(job, too_late());
        }
        if jobs.is_empty() {
            return;
        }
        let requests: Vec<&Request> = jobs.iter().map(|job| &job.request).collect();
        let verdicts = match self.settle(&requests, (ahead, announcer.as_ref()), None).await {
            Ok(verdicts) => verdicts,
            Err(failure) if requests.len() == 1 => vec![Err(failure.into_error().into())],
            Err(Failure::Busy(_)) => self.around_a_lock(&jobs).await,
            Err(_) => self.one_by_one(jobs.iter()).await,
        };
        Counters::count(&self.counters.commands, verdicts.len());
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            answer(job, verdict);
        }
    }

    /// Runs each request in a transaction of its own, because one of them makes every transaction fail that it is
    /// in: that one fails alone.
    async fn one_by_one<'a>(&mut self, jobs: impl ExactSizeIterator<Item = &'a Job> + Send) -> Vec<Verdict> {
        Counters::count(&self.counters.split, 1);
        let mut verdicts = Vec::with_capacity(jobs.len());
        for job in jobs {
            if self.is_late(job) {
                verdicts.push(too_late());
                continue;
            }
            let verdict = match self.settle(&[&job.request], (None, None), None).await {
                Ok(verdicts) => verdicts,
                Err(failure) => vec![Err(failure.into_error().into())],
            };
            verdicts.extend(verdict);
        }
        verdicts
    }

    /// Runs the jobs in parts, because somebody else keeps a record locked that some of them need: by halves, until
    /// those who meet on it are a part of their own, and are turned away alone.
    async fn around_a_lock(&mut self, jobs: &[Job]) -> Vec<Verdict> {
        Counters::count(&self.counters.split, 1);
        let mut verdicts: Vec<Option<Verdict>> = (0..jobs.len()).map(|_| None).collect();
        let places: Vec<Vec<Place>> = jobs.iter().map(|job| places(&job.request.envelope.command)).collect();
        let mut parts = halves(groups(places.iter().map(Vec::as_slice)));
        while let Some(part) = parts.pop() {
            // Who is late by now is told so in the end.
            let members: Vec<usize> = part.iter().flatten().copied().filter(|i| !self.is_late(&jobs[*i])).collect();
            if members.is_empty() {
                continue;
            }
            let requests: Vec<&Request> = members.iter().map(|i| &jobs[*i].request).collect();
            let told = match self.settle(&requests, (None, None), Some(self.config.short_patience())).await {
                Ok(told) => told,
                Err(Failure::Busy(_)) if part.len() > 1 => {
                    parts.extend(halves(part));
                    continue;
                }
                Err(failure @ Failure::Busy(_)) => all(members.len(), &failure.into_error()),
                Err(_) => self.one_by_one(members.iter().map(|i| &jobs[*i])).await,
            };
            for (i, verdict) in members.into_iter().zip(told) {
                verdicts[i] = Some(verdict);
            }
        }
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(too_late)).collect()
    }

    fn is_late(&self, job: &Job) -> bool {
        job.queued_at.elapsed() > self.config.deadline
    }

    /// Runs the requests in one transaction until there is an answer for each: again when others were in the way,
    /// and again, by their keys, when the answer to the commit was lost. An error is one that concerns the
    /// transaction as a whole and is worth taking it apart for.
    async fn settle(
        &mut self,
        requests: &[&Request],
        (mut ahead, announcer): (Option<Ahead>, Option<&Announcer>),
        patience: Option<Duration>,
    ) -> Result<Vec<Verdict>, Failure> {
        let began = Instant::now();
        let (mut doubt, mut doubt_ids): (Option<Vec<Verdict>>, bool) = (None, false);
        let mut attempt = 0;
        loop {
            let (is_ahead, before) = (ahead.is_some(), ahead.clone());
            // What is in doubt is worth another look, however late it is.
            let least = if doubt.is_some() { self.config.deadline / 5 } else { Duration::ZERO };
            let left = self.config.deadline.saturating_sub(began.elapsed()).max(least);
            let patience = if is_ahead { Some(self.config.patience_ahead()) } else { patience };
            let limits = Limits { left, patience };
            let ended = self.attempt(requests, doubt_ids, (ahead.take(), announcer), limits).await;
            if !matches!(ended, Ended::Done(..)) {
                announcer.into_iter().for_each(Announcer::withdraw);
            }
            let failure = match ended {
                Ended::Done(verdicts, tells) => {
                    if tells {
                        self.bell.ring();
                    }
                    Counters::count(&self.counters.batches, 1);
                    Counters::count(&self.counters.ahead, usize::from(is_ahead));
                    // After a commit in doubt it may be that one whose answers these are.
                    if doubt.is_none() {
                        announcer.into_iter().for_each(Announcer::commit);
                    }
                    return Ok(verdicts);
                }
                Ended::InDoubt(verdicts, failure) => {
                    Counters::count(&self.counters.in_doubt, 1);
                    self.connection = None;
                    doubt.get_or_insert(verdicts);
                    failure
                }
                Ended::Failed(failure) => {
                    self.recover(&failure).await;
                    failure
                }
            };
            let out_of_time = began.elapsed() >= self.config.deadline;
            if is_ahead && doubt.is_none() {
                Counters::count(&self.counters.misjudged, 1);
                if !out_of_time {
                    if let Some(mut before) = before {
                        drop(timeout(left, before.has_ended()).await);
                    }
                    continue;
                }
            }
            attempt += 1;
            // The row in the way may have an id that was given as fresh: the next decision looks.
            doubt_ids |= matches!(failure, Failure::Overtaken(_));
            if !out_of_time && self.may_try_again(&failure, attempt, doubt.is_some()) {
                self.back_off(attempt).await;
                continue;
            }
            return match (doubt, failure) {
                (Some(verdicts), failure) => Ok(unknown(&verdicts, &failure)),
                (
                    None,
                    failure @ (Failure::Refused(_) | Failure::Overtaken(_) | Failure::Corrupt(_) | Failure::Busy(_)),
                ) => Err(failure),
                (None, failure) => Ok(all(requests.len(), &failure.into_error())),
            };
        }
    }

    async fn attempt(
        &mut self,
        requests: &[&Request],
        doubt_ids: bool,
        order: (Option<Ahead>, Option<&Announcer>),
        limits: Limits,
    ) -> Ended {
        if self.connection.is_none() {
            match timeout(limits.left, connect_writer(&self.config)).await {
                Ok(Ok(connection)) => (self.connection, self.plans) = (Some(connection), Plans::new()),
                Ok(Err(failure)) => return Ended::Failed(failure),
                Err(_) => return Ended::Failed(Failure::late(limits.left)),
            }
        }
        let (config, hints) = (&self.config, &mut self.hints);
        let (shop, clock) = (&config.shop, config.clock.as_deref());
        let surroundings = Surroundings { shop, clock, doubt_ids, beginning: None };
        let Some(connection) = &mut self.connection else {
            return Ended::Failed(Failure::Lost("no connection".to_owned()));
        };
        let (beginning, began) = (self.plans.begin(), Instant::now());
        let ended = batch::run((connection, beginning), requests, surroundings, (config, limits), hints, order).await;
        self.plans.used_since(began);
        ended
    }

    /// Makes the connection fit for the next transaction, or gives it up.
    async fn recover(&mut self, failure: &Failure) {
        let usable = match &mut self.connection {
            Some(connection) if !failure.breaks_connection() => batch::leave(connection, &self.config).await,
            _ => false,
        };
        if !usable {
            self.connection = None;
        }
    }

    fn may_try_again(&self, failure: &Failure, attempt: u32, in_doubt: bool) -> bool {
        match failure {
            Failure::Contended(_) => {
                Counters::count(&self.counters.contended, 1);
                attempt < self.config.attempts
            }
            Failure::Overtaken(_) => {
                Counters::count(&self.counters.overtaken, 1);
                attempt < self.config.attempts.min(4)
            }
            // A connection that was found dead is worth one more. While a commit is in doubt, every way is tried.
            Failure::Lost(_) | Failure::Busy(_) => in_doubt || (attempt == 1 && matches!(failure, Failure::Lost(_))),
            Failure::Refused(_) | Failure::Corrupt(_) => false,
        }
    }

    /// Waits a little, each lane and instance a little differently, so that those who met do not meet again.
    async fn back_off(&self, attempt: u32) {
        let most = Duration::from_millis(1 << attempt.min(6));
        sleep(most.mul_f64(jitter())).await;
    }
}

/// Between 0 and 1, different for every caller.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

fn answer(job: Job, verdict: Verdict) {
    // Whoever asked may be gone; the command has run to its end all the same.
    drop(job.reply.send(verdict));
}

fn all(count: usize, error: &StoreError) -> Vec<Verdict> {
    (0..count).map(|_| Err(Error::Store(error.clone()))).collect()
}

/// The answers of a batch whose commit is in doubt. A rejection is in doubt as well: it was decided on records that
/// the commands before it in the batch had changed, if the commit arrived.
fn unknown(verdicts: &[Verdict], why: &Failure) -> Vec<Verdict> {
    all(verdicts.len(), &StoreError::Unknown { reason: why.to_string() })
}

/// Two parts of about as many groups; one if there is one group.
fn halves(mut groups: Vec<Vec<usize>>) -> Vec<Vec<Vec<usize>>> {
    let rest = groups.split_off(groups.len().div_ceil(2));
    if rest.is_empty() { vec![groups] } else { vec![groups, rest] }
}

fn too_late() -> Verdict {
    let reason = "the command waited too long for its turn".to_owned();
    Err(StoreError::Unavailable { reason }.into())
}
