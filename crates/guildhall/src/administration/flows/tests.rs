//! An operator finds a stuck job, and gets rid of it either way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use guildhall_core::{
    ActorId, Catalogue, Clock, Face, Reply, Request, SystemClock, TenantId, permission::DefaultRanks,
};
use guildhall_flows::{Engine, Failure, Flow, Outcome, StepError, Workflow};
use guildhall_link::testkit::SimulatedAgent;
use guildhall_servers::{RecipeBook, Servers, ServersConfig};
use guildhall_store::{
    AuditStore, EventStore, TokenStore,
    testkit::{self, TestStore},
};
use serde_json::Value;

use super::*;
use crate::administration::operations;

/// Fails, and cannot be undone until it is mended.
#[derive(Clone, Default)]
struct Jam {
    mended: Arc<AtomicBool>,
}

impl Workflow for Jam {
    const KIND: &'static str = "jam";
    type Input = ();
    type Output = ();

    async fn run(&self, flow: &Flow, _: ()) -> Result<(), Failure> {
        let mended = self.mended.clone();
        flow.step("push", || async { Ok(()) })
            .undo(async move |_| {
                if mended.load(Ordering::SeqCst) {
                    return Ok(());
                }
                Err(StepError::permanent("jammed", "The door is jammed."))
            })
            .await?;
        Err(Failure::new("closed", "It is closed."))
    }
}

struct Desk {
    catalogue: Catalogue,
    engine: Engine,
    jam: Jam,
    tenant: TenantId,
    running: tokio::task::JoinHandle<()>,
    _store: TestStore,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Desk {
    async fn new() -> Self {
        let mut migrations = guildhall_flows::migrations();
        migrations.extend(guildhall_servers::migrations());
        let store = testkit::sqlite(migrations).await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let host = "attic".parse().expect("a host's name");
        let agents = Arc::new(SimulatedAgent::new(host, clock.clone()));
        let (audit, jam) = (AuditStore::new(store.store()), Jam::default());
        let builder = Engine::builder(store.store(), clock.clone())
            .undo_attempts(1)
            .poll(Duration::from_millis(50))
            .register(jam.clone());
        let servers = Servers::new(
            store.store(),
            EventStore::new(store.store(), clock.clone()),
            builder.handle(),
            agents.clone(),
            RecipeBook::of([]),
            ServersConfig::default(),
            clock.clone(),
        );
        let engine = builder.build();
        let administration = Administration {
            tokens: TokenStore::new(store.store(), clock.clone()),
            audit: audit.clone(),
            agents,
            flows: engine.handle(),
            servers,
            specs: operations().specs().cloned().collect(),
        };
        let catalogue = Catalogue::builder(Arc::new(audit), clock, Arc::new(DefaultRanks))
            .add(operations(), Arc::new(administration))
            .build();
        let running = tokio::spawn({
            let engine = engine.clone();
            async move { engine.run(std::future::pending()).await }
        });
        let tenant = "ours".parse().expect("a community's name");
        Self { catalogue, engine, jam, tenant, running, _store: store }
    }

    /// A stuck job's number.
    async fn stuck(&self, key: &str) -> FlowId {
        let flow = self.engine.start::<Jam>(&self.tenant, key, &()).await.expect("the job starts");
        let outcome = self.engine.wait(flow).await.expect("the job is known");
        assert!(matches!(outcome, Outcome::Stuck(_)), "{outcome:?}");
        flow
    }

    fn actor(&self, rank: Rank) -> Actor {
        Actor {
            tenant: "operators".parse().expect("a community's name"),
            id: ActorId::discord(1),
            name: "Ada".to_owned(),
            face: Face::Cli,
            rank,
            scope: None,
        }
    }

    async fn call(&self, operation: &str, input: Value, confirmed: bool) -> Result<Reply, Error> {
        let mut request = Request::json(self.actor(Rank::OPERATOR), operation, input);
        request.confirmed = confirmed;
        self.catalogue.call(request).await
    }

    async fn list(&self, page: u32) -> Value {
        match self.call("flow list", json!({"page": page}), false).await {
            Ok(Reply::Done { data, .. }) => data,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stuck_job_is_found_and_resumed_once_it_is_mended() {
    let desk = Desk::new().await;
    let flow = desk.stuck("front door").await;
    let list = desk.list(1).await;
    assert_eq!((&list["total"], &list["pages"]), (&json!(1), &json!(1)));
    let job = &list["jobs"][0];
    assert_eq!(job["flow"], flow.to_string());
    assert_eq!((&job["kind"], &job["subject"]), (&json!("jam"), &json!("front door")));
    assert_eq!((&job["tenant"], &job["state"]), (&json!("ours"), &json!("stuck")));
    assert!(job["why"].as_str().is_some_and(|why| why.contains("push")), "it says which step: {job}");

    desk.jam.mended.store(true, Ordering::SeqCst);
    desk.call("flow resume", json!({"flow": flow.to_string()}), false).await.expect("it is resumed");
    let outcome = desk.engine.wait(flow).await.expect("the job is known");
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.code == "closed"), "{outcome:?}");
    assert_eq!(desk.list(1).await["total"], 0);
    let again = desk.call("flow resume", json!({"flow": flow.to_string()}), false).await;
    assert_eq!(again.expect_err("it is over").code, "flow_not_stuck");
}

#[tokio::test]
async fn a_stuck_job_is_abandoned_after_a_question() {
    let desk = Desk::new().await;
    let flow = desk.stuck("front door").await;
    let input = json!({"flow": flow.to_string()});
    let asked = desk.call("flow abandon", input.clone(), false).await;
    assert!(matches!(asked, Ok(Reply::Confirm { .. })), "{asked:?}");
    assert_eq!(desk.list(1).await["total"], 1, "nothing has happened yet");
    desk.call("flow abandon", input, true).await.expect("it is abandoned");
    let outcome = desk.engine.wait(flow).await.expect("the job is known");
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(desk.list(1).await["total"], 0);
}

#[tokio::test]
async fn jobs_are_paged_and_only_for_who_runs_the_installation() {
    let desk = Desk::new().await;
    for number in 0..=PAGE {
        desk.stuck(&format!("door {number}")).await;
    }
    assert_eq!(desk.list(1).await["jobs"].as_array().map(Vec::len), Some(12));
    let second = desk.list(2).await;
    assert_eq!(second["jobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["jobs"][0]["subject"], format!("door {PAGE}"));
    assert_eq!(desk.list(3).await["jobs"], json!([]));
    let offered = desk.catalogue.complete(&desk.actor(Rank::OPERATOR), "flow resume", "flow", "door 3").await;
    let offered: Vec<_> = offered.expect("jobs are offered").into_iter().map(|choice| choice.label).collect();
    assert_eq!(offered, ["jam door 3 (ours)"]);

    for operation in ["flow list", "flow resume", "flow abandon"] {
        let request = Request::json(desk.actor(Rank::OWNER), operation, json!({"flow": "x"}));
        let refused = desk.catalogue.call(request).await.expect_err("an owner may not");
        assert_eq!(refused.kind, Kind::Permission, "{operation}");
    }
    for (flow, code) in
        [("nonsense", "not_a_flow"), ("00000000-0000-0000-0000-000000000001", "flow_not_found")]
    {
        let refused = desk.call("flow resume", json!({"flow": flow}), false).await;
        assert_eq!(refused.expect_err("there is no such job").code, code);
    }
}
