//! Forgets what is old.

use std::time::Duration;

use guildhall_store::{StoreError, Timestamp, operator};
use sea_orm::{ColumnTrait, QueryFilter};
use time::OffsetDateTime;

use super::{Book, hour_of};
use crate::entity::{group, hour, notice, sample};

const DAY: Duration = Duration::from_secs(86_400);

impl Book {
    /// Forgets groups that were quiet for 90 days, counts by the hour after 60 days, single errors after 30.
    pub(crate) async fn tidy(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let before = |days: u32| now - DAY * days;
        let tx = self.store.begin().await?;
        operator::delete::<group::Entity>()
            .filter(group::Column::LastAt.lt(Timestamp::from(before(90))))
            .exec(tx.conn())
            .await?;
        operator::delete::<hour::Entity>()
            .filter(hour::Column::Hour.lt(hour_of(before(60))))
            .exec(tx.conn())
            .await?;
        operator::delete::<sample::Entity>()
            .filter(sample::Column::At.lt(Timestamp::from(before(30))))
            .exec(tx.conn())
            .await?;
        operator::delete::<notice::Entity>()
            .filter(notice::Column::RaisedAt.lt(Timestamp::from(before(90))))
            .exec(tx.conn())
            .await?;
        tx.commit().await
    }
}
