//! The staff's private thread about a report, made as soon as the report is sent, and whoever takes the report
//! let into it.
//!
//! One flow a report makes its thread, so there is one thread however many press at once. What the bot may not
//! do is no reason to lose a report: it stands in its channel, and says why there is no thread.

use std::time::Duration;

use guildhall_core::{
    ActorId, Rich, TenantId,
    guild::{ChannelKind, GuildAction, NewChannel, Overwrite, UserId, bits},
};
use guildhall_flows::{Failure, Flow, FlowError, Workflow};
use guildhall_store::scope;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::{Shared, unless_ended};
use crate::{
    Moderation, book::short, entity::report, error::ModerationError, report::thread_words,
    setting::REPORT_LOG,
};

/// Makes a report's thread.
pub(crate) struct ReportThread(pub(crate) Shared);

impl Workflow for ReportThread {
    const KIND: &'static str = "moderation-report-thread";
    const WITHIN: Duration = Duration::from_secs(86_400);
    type Input = i64;
    type Output = ();

    async fn run(&self, flow: &Flow, number: i64) -> Result<(), Failure> {
        let tenant = flow.tenant();
        let open = || async { Ok(self.0.open_thread(tenant, number).await?) };
        let opened = flow.step("open", open).retries(100).await;
        if let Err(failure) = &opened {
            let why = short(&format!("{} {}", failure.message, failure.remedy.as_deref().unwrap_or("")), 400);
            let note = || async { Ok(self.0.say_why_no_thread(tenant, number, why.trim()).await?) };
            unless_ended(flow.step("note", note).retries(100).await)?;
        }
        unless_ended(opened)?;
        // Somebody may have taken the report before it had a thread.
        let admit = || async {
            let row = self.0.report_row(tenant, number).await?;
            match row.handler.and_then(|id| ActorId::from(id).discord_user()) {
                Some(user) => Ok(self.0.admit(tenant, number, UserId(user)).await?),
                None => Ok(()),
            }
        };
        unless_ended(flow.step("admit", admit).retries(20).await)?;
        Ok(())
    }
}

impl Moderation {
    /// Lets somebody of the staff into a report's thread. Gives its address, or why there is none.
    pub(crate) async fn enter_thread(
        &self,
        tenant: &TenantId,
        number: i64,
        user: UserId,
    ) -> Result<Rich, ModerationError> {
        // The flow that came with the report is still at it, or was let down; then another one tries.
        for _ in 0..2 {
            if self.report_row(tenant, number).await?.thread.is_some() {
                break;
            }
            match self.seams.flows.start::<ReportThread>(tenant, &number.to_string(), &number).await {
                Ok(flow) | Err(FlowError::Active { flow, .. }) => self.await_briefly(vec![flow]).await,
                Err(error) => return Err(error.into()),
            }
        }
        self.admit(tenant, number, user).await?;
        let row = self.report_row(tenant, number).await?;
        let guild = self.seams.guilds.guild(tenant).await?.id;
        let note = self.note_of(tenant, &topic(number)).await?;
        Ok(thread_words(&row, Some(guild), note).unwrap_or_else(|| "It is being made.".into()))
    }

    async fn open_thread(&self, tenant: &TenantId, number: i64) -> Result<(), ModerationError> {
        let row = self.report_row(tenant, number).await?;
        if row.thread.is_some() || row.state.is_over() {
            return Ok(());
        }
        let parent = self.first_set(tenant, &[&REPORT_LOG]).await?;
        let everyone = self.seams.guilds.guild(tenant).await?.id;
        // Private: of those who see the channel, who manages its threads sees it, and who is let in.
        let hidden = Overwrite { target: everyone, role: true, allow: 0, deny: bits::VIEW_CHANNEL };
        let name = format!("Report {number}");
        let thread = NewChannel {
            name: name.clone(),
            kind: ChannelKind::Thread,
            parent: Some(parent.ok_or(ModerationError::ReportsOff)?),
            topic: None,
            overwrites: vec![hidden],
        };
        let thread = self.seams.guilds.create_channel(tenant, thread, &name).await?;
        let tx = self.seams.store.begin().await?;
        scope::update::<report::Entity>(tenant)
            .set(report::ActiveModel { thread: Set(Some(thread.to_string())), ..Default::default() })
            .filter(report::Column::Number.eq(number))
            .exec(tx.conn())
            .await?;
        self.post_soon(&tx, tenant, format!("report:{number}")).await?;
        self.post_soon(&tx, tenant, topic(number)).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn say_why_no_thread(
        &self,
        tenant: &TenantId,
        number: i64,
        why: &str,
    ) -> Result<(), ModerationError> {
        let tx = self.seams.store.begin().await?;
        self.note_post(&tx, tenant, topic(number), format!("There is none: {why}")).await?;
        self.post_soon(&tx, tenant, format!("report:{number}")).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn admit(&self, tenant: &TenantId, number: i64, user: UserId) -> Result<(), ModerationError> {
        let Some(thread) = self.report_row(tenant, number).await?.place() else { return Ok(()) };
        let action = GuildAction::AddToThread { thread, user };
        Ok(self.seams.guilds.act(tenant, action, &format!("Report {number}")).await?)
    }
}

/// What the page in a report's thread is called among what is to be posted.
pub(crate) fn topic(number: i64) -> String {
    format!("thread:{number}")
}
