//! Leases: one holder at an instant, and tokens that only grow.

use std::time::Duration;

use super::World;
use super::world::sound;
use crate::store::{FencingToken, Lease, LeaseRequest};
use crate::text::{LeaseName, Owner};
use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

fn relay() -> LeaseName {
    LeaseName::new("relay").expect("a lease name")
}

fn owner(name: &str) -> Owner {
    Owner::new(name).expect("an owner")
}

async fn acquire(world: &World, who: &str) -> Option<Lease> {
    let request = LeaseRequest { name: relay(), owner: owner(who), duration: MINUTE };
    sound(world.store().acquire(request).await)
}

async fn held(world: &World, who: &str) -> Lease {
    acquire(world, who).await.unwrap_or_else(|| panic!("{who} did not get a lease that was free"))
}

async fn is_current(world: &World, token: FencingToken) -> bool {
    sound(world.store().is_current(&relay(), token).await)
}

pub(super) async fn a_lease_has_one_holder(world: World) {
    const OWNERS: usize = 32;
    for round in 0..4 {
        let ask = |world: World, n: usize| async move { acquire(&world, &format!("owner-{n}")).await };
        let got: Vec<Lease> = world.race(OWNERS, ask).await.into_iter().flatten().collect();
        assert_eq!(got.len(), 1, "round {round}: holders of one lease, of {OWNERS} who asked: {got:?}");
        world.wait(MINUTE);
    }
    // Other names are other leases.
    held(&world, "a").await;
    let name = LeaseName::new("scheduler").expect("a lease name");
    let other = LeaseRequest { name, owner: owner("b"), duration: MINUTE };
    assert!(sound(world.store().acquire(other).await).is_some(), "a lease of another name is free");
}

pub(super) async fn a_lease_runs_out_by_the_clock(world: World) {
    let first = held(&world, "a").await;
    assert_eq!(first.expires_at, world.now().plus(MINUTE), "until when the lease is held");
    world.clock().set(Timestamp::from_micros(first.expires_at.as_micros() - 1));
    assert_eq!(acquire(&world, "b").await, None, "a microsecond before it runs out");
    world.clock().set(first.expires_at);
    let second = held(&world, "b").await;
    assert!(second.token > first.token, "the successor's {:?} is greater than {:?}", second.token, first.token);

    assert_eq!(sound(world.store().renew(&first, MINUTE).await), None, "who lost the lease renews it");
    assert!(!sound(world.store().release(&first).await), "who lost the lease gives it up");
    let current = (is_current(&world, first.token).await, is_current(&world, second.token).await);
    assert_eq!(current, (false, true), "whether the old and the new token are current");
    assert_eq!(acquire(&world, "a").await, None, "the new holder still holds it");
}

pub(super) async fn a_run_out_lease_cannot_be_renewed(world: World) {
    let lease = held(&world, "a").await;
    world.clock().set(lease.expires_at);
    assert_eq!(sound(world.store().renew(&lease, MINUTE).await), None, "renewing at the instant it runs out");
    assert!(!sound(world.store().release(&lease).await), "giving up what has run out");
    let next = held(&world, "a").await;
    assert!(next.token > lease.token, "{:?} after {:?} ran out, for the same owner", next.token, lease.token);
}

pub(super) async fn tokens_grow_after_releases(world: World) {
    let mut last = FencingToken(0);
    for who in ["a", "a", "b", "a", "c"] {
        let lease = held(&world, who).await;
        assert!(lease.token > last, "{who} got {:?} after {last:?}", lease.token);
        assert!(is_current(&world, lease.token).await, "the token just given is current");
        assert!(sound(world.store().release(&lease).await), "the holder gives the lease up");
        assert!(!sound(world.store().release(&lease).await), "and cannot do so twice");
        assert_eq!(sound(world.store().renew(&lease, MINUTE).await), None, "nor renew it afterwards");
        last = lease.token;
    }
}

pub(super) async fn a_holder_extends_its_lease(world: World) {
    let lease = held(&world, "a").await;
    world.wait(MINUTE / 2);
    let until = world.now().plus(MINUTE);
    let renewed = sound(world.store().renew(&lease, MINUTE).await);
    assert_eq!(renewed, Some(Lease { expires_at: until, ..lease.clone() }), "renewing half way");
    world.wait(MINUTE / 2);
    assert_eq!(acquire(&world, "b").await, None, "somebody else at the end of the first minute");
    let again = acquire(&world, "a").await;
    let until = world.now().plus(MINUTE);
    assert_eq!(again, Some(Lease { expires_at: until, ..lease.clone() }), "the holder acquires it again");
    let forged = Lease { token: FencingToken(lease.token.0 + 1), ..lease };
    assert_eq!(sound(world.store().renew(&forged, MINUTE).await), None, "renewing under another token");
    assert!(!sound(world.store().release(&forged).await), "releasing under another token");
}
