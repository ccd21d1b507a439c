//! News of messages that came to wait, between the processes on a database: LISTEN and NOTIFY, beside the commits.
//!
//! A NOTIFY within a batch would have its commit wait for every other such commit of the database. So lanes only ring a
//! bell, and a task with a connection of its own notifies for all that rang meanwhile, now and then at most. What is lost
//! on the way (a process that dies in between, a connection that breaks) is found by whoever looks besides.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::pool::{listener_pool, notifier_pool};

/// The channel, which each database has for itself.
const CHANNEL: &str = "commerce_outbox";
const NOTIFY: &str = "select pg_notify($1, '')";
/// How long the bell is quiet after it was heard.
const QUIET: Duration = Duration::from_millis(10);
/// How long a listener hears nothing before it makes its connection anew.
const SILENT: Duration = Duration::from_secs(60);
/// How long to wait for the database after it could not be reached.
const AWAY: Duration = Duration::from_secs(1);

pub(crate) const STATEMENTS: &[&str] = &[NOTIFY];

/// What the lanes ring when they have committed.
#[derive(Debug, Clone)]
pub(crate) struct Bell(mpsc::Sender<()>);

impl Bell {
    /// Something may have come to wait. It costs the lane nothing, and several at once are one.
    pub(crate) fn ring(&self) {
        // Full: it is rung already.
        let _ = self.0.try_send(());
    }
}

/// What was heard, here and from others.
#[derive(Debug)]
pub(crate) struct News {
    config: Arc<Config>,
    heard: watch::Sender<u64>,
    listening: OnceLock<()>,
    /// Whoever passes news on goes on for as long as somebody could hear of them.
    _open: watch::Receiver<u64>,
}

impl News {
    /// Begins to pass on what is rung; it ends with the last bell.
    pub(crate) fn start(config: &Arc<Config>) -> (Arc<Self>, Bell) {
        let (heard, open) = watch::channel(0);
        let (ring, rung) = mpsc::channel(1);
        tokio::spawn(pass_on(rung, heard.clone(), config.announce.then(|| notifier_pool(config)), config.deadline));
        let news = Self { config: Arc::clone(config), heard, listening: OnceLock::new(), _open: open };
        (Arc::new(news), Bell(ring))
    }

    /// Waits until there was news more often than `heard`, and says how often there was.
    pub(crate) async fn after(&self, heard: u64) -> u64 {
        // Who never asks needs no connection for it.
        self.listening.get_or_init(|| {
            let (config, heard) = (Arc::clone(&self.config), self.heard.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = heard.closed() => {}
                    () = listen(&config, &heard) => {}
                }
            });
        });
        let mut news = self.heard.subscribe();
        // Its sender is in this very value.
        news.wait_for(|count| *count > heard).await.map_or(heard, |count| *count)
    }
}

fn tell(heard: &watch::Sender<u64>) {
    heard.send_modify(|count| *count = count.wrapping_add(1));
}

async fn pass_on(
    mut rung: mpsc::Receiver<()>,
    heard: watch::Sender<u64>,
    notifier: Option<PgPool>,
    deadline: Duration,
) {
    while rung.recv().await.is_some() {
        tell(&heard);
        let Some(pool) = &notifier else { continue };
        // Others look besides; a database that is away has no news either. What does not answer in time is dropped, and
        // its connection with it.
        let _ = tokio::time::timeout(deadline, sqlx::query(NOTIFY).bind(CHANNEL).execute(pool)).await;
        tokio::time::sleep(QUIET).await;
    }
}

/// Listens, and never ends.
async fn listen(config: &Config, heard: &watch::Sender<u64>) {
    loop {
        // A pool each time: one whose connection is silent has no other to give.
        if let Ok(mut listener) = PgListener::connect_with(&listener_pool(config)).await
            && listener.listen(CHANNEL).await.is_ok()
        {
            // What was said before is not heard, and what was said while a connection was made anew is not either.
            tell(heard);
            // A connection that broke without a word is silent for ever; one that is silent is made anew.
            while let Ok(Ok(_)) = tokio::time::timeout(SILENT, listener.try_recv()).await {
                tell(heard);
            }
        }
        tokio::time::sleep(AWAY).await;
    }
}
