//! Views: sums that nobody decides on, and that lose nothing all the same.

use std::sync::Arc;

use super::World;
use super::world::sound;
use crate::ids::ProductId;
use crate::views::{ProductViews, ViewCounter};

async fn views(world: &World, product: ProductId) -> u64 {
    sound(world.store().product(product).await).map_or(0, |listing| listing.views)
}

pub(super) async fn views_are_never_lost(world: World) {
    const TASKS: usize = 24;
    const EACH: usize = 10;
    let (one, other) = (world.product(1_000, &[1]).await.product.id, world.product(1_000, &[1]).await.product.id);
    let missing = ProductId::MIN;
    let counter = Arc::new(ViewCounter::default());
    let look = |world: World, n: usize| {
        let counter = Arc::clone(&counter);
        async move {
            for _ in 0..EACH {
                counter.count(if n.is_multiple_of(2) { one } else { other });
                counter.count(one);
                counter.count(missing);
                sound(counter.flush(world.store()).await);
            }
        }
    };
    world.race(TASKS, look).await;
    assert_eq!(sound(counter.flush(world.store()).await), 0, "views that were not written");
    let expected = ((TASKS * EACH + TASKS / 2 * EACH) as u64, (TASKS / 2 * EACH) as u64);
    assert_eq!((views(&world, one).await, views(&world, other).await), expected, "views of two products");
    let product = sound(world.store().product(one).await).expect("the product is there").product;
    assert_eq!(product.version, 1, "the version of a product that was only looked at");
}

pub(super) async fn the_most_viewed_come_first(world: World) {
    let mut ids = Vec::new();
    for count in [5, 0, 7, 5, 1] {
        let product_id = world.product(1_000, &[1]).await.product.id;
        if count > 0 {
            let one = ProductViews { product_id, count: 1 };
            let rest = ProductViews { product_id, count: count - 1 };
            sound(world.store().add_views(&[one, rest]).await);
        }
        ids.push(product_id);
    }
    let ranked = async |top| {
        let best = sound(world.store().most_viewed(top).await);
        best.iter().map(|(views, product)| (*views, product.id)).collect::<Vec<_>>()
    };
    let expected = [(7, ids[2]), (5, ids[0]), (5, ids[3]), (1, ids[4])];
    assert_eq!(ranked(10).await, expected, "all that were looked at");
    assert_eq!(ranked(2).await, expected[..2], "the first two of them");
}
