//! The thread of a report: there is one, whatever happens, and who took the report is in it.

use guildhall_core::ActorId;
use sea_orm::{EntityTrait, IntoActiveModel};

use super::*;
use crate::{
    ReportState,
    entity::report,
    workflows::{ReportThread, thread_topic},
};

const NUMBER: i64 = 1;

struct Reported(World);

impl Reported {
    /// A report that Mia took before it had a thread.
    async fn new(stage: Stage) -> Self {
        let world = World::new(stage, about(ANN, Deed::Warn)).await;
        let row = report::Model {
            tenant: world.stage.tenant.to_string(),
            number: NUMBER,
            reporter: ActorId::discord(ANN.0).to_string(),
            reporter_name: "Ann".to_owned(),
            target: None,
            target_name: String::new(),
            message: None,
            quote: None,
            text: "Something is odd".to_owned(),
            state: ReportState::Taken,
            handler: Some(ActorId::discord(MOD.0).to_string()),
            handler_name: Some("Mia".to_owned()),
            answer: None,
            thread: None,
            open_key: None,
            created_at: world.stage.clock.now().into(),
            version: 1,
        };
        let tx = world.stage.store.begin().await.unwrap();
        report::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        Self(world)
    }

    async fn assert_one_thread(&self) {
        let (tenant, threads) = (&self.0.stage.tenant, self.0.guild.threads());
        let row = self.0.moderation.report_row(tenant, NUMBER).await.unwrap();
        match (row.place(), threads.as_slice()) {
            (Some(place), [thread]) => assert_eq!(place, thread.id),
            (None, [] | [_]) => {
                let note = self.0.moderation.note_of(tenant, &thread_topic(NUMBER)).await.unwrap();
                assert!(note.is_some_and(|note| note.starts_with("There is none")), "nobody knows why");
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Scene for Reported {
    type Workflow = ReportThread;

    fn workflow(&self) -> ReportThread {
        ReportThread(self.0.moderation.clone())
    }

    fn input(&self) -> i64 {
        NUMBER
    }

    async fn assert_clean(&self, cause: &Failure) {
        panic!("a report stands whatever becomes of its thread: {cause}");
    }

    async fn assert_finished(&self, (): &()) {
        self.assert_one_thread().await;
    }
}

#[tokio::test]
async fn a_report_has_one_thread_whatever_happens() {
    let report = check(migrations, |stage| async move { Reported::new(stage).await }).await;
    assert_eq!(report.steps, ["open", "admit"]);
}
