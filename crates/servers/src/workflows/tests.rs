//! Every job under the workflows' test kit, against a simulated agent: a failure at every step unwinds clean,
//! crashes at every step change nothing, and every undo can be repeated.

use std::{collections::BTreeMap, sync::Arc};

use guildhall_core::{Actor, HostId, RunId, ServerId, id::fresh};
use guildhall_flows::{
    Failure, FlowId, Handle, Workflow,
    testkit::{Scene, Stage, check},
};
use guildhall_link::testkit::SimulatedAgent;
use guildhall_recipes::Recipe;
use guildhall_store::{EventStore, scope};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};

use super::{CreateServer, DeleteServer, JobInput, RestartServer, StartServer, StopServer};
use crate::{
    RecipeBook, Servers, ServersConfig,
    creation::new_row,
    entity::{config, port, server},
    launch::{self, Launch},
    life::Job,
    state::{Goal, State},
};

/// A community with one server on one host.
struct World {
    servers: Servers,
    agent: SimulatedAgent,
    actor: Actor,
    server: ServerId,
    run: RunId,
    job: Job,
}

/// Its connections are the next scenario's.
impl Drop for World {
    fn drop(&mut self) {
        self.agent.detach();
    }
}

impl World {
    /// The world as the operation leaves it: the job is marked, its flow has not begun.
    async fn new(stage: Stage, job: Job) -> Self {
        let host: HostId = stage.tenant.as_str().parse().unwrap();
        let agent = SimulatedAgent::new(host.clone(), stage.clock.clone());
        let recipe =
            Recipe::parse(include_str!("../../tests/servers/testgame.toml"), "testgame.toml").unwrap();
        let servers = Servers::new(
            stage.store.clone(),
            EventStore::new(stage.store.clone(), stage.clock.clone()),
            stage.handle.clone(),
            Arc::new(agent.clone()),
            RecipeBook::of([recipe.clone()]),
            ServersConfig::default(),
            stage.clock.clone(),
        );
        agent.attach(Arc::new(servers.clone()));
        let actor = Actor::system(stage.tenant.clone(), "test");
        let server: ServerId = fresh(stage.clock.as_ref());
        let (launch, changed) = Launch::first(&recipe, &BTreeMap::new(), None).unwrap();
        let at = guildhall_core::Clock::now(stage.clock.as_ref()).into();
        let tx = stage.store.begin().await.unwrap();
        let mut row = new_row(server.0, &actor, "survival", &launch, at);
        row.state = State::Stopped;
        server::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await.unwrap();
        let version = launch::row(&launch, server.0, &actor, at, &changed, None).unwrap();
        config::Entity::insert(version.into_active_model()).exec_without_returning(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        let world = Self { servers, agent, actor, server, run: fresh(stage.clock.as_ref()), job };
        if !matches!(job, Job::Create | Job::Start) {
            world.run_the_game(&host).await;
        }
        world.mark().await;
        world
    }

    async fn run_the_game(&self, host: &HostId) {
        let (actor, run) = (self.actor.clone(), self.run);
        self.change(|change| {
            change.row.host = Some(host.to_string());
            change.start(&actor, run).unwrap();
        })
        .await;
        self.servers.shop.apply(&self.actor.tenant, self.server).await.unwrap();
        self.agent.until_idle().await;
        assert_eq!(self.row().await.unwrap().state, State::Ready);
    }

    async fn mark(&self) {
        let (actor, run, job) = (self.actor.clone(), self.run, self.job);
        self.change(|change| match job {
            Job::Create => change.create(&actor, run),
            Job::Start => drop(change.start(&actor, run).unwrap()),
            Job::Stop => drop(change.stop(&actor, run).unwrap()),
            Job::Restart => drop(change.restart(&actor, run).unwrap()),
            Job::Delete => change.delete(&actor, run).unwrap(),
        })
        .await;
    }

    async fn change(&self, mut decide: impl FnMut(&mut crate::change::Change<'_>) + Send) {
        let changed = self.servers.shop.change(&self.actor.tenant, self.server, |change| {
            decide(change);
            Ok(())
        });
        changed.await.unwrap().expect("the server is there");
    }

    async fn row(&self) -> Option<server::Model> {
        self.servers.shop.by_id(&self.actor.tenant, self.server).await.unwrap()
    }

    fn input(&self) -> JobInput {
        JobInput { server: self.server, run: self.run, by: "Ann".to_owned(), forget: false }
    }

    /// The reconciler has had its turn, and the agent has done what it was told.
    async fn settle(&self) {
        for _ in 0..2 {
            self.agent.until_idle().await;
            self.servers.reconcile().await.unwrap();
        }
        self.agent.until_idle().await;
    }

    async fn ports(&self) -> u64 {
        let rows =
            scope::find::<port::Entity>(&self.actor.tenant).filter(port::Column::Server.eq(self.server.0));
        rows.count(self.servers.shop.store.reader()).await.unwrap()
    }

    fn is_running(&self) -> bool {
        self.agent.leaks().iter().any(|leak| leak.running)
    }

    /// Nobody is at work, nothing is half done: either it is up with its session, or it is down without one,
    /// and the host agrees.
    async fn assert_settled(&self) -> server::Model {
        self.settle().await;
        let row = self.row().await.expect("the server is there");
        assert!(row.state.is_settled(), "it is {}", row.state);
        assert_eq!((row.busy.as_deref(), row.run, row.flow), (None, None, None), "a busy mark is left");
        let up = row.state == State::Ready;
        assert_eq!(self.is_running(), up, "the host runs it while it is {}", row.state);
        assert_eq!(row.session.is_some(), up, "a session is open while it is {}", row.state);
        assert_eq!(row.goal == Goal::Running, up, "the goal does not fit {}", row.state);
        let open = scope::find::<crate::entity::session::Entity>(&self.actor.tenant)
            .filter(crate::entity::session::Column::EndedAt.is_null())
            .count(self.servers.shop.store.reader())
            .await
            .unwrap();
        assert_eq!(open, u64::from(up), "sessions that nobody ended");
        row
    }
}

macro_rules! scene {
    ($name:ident, $workflow:ident) => {
        struct $name(World);

        impl Scene for $name {
            type Workflow = $workflow;

            fn workflow(&self) -> $workflow {
                $workflow(self.0.servers.shop.clone())
            }

            fn input(&self) -> JobInput {
                self.0.input()
            }

            async fn waiting(&self, _: &Handle, _: FlowId, _: &str) {
                self.0.agent.until_idle().await;
            }

            async fn assert_clean(&self, _: &Failure) {
                self.clean().await;
            }

            async fn assert_finished(&self, (): &()) {
                self.finished().await;
            }
        }
    };
}

scene!(Starting, StartServer);
scene!(Stopping, StopServer);
scene!(Restarting, RestartServer);
scene!(Creating, CreateServer);
scene!(Deleting, DeleteServer);

impl Starting {
    async fn clean(&self) {
        let row = self.0.assert_settled().await;
        if row.state == State::Failed {
            assert_eq!(self.0.ports().await, 0, "ports are still reserved");
            assert!(row.failure_code.is_some());
        }
    }

    async fn finished(&self) {
        let row = self.0.assert_settled().await;
        assert_eq!(row.state, State::Ready);
        assert_eq!(self.0.ports().await, 2);
        let effects = self.0.agent.effects(self.0.server);
        assert_eq!(
            (effects.applied, effects.starts, effects.installs),
            (1, 1, 1),
            "something was done twice"
        );
    }
}

impl Stopping {
    async fn clean(&self) {
        // Whoever stopped it still wants that, and the reconciler has seen to it.
        assert_eq!(self.0.assert_settled().await.state, State::Stopped);
    }

    async fn finished(&self) {
        assert_eq!(self.0.assert_settled().await.state, State::Stopped);
        assert_eq!(self.0.agent.effects(self.0.server).stops, 1);
    }
}

impl Restarting {
    async fn clean(&self) {
        self.0.assert_settled().await;
    }

    async fn finished(&self) {
        assert_eq!(self.0.assert_settled().await.state, State::Ready);
        let effects = self.0.agent.effects(self.0.server);
        assert_eq!((effects.starts, effects.stops), (2, 1), "something was done twice");
    }
}

impl Creating {
    async fn clean(&self) {
        match self.0.row().await {
            None => assert_eq!(self.0.ports().await, 0, "ports are still reserved"),
            Some(row) => assert_eq!((row.state, row.busy), (State::Stopped, None)),
        }
        assert!(self.0.agent.leaks().is_empty());
    }

    async fn finished(&self) {
        let row = self.0.row().await.expect("the server is there");
        assert_eq!((row.state, row.busy), (State::Stopped, None));
        assert_eq!((row.host.is_some(), self.0.ports().await), (true, 2));
    }
}

impl Deleting {
    async fn clean(&self) {
        if self.0.row().await.is_some() {
            let row = self.0.assert_settled().await;
            assert_ne!(row.state, State::Ready, "it was stopped before it was to be removed");
        } else {
            self.finished().await;
        }
    }

    async fn finished(&self) {
        self.0.agent.until_idle().await;
        assert!(self.0.row().await.is_none());
        assert_eq!(self.0.ports().await, 0);
        assert!(self.0.agent.leaks().is_empty(), "the host still has it");
        assert_eq!(self.0.agent.effects(self.0.server).removes, 1);
    }
}

fn tables() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
    crate::migrations()
}

async fn prove<S: Scene>(job: Job, scene: fn(World) -> S) -> Vec<String>
where
    S::Workflow: Workflow,
{
    check(tables, |stage| async move { scene(World::new(stage, job).await) }).await.steps
}

#[tokio::test]
async fn a_start_is_safe_at_every_step() {
    let steps = prove(Job::Start, Starting).await;
    assert_eq!(steps, ["claim", "place", "reserve ports", "apply", "up"]);
}

#[tokio::test]
async fn a_stop_is_safe_at_every_step() {
    assert_eq!(prove(Job::Stop, Stopping).await, ["claim", "apply", "down"]);
}

#[tokio::test]
async fn a_restart_is_safe_at_every_step() {
    let steps = prove(Job::Restart, Restarting).await;
    assert_eq!(steps, ["claim", "apply stop", "down", "turn", "place", "reserve ports", "apply start", "up"]);
}

#[tokio::test]
async fn a_creation_is_safe_at_every_step() {
    assert_eq!(prove(Job::Create, Creating).await, ["claim", "place", "reserve ports", "announce"]);
}

#[tokio::test]
async fn a_deletion_is_safe_at_every_step() {
    assert_eq!(prove(Job::Delete, Deleting).await, ["claim", "apply", "down", "confirm", "erase"]);
}
