//! The tally in Redis: shared by processes, flushed, wrong and lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commerce_core::CustomerId;
use commerce_core::conformance::World;
use commerce_server::gate::redis::InRedis;
use commerce_server::gate::{Tally, Thing, Wish, Word};
use redis::AsyncCommands;

use crate::servers::redis::Redis;
use crate::shop::{memory, postgres};
use crate::{behind, claims_are_exact, everything};

pub(crate) fn tally(redis: &Redis) -> Arc<dyn Tally> {
    Arc::new(InRedis::new(&redis.url(), "shop").expect("a tally"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_are_the_stores_in_memory() {
    let redis = Redis::start().await;
    everything(memory(), || tally(&redis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_are_the_stores_on_postgres() {
    let redis = Redis::start().await;
    everything(postgres().await, || tally(&redis)).await;
}

/// Races while somebody flushes it, writes nonsense into it, and counts of nothing and of plenty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_wrong_changes_no_outcome() {
    let redis = Redis::start().await;
    let (world, done) = (memory(), Arc::new(AtomicBool::new(false)));
    let mut vandal = redis.connect().await;
    let ended = Arc::clone(&done);
    let vandalism = tokio::spawn(async move {
        for n in 0_u64.. {
            if ended.load(Ordering::SeqCst) {
                return;
            }
            let keys: Vec<String> = vandal.keys("shop:gate:*").await.expect("keys");
            let hashes = keys.iter().filter(|key| !key.ends_with(":customers"));
            match n % 4 {
                0 => redis::cmd("FLUSHALL").exec_async(&mut vandal).await.expect("a flush"),
                1 => drop(vandal.mset::<_, _, ()>(&keys.iter().map(|key| (key, "nonsense")).collect::<Vec<_>>()).await),
                2 => {
                    for hash in hashes {
                        drop(vandal.hset::<_, _, _, ()>(hash, "left", 0).await);
                    }
                }
                _ => {
                    for hash in hashes {
                        drop(vandal.hset::<_, _, _, ()>(hash, "left", 1_000_000).await);
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    });
    everything(world, || tally(&redis)).await;
    done.store(true, Ordering::SeqCst);
    vandalism.await.expect("vandalism");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_lost_changes_no_outcome() {
    let mut redis = Redis::start().await;
    let world: World = memory();
    let doors = [behind(&world, tally(&redis)), behind(&world, tally(&redis))];
    claims_are_exact(&doors).await;
    redis.stop();
    claims_are_exact(&doors).await;
    redis.resume();
    claims_are_exact(&doors).await;
}

fn wish(customer: i64) -> Wish {
    let customer: CustomerId = customer.try_into().expect("an id");
    Wish { thing: Thing::Coupon(7.try_into().expect("an id")), customer: Some(customer), units: 1 }
}

/// The script counts as many as there are, one a customer, and gives back what came to nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_count_down_for_all_processes() {
    let redis = Redis::start().await;
    let (here, there) = (tally(&redis), tally(&redis));
    assert_eq!(here.ask(&[wish(1)]).await, Word::Open, "nothing is known");
    let mut connection = redis.connect().await;
    let begin = [("left", 2), ("limit", 1)];
    connection.hset_multiple::<_, _, _, ()>("shop:gate:{coupon:7}", &begin).await.expect("a count");
    assert_eq!(here.ask(&[wish(1)]).await, Word::Counted);
    assert_eq!(there.ask(&[wish(1)]).await, Word::Doubtful, "one has one already");
    assert_eq!(there.ask(&[wish(2)]).await, Word::Counted);
    assert_eq!(here.ask(&[wish(3)]).await, Word::Doubtful, "none is left");
    there.lost(&[wish(2)]).await;
    assert_eq!(here.ask(&[wish(3)]).await, Word::Counted);
    here.forget(&[wish(4)]).await;
    assert_eq!(there.ask(&[wish(4)]).await, Word::Open);
    there.gone(Thing::Coupon(7.try_into().expect("an id"))).await;
    assert_eq!(here.ask(&[wish(5)]).await, Word::Doubtful);
}
