//! Events: in order, nobody skipped, listeners woken after the commit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Document, EventLog, ManualClock, NewEvent, Outcome, RunId, ServerId, Subject, SystemClock,
    TenantId,
    event::{Filter, Tell},
};
use guildhall_store::{Backend, EventStore, Options, Store, StoreError, testkit};
use serde_json::json;
use uuid::Uuid;

fn events(store: Store) -> EventStore {
    EventStore::new(store, Arc::new(SystemClock))
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn event(kind: &str) -> NewEvent {
    NewEvent {
        tenant: tenant("ours"),
        subject: Subject::Server(ServerId(Uuid::from_u128(7))),
        kind: kind.to_owned(),
        run: None,
        outcome: None,
        data: json!({"z": 1, "a": "nul \u{0}"}),
        document: None,
        tell: None,
    }
}

#[tokio::test]
async fn an_event_is_read_as_it_was_told() {
    for store in testkit::stores(Vec::new).await {
        let log = events(store.store());
        assert_eq!(log.newest().await.unwrap(), 0, "on {}", store.name);
        let told = NewEvent {
            run: Some(RunId(Uuid::from_u128(9))),
            outcome: Some(Outcome::Failed),
            document: Some(Document::default().text("It is ready.")),
            tell: Some(Tell::Open { topic: "session:1".to_owned(), title: "survival".to_owned() }),
            ..event("server.ready")
        };
        let cursor = log.append(told.clone()).await.unwrap();
        let read = log.after(cursor - 1, &Filter::default(), 10).await.unwrap();
        let [read] = read.as_slice() else { panic!("{read:?} on {}", store.name) };
        assert_eq!(read.cursor, cursor);
        assert_eq!(read.data.to_string(), told.data.to_string(), "on {}", store.name);
        let read = read.clone();
        let back = NewEvent {
            tenant: read.tenant,
            subject: read.subject,
            kind: read.kind,
            run: read.run,
            outcome: read.outcome,
            data: read.data,
            document: read.document,
            tell: read.tell,
        };
        assert_eq!(back, told, "on {}", store.name);
        assert_eq!(log.newest().await.unwrap(), cursor, "on {}", store.name);
    }
}

#[tokio::test]
async fn what_must_not_be_kept_is_taken_out() {
    for store in testkit::stores(Vec::new).await {
        store.clean_with(|text| text.replace("hush", "[secret]").into());
        let log = events(store.store());
        let announced = Tell::Announce { topic: "hall".to_owned(), title: "hush".to_owned() };
        for tell in [Tell::Open { topic: "session:1".to_owned(), title: "hush".to_owned() }, announced] {
            let told = NewEvent {
                data: json!({"why": ["it is hush"], "hush": 1}),
                document: Some(Document::titled("hush").text("so hush")),
                tell: Some(tell),
                ..event("server.failed")
            };
            let cursor = log.append(told).await.unwrap();
            let read = log.after(cursor - 1, &Filter::default(), 10).await.unwrap();
            assert_eq!(read[0].data, json!({"why": ["it is [secret]"], "[secret]": 1}), "on {}", store.name);
            assert_eq!(read[0].document, Some(Document::titled("[secret]").text("so [secret]")));
            assert!(!format!("{read:?}").contains("hush"), "on {}: {read:?}", store.name);
        }
    }
}

#[tokio::test]
async fn a_filter_narrows_down_by_community_subject_and_run() {
    for store in testkit::stores(Vec::new).await {
        let log = events(store.store());
        let (run, host) = (RunId(Uuid::from_u128(1)), Subject::Host("attic".to_owned()));
        log.append(event("a")).await.unwrap();
        log.append(NewEvent { run: Some(run), ..event("b") }).await.unwrap();
        log.append(NewEvent { subject: host.clone(), ..event("c") }).await.unwrap();
        log.append(NewEvent { tenant: tenant("theirs"), run: Some(run), ..event("d") }).await.unwrap();
        let kinds = async |filter: Filter| {
            let read = log.after(0, &filter, 500).await.unwrap();
            read.into_iter().map(|event| event.kind).collect::<Vec<_>>()
        };
        let ours = Some(tenant("ours"));
        assert_eq!(kinds(Filter::default()).await, ["a", "b", "c", "d"], "on {}", store.name);
        assert_eq!(kinds(Filter { tenant: ours.clone(), ..Filter::default() }).await, ["a", "b", "c"]);
        assert_eq!(kinds(Filter { tenant: ours.clone(), run: Some(run), ..Filter::default() }).await, ["b"]);
        assert_eq!(kinds(Filter { tenant: ours, subject: Some(host), run: None }).await, ["c"]);
        assert_eq!(log.after(0, &Filter::default(), 2).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn listeners_hear_of_an_event_with_the_commit_and_not_before() {
    for store in testkit::stores(Vec::new).await {
        let log = events(store.store());
        log.append(event("first")).await.unwrap();
        let before = log.newest().await.unwrap();
        let mut changes = log.changes();
        changes.wait_for(|seen| *seen >= before).await.unwrap();
        changes.mark_unchanged();

        let tx = store.begin().await.unwrap();
        let lost = log.append_in(&tx, event("never")).await.unwrap();
        tx.rollback().await.unwrap();

        let tx = store.begin().await.unwrap();
        let cursor = log.append_in(&tx, event("kept")).await.unwrap();
        assert!(!changes.has_changed().unwrap(), "on {}", store.name);
        assert_eq!(log.newest().await.unwrap(), before, "on {}", store.name);
        tx.commit().await.unwrap();
        assert!(changes.has_changed().unwrap(), "on {}", store.name);
        changes.wait_for(|seen| *seen >= cursor).await.unwrap();
        let read = log.after(before, &Filter::default(), 10).await.unwrap();
        assert_eq!(read.len(), 1, "{lost} was rolled back, on {}", store.name);
        assert_eq!(read[0].kind, "kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_follows_the_cursor_skips_nobody() {
    const TASKS: usize = 12;
    const EACH: usize = 15;
    for store in testkit::stores(Vec::new).await {
        let log = events(store.store());
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..TASKS {
            let (log, store) = (log.clone(), store.store());
            writers.spawn(async move {
                for _ in 0..EACH {
                    let tx = store.begin().await.unwrap();
                    log.append_in(&tx, event("tick")).await.unwrap();
                    // The longer between the number and its commit, the more another could overtake.
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    tx.commit().await.unwrap();
                }
            });
        }
        let (mut seen, mut cursor, mut changes) = (0, 0, log.changes());
        while seen < TASKS * EACH {
            let read = log.after(cursor, &Filter::default(), 7).await.unwrap();
            if read.is_empty() {
                let more = tokio::time::timeout(Duration::from_secs(30), changes.changed()).await;
                more.expect("every event is seen, none was skipped").unwrap();
                continue;
            }
            for event in read {
                assert!(event.cursor > cursor, "on {}", store.name);
                (cursor, seen) = (event.cursor, seen + 1);
            }
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap();
        }
        assert_eq!(log.after(0, &Filter::default(), 500).await.unwrap().len(), seen, "on {}", store.name);
    }
}

#[tokio::test]
async fn another_process_on_postgresql_hears_of_events() {
    for store in testkit::stores(Vec::new).await {
        if store.backend() == Backend::Sqlite {
            continue;
        }
        let here = events(store.store());
        let elsewhere = events(store.again(Vec::new()).await);
        let mut changes = elsewhere.changes();
        let cursor = here.append(event("server.ready")).await.unwrap();
        let heard =
            tokio::time::timeout(Duration::from_secs(30), changes.wait_for(|seen| *seen >= cursor)).await;
        heard.expect("the other process hears of it").unwrap();
        assert_eq!(elsewhere.after(0, &Filter::default(), 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_event_has_a_bound() {
    for store in testkit::stores(Vec::new).await {
        let log = events(store.store());
        let tx = store.begin().await.unwrap();
        let huge = NewEvent { data: json!("x".repeat(300_000)), ..event("huge") };
        let refused = log.append_in(&tx, huge).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { limit: 262_144, .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn one_reader_is_enough_on_postgresql_to_read_and_to_hear_of_other_processes() {
    let Some(first) = testkit::postgres(Vec::new()).await else { return };
    let cursor = events(first.store()).append(event("server.ready")).await.unwrap();
    let options = Options { readers: 1, durable: false, ..Options::new(first.address.as_str()) };
    let log = events(Store::open_with(options, Vec::new()).await.unwrap());
    let mut changes = log.changes();
    let heard = changes.wait_for(|newest| *newest >= cursor);
    tokio::time::timeout(Duration::from_secs(8), heard).await.expect("it listens").unwrap();
    assert_eq!(log.newest().await.unwrap(), cursor);
}

#[tokio::test]
async fn old_events_are_removed_and_newer_ones_stay() {
    const OLD: i64 = 1_203;
    for store in testkit::stores(Vec::new).await {
        let clock = Arc::new(ManualClock::default());
        let log = EventStore::new(store.store(), clock.clone());
        let tx = store.begin().await.unwrap();
        for _ in 0..OLD {
            log.append_in(&tx, NewEvent { tenant: tenant("theirs"), ..event("old") }).await.unwrap();
        }
        tx.commit().await.unwrap();
        clock.advance(Duration::from_secs(60));
        let limit = clock.now();
        log.append(event("kept")).await.unwrap();
        clock.advance(Duration::from_secs(1));
        let newest = log.append(event("newest")).await.unwrap();

        assert_eq!(log.after(0, &Filter::default(), 10_000).await.unwrap().len(), 500, "on {}", store.name);
        assert_eq!(log.prune(limit).await.unwrap(), u64::try_from(OLD).unwrap(), "on {}", store.name);
        let left = log.after(0, &Filter::default(), 500).await.unwrap();
        let kinds: Vec<_> = left.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["kept", "newest"], "on {}", store.name);
        assert_eq!(log.prune(limit).await.unwrap(), 0, "on {}", store.name);
        assert_eq!(log.newest().await.unwrap(), newest, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_event_that_is_out_of_order_in_time_is_removed_too() {
    for store in testkit::stores(Vec::new).await {
        let (early, late) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
        late.advance(Duration::from_secs(3_600));
        let limit = late.now();
        // As after a machine whose clock was ahead for a while.
        for (clock, kind) in [(&late, "future"), (&early, "past"), (&late, "now")] {
            EventStore::new(store.store(), clock.clone()).append(event(kind)).await.unwrap();
        }
        let log = events(store.store());
        assert_eq!(log.prune(limit).await.unwrap(), 1, "on {}", store.name);
        let left = log.after(0, &Filter::default(), 500).await.unwrap();
        let kinds: Vec<_> = left.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["future", "now"], "on {}", store.name);
    }
}

#[tokio::test]
async fn the_order_goes_on_when_everything_is_old() {
    for store in testkit::stores(Vec::new).await {
        let clock = Arc::new(ManualClock::default());
        let log = EventStore::new(store.store(), clock.clone());
        for _ in 0..3 {
            log.append(event("old")).await.unwrap();
        }
        let newest = log.newest().await.unwrap();
        clock.advance(Duration::from_secs(1));
        assert_eq!(log.prune(clock.now()).await.unwrap(), 2, "on {}", store.name);
        assert_eq!(log.newest().await.unwrap(), newest, "on {}", store.name);
        // A process that starts now begins where the order is, and not at its beginning.
        let again = EventStore::new(store.again(Vec::new()).await, clock.clone());
        assert_eq!(again.newest().await.unwrap(), newest, "on {}", store.name);
        let next = again.append(event("next")).await.unwrap();
        assert!(next > newest, "{next} comes after {newest}, on {}", store.name);
        let read = log.after(newest, &Filter::default(), 10).await.unwrap();
        assert_eq!(read.iter().map(|event| event.cursor).collect::<Vec<_>>(), [next], "on {}", store.name);
    }
}
