//! The audit record: safe when told so, shared commits, listed by page.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use async_trait::async_trait;
use guildhall_core::{
    ActorId, CallId, Clock, Face, Rank, SystemClock, TenantId,
    audit::{AuditLog, Record, Verdict},
};
use guildhall_store::{
    AuditStore, Backend,
    audit::{Filter, Page},
    testkit,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use serde_json::json;

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn record(tenant_name: &str, operation: &str) -> Record {
    Record {
        call: CallId(SystemClock.uuid()),
        at: SystemClock.now(),
        took_us: 1500,
        tenant: tenant(tenant_name),
        actor: ActorId::discord(4711),
        actor_name: "Ann".to_owned(),
        face: Face::Discord,
        rank: Rank::MODERATOR,
        bypass: None,
        operation: operation.to_owned(),
        input: json!({"server": "survival", "again": true}),
        verdict: Verdict::Done,
        code: None,
        detail: None,
    }
}

#[tokio::test]
async fn what_was_recorded_is_there_for_another_process() {
    for store in testkit::stores(Vec::new).await {
        let audit = AuditStore::new(store.store());
        let mut one = record("ours", "server start");
        one.verdict = Verdict::Refused;
        one.code = Some("rank_too_low".to_owned());
        one.detail = Some("You need rank 5".to_owned());
        one.bypass = Some("owner of the guild".to_owned());
        audit.record(one.clone()).await.unwrap();

        let elsewhere = AuditStore::new(store.again(Vec::new()).await);
        let kept = elsewhere.list(&tenant("ours"), &Filter::default(), Page::default()).await.unwrap();
        let [entry] = kept.as_slice() else { panic!("{kept:?} on {}", store.name) };
        assert_eq!(entry.call, one.call);
        assert_eq!(entry.at, one.at, "on {}", store.name);
        assert_eq!((entry.took_us, entry.rank), (1500, 3));
        assert_eq!(entry.actor, one.actor);
        assert_eq!(entry.bypass, one.bypass, "on {}", store.name);
        assert_eq!(entry.input.to_string(), one.input.to_string(), "the order of keys, on {}", store.name);
        assert_eq!((entry.face.as_str(), entry.verdict.as_str()), ("discord", "refused"));
        assert_eq!(
            (entry.code.as_deref(), entry.detail.as_deref()),
            (Some("rank_too_low"), Some("You need rank 5"))
        );
    }
}

#[tokio::test]
async fn records_that_come_together_share_commits() {
    for store in testkit::stores(Vec::new).await {
        let audit = AuditStore::new(store.store());
        // Somebody writes, so the records have to queue.
        let tx = store.begin().await.unwrap();
        if store.backend() == Backend::Postgres {
            tx.conn().execute_unprepared("LOCK TABLE audit_record IN EXCLUSIVE MODE").await.unwrap();
        }
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let audit = audit.clone();
            calls.spawn(async move { audit.record(record("ours", "server list")).await });
        }
        tokio::task::yield_now().await;
        assert!(calls.try_join_next().is_none(), "a record was safe before its commit, on {}", store.name);
        tx.commit().await.unwrap();
        while let Some(kept) = calls.join_next().await {
            kept.unwrap().unwrap();
        }
        assert!(audit.commits() <= 4, "{} commits on {}", audit.commits(), store.name);
        audit.record(record("ours", "server list")).await.unwrap();
        for (limit, given) in [(0, 50), (150, 150), (1_000, 200)] {
            let page = Page { limit, before: None };
            let kept = audit.list(&tenant("ours"), &Filter::default(), page).await.unwrap();
            assert_eq!(kept.len(), given, "of a page of {limit} on {}", store.name);
        }
        let kept = audit.list_all(&Filter::default(), Page { limit: 200, before: Some(2) }).await.unwrap();
        assert_eq!(kept.len(), 1, "201 in all, on {}", store.name);
    }
}

#[tokio::test]
async fn a_caller_that_went_away_has_its_record_all_the_same() {
    for store in testkit::stores(Vec::new).await {
        let audit = AuditStore::new(store.store());
        let tx = store.begin().await.unwrap();
        let gone = tokio::spawn({
            let audit = audit.clone();
            async move { audit.record(record("ours", "server stop")).await }
        });
        tokio::task::yield_now().await;
        gone.abort();
        tx.commit().await.unwrap();
        // Records are kept in order, so once this one is safe the other is too.
        audit.record(record("ours", "server list")).await.unwrap();
        let kept = audit.list(&tenant("ours"), &Filter::default(), Page::default()).await.unwrap();
        assert_eq!(kept.len(), 2, "on {}", store.name);
    }
}

#[tokio::test]
async fn pages_go_back_in_time_within_the_community_and_the_filter() {
    for store in testkit::stores(Vec::new).await {
        let audit = AuditStore::new(store.store());
        for number in 0..10 {
            let mut one = record("ours", if number % 2 == 0 { "server start" } else { "server stop" });
            one.took_us = number;
            audit.record(one).await.unwrap();
            audit.record(record("theirs", "server start")).await.unwrap();
        }
        let filter = Filter { operation: Some("server start".to_owned()), ..Filter::default() };
        let first = audit.list(&tenant("ours"), &filter, Page { before: None, limit: 3 }).await.unwrap();
        assert_eq!(
            first.iter().map(|entry| entry.took_us).collect::<Vec<_>>(),
            [8, 6, 4],
            "on {}",
            store.name
        );
        let next = Page { before: Some(first[2].seq), limit: 3 };
        let second = audit.list(&tenant("ours"), &filter, next).await.unwrap();
        assert_eq!(second.iter().map(|entry| entry.took_us).collect::<Vec<_>>(), [2, 0], "on {}", store.name);

        let refused = Filter { verdict: Some("refused".to_owned()), ..Filter::default() };
        assert!(audit.list(&tenant("ours"), &refused, Page::default()).await.unwrap().is_empty());
        let done = Filter { verdict: Some("done".to_owned()), ..Filter::default() };
        assert_eq!(audit.list(&tenant("ours"), &done, Page::default()).await.unwrap().len(), 10);
        let call = Filter { call: Some(first[0].call), ..Filter::default() };
        assert_eq!(audit.list(&tenant("ours"), &call, Page::default()).await.unwrap(), first[..1]);
        assert!(audit.list(&tenant("theirs"), &call, Page::default()).await.unwrap().is_empty());
        let nobody = Filter { actor: Some(ActorId::discord(1)), ..Filter::default() };
        assert!(audit.list_all(&nobody, Page::default()).await.unwrap().is_empty());
        assert_eq!(audit.list_all(&Filter::default(), Page::default()).await.unwrap().len(), 20);
    }
}

#[tokio::test]
async fn whatever_people_send_is_kept() {
    for store in testkit::stores(Vec::new).await {
        let audit = AuditStore::new(store.store());
        let mut odd = record("ours", "no such\0thing");
        odd.actor_name = "\0\u{202e}🎮".to_owned();
        odd.input = json!({"text": "nul \u{0} and '; DROP TABLE event; --"});
        odd.detail = Some("ä".repeat(100_000));
        audit.record(odd.clone()).await.unwrap();
        let kept = audit.list(&tenant("ours"), &Filter::default(), Page::default()).await.unwrap();
        assert_eq!(kept[0].input, odd.input, "on {}", store.name);
        assert_eq!(kept[0].operation, "no such\u{fffd}thing", "on {}", store.name);
        assert!(kept[0].detail.as_ref().unwrap().len() < 20_000, "on {}", store.name);
    }
}

/// Refuses one operation's records.
struct Poison;

impl MigrationName for Poison {
    fn name(&self) -> &str {
        "test_0001_poison"
    }
}

#[async_trait]
impl MigrationTrait for Poison {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let refuse = match conn.get_database_backend() {
            DbBackend::Postgres => "ALTER TABLE audit_record ADD CHECK (operation <> 'poison')",
            _ => {
                "CREATE TRIGGER refuse BEFORE INSERT ON audit_record WHEN NEW.operation = 'poison'
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
        };
        conn.execute_unprepared(refuse).await.map(drop)
    }
}

#[tokio::test]
async fn a_record_that_the_database_refuses_does_not_take_its_neighbours_with_it() {
    for store in testkit::stores(|| vec![Box::new(Poison)]).await {
        let audit = AuditStore::new(store.store());
        let (one, poison, other) = tokio::join!(
            audit.record(record("ours", "server start")),
            audit.record(record("ours", "poison")),
            audit.record(record("ours", "server stop")),
        );
        assert!(one.is_ok() && poison.is_err() && other.is_ok(), "on {}", store.name);
        let kept = audit.list(&tenant("ours"), &Filter::default(), Page::default()).await.unwrap();
        assert_eq!(kept.len(), 2, "on {}", store.name);
    }
}
