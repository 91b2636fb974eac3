//! How long each operation took in the last day: a histogram an hour, kept in the store so that a restart
//! does not lose the day.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guildhall_core::{Clock, Error};
use guildhall_store::{Store, StoreError, operator};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2Serializer},
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use crate::stage::{Split, Stage};

/// Hours that count, the one under way included.
const HOURS: i64 = 24;
/// The longest time told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;
/// Digits that a percentile is exact to.
const DIGITS: u8 = 2;
/// How often the figures are written down. So much may be lost when the program is killed.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// The rows belong to the installation and to no community.
const HOME: &str = "system";

/// The latency of every operation.
pub struct Latency {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Names that may be kept: what was asked for and does not exist is no operation.
    known: HashSet<String>,
    /// This process, which writes rows of its own.
    process: Uuid,
    hours: Mutex<HashMap<(i64, String), Cell>>,
}

/// An operation in an hour.
struct Cell {
    took: Histogram<u32>,
    split: Split,
    changed: bool,
}

impl Cell {
    fn new() -> Self {
        // The bounds are constants that the library takes: 1 below 3.6e9, two digits.
        let took = match Histogram::new_with_bounds(1, LONGEST, DIGITS) {
            Ok(mut histogram) => {
                histogram.auto(false);
                histogram
            }
            Err(_) => unreachable!("1 to 3.6e9 with two digits is a histogram"),
        };
        Self { took, split: Split::default(), changed: false }
    }

    fn add(&mut self, took: &Histogram<u32>, split: Split) {
        // The other one has the same bounds, so that it always fits.
        let _ = self.took.add(took);
        for (own, other) in self.split.iter_mut().zip(split) {
            *own = own.saturating_add(other);
        }
    }
}

/// An operation's last day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Its name.
    pub operation: String,
    /// How often it was called.
    pub calls: u64,
    /// Half of the calls took at most so many microseconds.
    pub p50_us: u64,
    /// 95 of 100 did.
    pub p95_us: u64,
    /// 99 of 100 did.
    pub p99_us: u64,
    /// What the time went into, in parts of all of it; what is missing to 1 was spent waiting in between.
    pub stages: BTreeMap<Stage, f64>,
}

impl Latency {
    /// Keeps figures of these operations in `store`.
    pub fn new<'a>(
        store: Store,
        clock: Arc<dyn Clock>,
        operations: impl IntoIterator<Item = &'a str>,
    ) -> Arc<Self> {
        let known = operations.into_iter().map(str::to_owned).collect();
        let process = clock.uuid();
        Arc::new(Self { store, clock, known, process, hours: Mutex::default() })
    }

    /// Takes note of one call.
    pub(crate) fn record(&self, operation: &str, took_us: u64, split: Split) {
        if !self.known.contains(operation) {
            return;
        }
        let mut hours = self.lock();
        let cell = hours.entry((self.hour(), operation.to_owned())).or_insert_with(Cell::new);
        cell.took.saturating_record(took_us.max(1));
        for (own, other) in cell.split.iter_mut().zip(split) {
            *own = own.saturating_add(other);
        }
        cell.changed = true;
    }

    /// The last day, the slowest operation first.
    pub async fn last_day(&self) -> Result<Vec<Figures>, Error> {
        let since = self.hour() - HOURS + 1;
        let rows = operator::find::<row::Entity>()
            .filter(row::Column::Hour.gte(since))
            .all(self.store.reader())
            .await
            .map_err(StoreError::from)?;
        let mut day: BTreeMap<String, Cell> = BTreeMap::new();
        {
            let hours = self.lock();
            for ((_, operation), cell) in hours.iter().filter(|((hour, _), _)| *hour >= since) {
                day.entry(operation.clone()).or_insert_with(Cell::new).add(&cell.took, cell.split);
            }
            for row in rows {
                // What is in memory is newer than what this process has written of it.
                let own =
                    row.process == self.process && hours.contains_key(&(row.hour, row.operation.clone()));
                if !own && let Some((took, split)) = read(&row) {
                    day.entry(row.operation).or_insert_with(Cell::new).add(&took, split);
                }
            }
        }
        let mut figures: Vec<Figures> =
            day.into_iter().map(|(operation, cell)| figures(operation, &cell)).collect();
        figures.sort_by(|a, b| b.p99_us.cmp(&a.p99_us).then_with(|| a.operation.cmp(&b.operation)));
        Ok(figures)
    }

    /// Writes the figures down, again and again, until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = self.clock.sleep(WRITE_EVERY) => false,
            };
            if let Err(error) = self.write_down().await {
                tracing::warn!("latency could not be written down: {}", error.causes());
            }
            if ended {
                return;
            }
        }
    }

    /// Writes down what has changed and forgets what is older than a day.
    pub async fn write_down(&self) -> Result<(), Error> {
        let now = self.hour();
        let (names, rows) = self.changed();
        if let Err(error) = self.keep(rows, now).await {
            // Their hour may be over the next time, and what is over and written down is forgotten here.
            let mut hours = self.lock();
            for name in &names {
                if let Some(cell) = hours.get_mut(name) {
                    cell.changed = true;
                }
            }
            return Err(error);
        }
        // An hour that is over and written down need not stay in memory.
        self.lock().retain(|(hour, _), cell| *hour == now || cell.changed);
        Ok(())
    }

    /// What has changed since it was written down the last time.
    fn changed(&self) -> (Vec<(i64, String)>, Vec<row::ActiveModel>) {
        let mut hours = self.lock();
        let changed = hours.iter_mut().filter(|(_, cell)| cell.changed).filter_map(|(name, cell)| {
            cell.changed = false;
            Some((name.clone(), self.row(name.0, &name.1, cell)?))
        });
        changed.unzip()
    }

    async fn keep(&self, changed: Vec<row::ActiveModel>, now: i64) -> Result<(), Error> {
        let tx = self.store.begin().await?;
        if !changed.is_empty() {
            let newest =
                OnConflict::columns([row::Column::Hour, row::Column::Operation, row::Column::Process])
                    .update_columns([row::Column::Took, row::Column::Split])
                    .to_owned();
            row::Entity::insert_many(changed)
                .on_conflict(newest)
                .exec_without_returning(tx.conn())
                .await
                .map_err(StoreError::from)?;
        }
        operator::delete::<row::Entity>()
            .filter(row::Column::Hour.lte(now - HOURS))
            .exec(tx.conn())
            .await
            .map_err(StoreError::from)?;
        Ok(tx.commit().await?)
    }

    fn row(&self, hour: i64, operation: &str, cell: &Cell) -> Option<row::ActiveModel> {
        let mut took = Vec::new();
        V2Serializer::new().serialize(&cell.took, &mut took).ok()?;
        let split: Vec<String> = cell.split.iter().map(u64::to_string).collect();
        Some(row::ActiveModel {
            tenant: Set(HOME.to_owned()),
            hour: Set(hour),
            operation: Set(operation.to_owned()),
            process: Set(self.process),
            took: Set(BASE64_STANDARD.encode(took)),
            split: Set(split.join(" ")),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(i64, String), Cell>> {
        self.hours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hour(&self) -> i64 {
        self.clock.now().unix_timestamp().div_euclid(3_600)
    }
}

fn read(row: &row::Model) -> Option<(Histogram<u32>, Split)> {
    let bytes = BASE64_STANDARD.decode(&row.took).ok()?;
    let took = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    let mut split = Split::default();
    for (own, text) in split.iter_mut().zip(row.split.split(' ')) {
        *own = text.parse().ok()?;
    }
    Some((took, split))
}

#[expect(clippy::cast_precision_loss, reason = "parts of a whole are shown as percent")]
fn figures(operation: String, cell: &Cell) -> Figures {
    let whole = cell.took.mean() * cell.took.len() as f64;
    let part = |stage: Stage| if whole > 0.0 { cell.split[stage as usize] as f64 / whole } else { 0.0 };
    Figures {
        operation,
        calls: cell.took.len(),
        p50_us: cell.took.value_at_quantile(0.50),
        p95_us: cell.took.value_at_quantile(0.95),
        p99_us: cell.took.value_at_quantile(0.99),
        stages: Stage::ALL.into_iter().map(|stage| (stage, part(stage))).collect(),
    }
}

mod row {
    use guildhall_store::Owned;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "telemetry_latency")]
    pub(crate) struct Model {
        pub(crate) tenant: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) hour: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) operation: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) process: Uuid,
        pub(crate) took: String,
        pub(crate) split: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
