//! What people wrote, kept to show what was edited or deleted: for as long as the guild says, then forgotten.

use std::time::Duration;

use guildhall_core::{
    Clock, Error, TenantId,
    guild::{ChannelId, Message, MessageId, Person, UserId},
};
use guildhall_store::{Store, StoreError, Timestamp, operator, scope};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict};

/// Messages looked up at once; Discord deletes at most 100 together.
const LOOKED_UP: usize = 100;

/// The messages that are kept.
#[derive(Clone)]
pub(crate) struct Memory {
    store: Store,
}

impl Memory {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Keeps messages, the newest text of each.
    pub(crate) async fn keep(&self, messages: &[(TenantId, Message)]) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let rows = messages.iter().map(|(tenant, message)| row::ActiveModel {
            tenant: Set(tenant.as_str().to_owned()),
            message: Set(signed(message.id.0)),
            channel: Set(signed(message.channel.0)),
            author: Set(signed(message.author.user.0)),
            name: Set(message.author.name.replace('\0', "")),
            content: Set(message.content.replace('\0', "")),
            attachments: Set(message.attachments.join("\n").replace('\0', "")),
            at: Set(message.at.into()),
        });
        let newest = OnConflict::columns([row::Column::Tenant, row::Column::Message])
            .update_columns([row::Column::Content, row::Column::Attachments])
            .to_owned();
        let tx = self.store.begin().await?;
        row::Entity::insert_many(rows)
            .on_conflict(newest)
            .exec_without_returning(tx.conn())
            .await
            .map_err(StoreError::from)?;
        tx.commit().await?;
        Ok(())
    }

    /// What is kept of these messages, and forgets them when `forget` is set.
    pub(crate) async fn recall(
        &self,
        tenant: &TenantId,
        messages: &[MessageId],
        forget: bool,
    ) -> Result<Vec<Message>, Error> {
        let ids: Vec<i64> = messages.iter().take(LOOKED_UP).map(|id| signed(id.0)).collect();
        let found = scope::find::<row::Entity>(tenant)
            .filter(row::Column::Message.is_in(ids.clone()))
            .all(self.store.reader())
            .await
            .map_err(StoreError::from)?;
        if forget && !found.is_empty() {
            let tx = self.store.begin().await?;
            scope::delete::<row::Entity>(tenant)
                .filter(row::Column::Message.is_in(ids))
                .exec(tx.conn())
                .await
                .map_err(StoreError::from)?;
            tx.commit().await?;
        }
        Ok(found.into_iter().map(message).collect())
    }

    /// Which communities have messages here.
    pub(crate) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let names: Vec<String> = operator::find::<row::Entity>()
            .select_only()
            .column(row::Column::Tenant)
            .distinct()
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Forgets what is older than `keep`; everything when it is `None`.
    pub(crate) async fn forget(
        &self,
        tenant: &TenantId,
        keep: Option<Duration>,
        clock: &dyn Clock,
    ) -> Result<u64, Error> {
        let mut old = scope::delete::<row::Entity>(tenant);
        if let Some(keep) = keep {
            let before: Timestamp = (clock.now() - keep).into();
            old = old.filter(row::Column::At.lt(before));
        }
        let tx = self.store.begin().await?;
        let gone = old.exec(tx.conn()).await.map_err(StoreError::from)?.rows_affected;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Discord's ids use 63 bits until the year 2084; the pattern of the bits is kept in any case.
fn signed(id: u64) -> i64 {
    i64::from_ne_bytes(id.to_ne_bytes())
}

fn unsigned(id: i64) -> u64 {
    u64::from_ne_bytes(id.to_ne_bytes())
}

fn message(row: row::Model) -> Message {
    let attachments = row.attachments.lines().map(str::to_owned).collect();
    Message {
        id: MessageId(unsigned(row.message)),
        channel: ChannelId(unsigned(row.channel)),
        author: Person {
            user: UserId(unsigned(row.author)),
            username: row.name.clone(),
            name: row.name,
            bot: false,
        },
        roles: Vec::new(),
        content: row.content,
        attachments,
        at: row.at.time(),
    }
}

mod row {
    use guildhall_store::{Owned, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "logs_message")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) tenant: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) message: i64,
        pub(crate) channel: i64,
        pub(crate) author: i64,
        pub(crate) name: String,
        pub(crate) content: String,
        pub(crate) attachments: String,
        pub(crate) at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
