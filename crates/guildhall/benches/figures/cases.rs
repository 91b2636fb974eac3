//! Cases a second with many moderators at once, on both databases: `warn`, which is done by writing the case, and
//! `nick`, which a workflow does on Discord. Discord is in memory. The yardstick is one row in a transaction of its
//! own, as many at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Face, Rank, Reply, Request, SystemClock, TenantId, guild::NoGuilds,
    incident::Deaf, notebook::Notebook as _, permission::DefaultRanks, setting::Defaults,
};
use guildhall_flows::Engine;
use guildhall_moderation::{Moderation, Seams};
use guildhall_store::{AuditStore, Backend, EventStore, NotebookStore, Store, testkit};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::town::{FIRST_MEMBER, Town};

const AT_ONCE: usize = 64;
const CASES: usize = 1_000;
/// One moderator's cases: fewer than the catalogue takes of one person at once.
const EACH: usize = 15;
const FIRST_MODERATOR: u64 = 10_000;

/// Measures every database and prints it.
pub async fn measure() {
    println!("cases a second: {CASES} calls, {AT_ONCE} at once, Discord in memory");
    let folder = TempDir::with_prefix("guildhall-bench-").expect("a folder");
    let address = format!("sqlite://{}/cases.db", folder.path().display());
    let migrations = || {
        let mut all = guildhall_flows::migrations();
        all.extend(guildhall_moderation::migrations());
        all
    };
    let safe = Store::open(address, migrations()).await.expect("a database");
    measure_on("SQLite", "each commit waits for the disk, as `guildhall run` does", &safe).await;
    for store in testkit::stores(migrations).await {
        measure_on(store.name, "no commit waits for the disk", &store).await;
    }
}

async fn measure_on(name: &str, how: &str, store: &Store) {
    let alone = rows(store).await;
    println!("  {name:<12} {:<6} {alone:>8.1} /s   ({how})", "a row");
    for (at, operation) in ["warn", "nick"].into_iter().enumerate() {
        let cases = cases(store, operation, at * CASES).await;
        println!("  {name:<12} {operation:<6} {cases:>8.1} /s   ratio: {:.2} of a row", cases / alone);
    }
}

fn tenant() -> TenantId {
    "bench".parse().expect("a tenant")
}

/// Rows a second, each in a transaction of its own.
async fn rows(store: &Store) -> f64 {
    let notes = NotebookStore::new(store.clone());
    timed(async |at| {
        notes.put(&tenant(), "bench", &at.to_string(), json!({"number": at})).await.expect("a row");
    })
    .await
}

/// Cases a second of an operation, where there are so many already.
async fn cases(store: &Store, operation: &str, before: usize) -> f64 {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut engine = Engine::builder(store.clone(), clock.clone());
    if store.backend() == Backend::Sqlite {
        engine = engine.sole();
    }
    let moderation = Moderation::new(Seams {
        store: store.clone(),
        events: EventStore::new(store.clone(), clock.clone()),
        flows: engine.handle(),
        guilds: Arc::new(Town),
        courier: Arc::new(NoGuilds),
        settings: Arc::new(Defaults),
        access: Arc::new(Town),
        ranking: Arc::new(Town),
        permissions: Arc::new(DefaultRanks),
        observer: Arc::new(Deaf),
        clock: clock.clone(),
    });
    let engine = moderation.register(engine).build();
    let audit = AuditStore::new(store.clone());
    let catalogue = Catalogue::builder(Arc::new(audit), clock, Arc::new(DefaultRanks))
        .add(guildhall_moderation::operations(), moderation.clone())
        .build();
    let stop = CancellationToken::new();
    let (flows, posts) = (stop.clone(), stop.clone());
    let working = [
        tokio::spawn(async move { engine.run(flows.cancelled()).await }),
        tokio::spawn(moderation.run(async move { posts.cancelled().await })),
    ];
    let numbers = std::sync::Mutex::new(BTreeSet::new());
    let rate = timed(async |at| {
        let number = case(&catalogue, operation, at).await;
        numbers.lock().expect("nobody panicked").insert(number);
    })
    .await;
    stop.cancel();
    for task in working {
        task.await.expect("it ends in order");
    }
    let numbers = numbers.into_inner().expect("nobody panicked");
    let expected: BTreeSet<_> = (before + 1..=before + CASES).map(|number| number as i64).collect();
    assert_eq!(numbers, expected, "no gaps and no doubles");
    rate
}

/// The number of the case that it became.
async fn case(catalogue: &Catalogue, operation: &str, at: usize) -> i64 {
    let moderator = FIRST_MODERATOR + (at / EACH) as u64;
    let actor = Actor {
        tenant: tenant(),
        id: ActorId::discord(moderator),
        name: format!("moderator-{moderator}"),
        face: Face::Discord,
        rank: Rank::MODERATOR,
        scope: None,
    };
    let target = (FIRST_MEMBER + at as u64).to_string();
    let input = match operation {
        "warn" => json!({"user": [target], "reason": "spam", "silent": true}),
        _ => json!({"user": [target], "nick": "Robin", "reason": "rude name"}),
    };
    match catalogue.call(Request::json(actor, operation, input)).await {
        Ok(Reply::Done { data, .. }) => data["cases"][0]["number"].as_i64().expect("a case with a number"),
        other => panic!("{other:?}"),
    }
}

/// How often a second, so many at once.
async fn timed(each: impl AsyncFn(usize)) -> f64 {
    let next = AtomicUsize::new(0);
    let worker = || async {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= CASES {
                return;
            }
            each(at).await;
        }
    };
    let began = Instant::now();
    futures::future::join_all((0..AT_ONCE).map(|_| worker())).await;
    CASES as f64 / began.elapsed().as_secs_f64()
}
