//! How long it takes to look a setting up, with the cache and without.

use std::time::{Duration, Instant};

use crate::world::{PREFIX, worlds};

const CACHED: u32 = 20_000;
const UNCACHED: u32 = 200;

#[tokio::test]
async fn a_cached_lookup_is_much_faster_than_the_database() {
    for world in worlds().await {
        world.value(&PREFIX).await;
        let cached = timed(CACHED, async || drop(world.value(&PREFIX).await)).await;
        let uncached = timed(UNCACHED, async || {
            world.community.forget(&world.tenant);
            world.value(&PREFIX).await;
        })
        .await;
        println!("{}: {cached:?} cached, {uncached:?} from the database", world.store.name);
        assert!(cached * 5 < uncached, "{}: {cached:?} and {uncached:?}", world.store.name);
    }
}

async fn timed(times: u32, each: impl AsyncFn()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        each().await;
    }
    began.elapsed() / times
}
