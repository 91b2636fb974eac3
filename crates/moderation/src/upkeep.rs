//! What is kept about a case besides the case itself, and the upkeep of what waits for it.

use std::time::Duration;

use guildhall_core::{NewEvent, Subject, TenantId};
use guildhall_flows::FlowId;
use guildhall_store::{StoreError, Timestamp, Tx, operator, scope};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Moderation,
    book::{in_tx, short},
    case::{CaseState, Told},
    entity::{case, post},
    error::ModerationError,
};

/// Cases that are read at once.
const LOOKED_AT: u64 = 50;

impl Moderation {
    /// Something is to be posted, or edited where it was.
    pub(crate) async fn post_soon(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        topic: String,
    ) -> Result<(), StoreError> {
        let due = Some(Timestamp::from(self.seams.clock.now()));
        keep_post(tx, tenant, topic, due, None, &[post::Column::Due]).await?;
        let scribe = self.scribe.clone();
        tx.after_commit(move || scribe.notify_one());
        Ok(())
    }

    /// Notes what is wrong with something that cannot be posted.
    pub(crate) async fn note_post(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        topic: String,
        note: String,
    ) -> Result<(), StoreError> {
        keep_post(tx, tenant, topic, None, Some(note), &[post::Column::Note]).await
    }

    /// What is wrong with something that was to be posted.
    pub(crate) async fn note_of(
        &self,
        tenant: &TenantId,
        topic: &str,
    ) -> Result<Option<String>, ModerationError> {
        let query = scope::find::<post::Entity>(tenant).filter(post::Column::Topic.eq(topic));
        Ok(query.one(self.seams.store.reader()).await?.and_then(|post| post.note))
    }

    /// Keeps whether the person was told. It is no change of the case, so it has no version.
    pub(crate) async fn keep_told(
        &self,
        tenant: &TenantId,
        number: i64,
        told: Told,
    ) -> Result<(), ModerationError> {
        let (tx, row) = self.keep(tenant, number, case::Column::Told, Expr::value(told)).await?;
        self.due(&tx, tenant, &row).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps what came of carrying it over.
    pub(crate) async fn keep_carried(
        &self,
        tenant: &TenantId,
        number: i64,
        carried: &str,
    ) -> Result<(), ModerationError> {
        let carried = Expr::value(short(carried, 500));
        let (tx, row) = self.keep(tenant, number, case::Column::Carried, carried).await?;
        self.due(&tx, tenant, &row).await?;
        Ok(tx.commit().await?)
    }

    /// The timer's turn, which signals name from now on; gives the case as it is at that moment.
    pub(crate) async fn next_round(
        &self,
        tenant: &TenantId,
        number: i64,
        round: i64,
    ) -> Result<case::Model, ModerationError> {
        let (tx, row) = self.keep(tenant, number, case::Column::Round, Expr::value(round)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Writes one column, and gives the case as it is then.
    async fn keep(
        &self,
        tenant: &TenantId,
        number: i64,
        column: case::Column,
        value: Expr,
    ) -> Result<(Tx, case::Model), ModerationError> {
        let tx = self.seams.store.begin().await?;
        scope::update::<case::Entity>(tenant)
            .col_expr(column, value)
            .filter(case::Column::Number.eq(number))
            .exec(tx.conn())
            .await?;
        let row = in_tx(&tx, tenant, number).await?;
        Ok((tx, row))
    }

    /// Starts the timers anew of cases whose end is past while nothing waits for it. That takes a fault, so it
    /// is looked for seldom. Gives how many.
    pub(crate) async fn mend_timers(&self) -> Result<u64, ModerationError> {
        let late = self.seams.clock.now() - Duration::from_secs(60);
        let late = operator::find::<case::Entity>()
            .filter(case::Column::State.eq(CaseState::Active))
            .filter(case::Column::ExpiresAt.lt(Timestamp::from(late)))
            .order_by_asc(case::Column::Tenant)
            .order_by_asc(case::Column::Number);
        let mut late = late.paginate(self.seams.store.reader(), LOOKED_AT);
        let mut mended = 0;
        while let Some(rows) = late.fetch_and_next().await? {
            mended += self.mend_some(rows).await?;
        }
        Ok(mended)
    }

    async fn mend_some(&self, rows: Vec<case::Model>) -> Result<u64, ModerationError> {
        let mut mended = 0;
        for row in rows {
            let Ok(tenant) = row.tenant.parse::<TenantId>() else { continue };
            let alive = match row.timer {
                Some(timer) => {
                    let info = self.seams.flows.info(FlowId(timer)).await?;
                    info.is_some_and(|info| !info.state.is_settled())
                }
                None => false,
            };
            if !alive {
                let tx = self.seams.store.begin().await?;
                let flow = self.start_timer(&tx, &tenant, row.number).await?;
                scope::update::<case::Entity>(&tenant)
                    .col_expr(case::Column::Timer, Expr::value(Some(flow.0) as Option<Uuid>))
                    .filter(case::Column::Number.eq(row.number))
                    .exec(tx.conn())
                    .await?;
                tx.commit().await?;
                mended += 1;
            }
        }
        Ok(mended)
    }

    /// Tells the rest of Guildhall what these cases have become, and commits. A change and the word of it stand or
    /// fall together; the word comes last, because on PostgreSQL nobody else has one until the transaction ends.
    pub(crate) async fn commit(&self, tx: Tx, changed: &[&case::Model]) -> Result<(), ModerationError> {
        for row in changed {
            let Ok(tenant) = row.tenant.parse::<TenantId>() else { continue };
            let target = row.target.as_ref().filter(|_| !row.kind.is_private());
            let event = NewEvent {
                tenant,
                subject: Subject::Community,
                kind: "case.changed".to_owned(),
                run: None,
                outcome: None,
                data: json!({
                    "number": row.number,
                    "kind": row.kind,
                    "state": row.state,
                    "target": target,
                    "version": row.version,
                }),
                document: None,
                tell: None,
            };
            self.seams.events.append_in(&tx, event).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The case that was made for `reference`.
    pub(crate) async fn by_reference(
        &self,
        tenant: &TenantId,
        reference: &str,
    ) -> Result<Option<case::Model>, ModerationError> {
        let query = scope::find::<case::Entity>(tenant).filter(case::Column::Reference.eq(reference));
        Ok(query.one(self.seams.store.reader()).await?)
    }
}

/// Keeps what is to be posted; where it is known already, only these columns are replaced.
async fn keep_post(
    tx: &Tx,
    tenant: &TenantId,
    topic: String,
    due: Option<Timestamp>,
    note: Option<String>,
    replaced: &[post::Column],
) -> Result<(), StoreError> {
    let row = post::ActiveModel {
        tenant: Set(tenant.as_str().to_owned()),
        topic: Set(topic),
        due: Set(due),
        attempts: Set(0),
        channel: Set(None),
        message: Set(None),
        note: Set(note),
    };
    let known = OnConflict::columns([post::Column::Tenant, post::Column::Topic])
        .update_columns(replaced.iter().copied())
        .to_owned();
    post::Entity::insert(row).on_conflict(known).exec_without_returning(tx.conn()).await?;
    Ok(())
}
