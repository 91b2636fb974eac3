//! Adds what came in to the groups, in one transaction.

use std::collections::{BTreeMap, HashMap};

use guildhall_core::{Kind, TenantId};
use guildhall_store::{StoreError, Timestamp, Tx, operator, scope};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{Book, CHUNK, State, among};
use crate::{
    Fingerprint,
    entity::{group, hour, sample},
    fingerprint::shape,
    intake::{Batch, Key, OTHER, Taken, Tally, may_be_cut},
};

/// Groups that one community may have, of refusals and of failures each. What is new beyond that is counted in
/// the group of all others.
const GROUPS: u64 = 500;
/// Errors of a group that are kept one by one: of failures, whose references people quote, and of refusals.
const FAILURES: u64 = 50;
const REFUSALS: u64 = 5;
/// Bytes of a cause and of a detail that are kept.
const CAUSE: usize = 240;
const DETAIL: usize = 1_024;

/// A group that errors were added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) code: String,
    pub(crate) kind: Kind,
    /// It was resolved until now.
    pub(crate) came_back: bool,
}

/// What goes into one group of the store.
struct Addition {
    code: &'static str,
    kind: Kind,
    operation: String,
    cause: String,
    first: Timestamp,
    last: Timestamp,
    hours: BTreeMap<i64, u64>,
    samples: Vec<sample::ActiveModel>,
}

impl Addition {
    fn total(&self) -> i64 {
        self.hours.values().fold(0, |sum, count| sum.saturating_add(counted(*count)))
    }

    fn join(&mut self, other: Self) {
        self.first = Ord::min(self.first, other.first);
        self.last = Ord::max(self.last, other.last);
        for (hour, count) in other.hours {
            *self.hours.entry(hour).or_insert(0) += count;
        }
        self.samples.extend(other.samples);
    }
}

type Name = (TenantId, Fingerprint);

impl Book {
    /// Adds a batch. Nothing of it is kept when it fails.
    pub(crate) async fn keep(&self, batch: &Batch) -> Result<Vec<Touched>, StoreError> {
        let mut additions: BTreeMap<Name, Addition> = BTreeMap::new();
        for (key, tally) in batch {
            let (name, addition) = self.addition(key, tally);
            add(&mut additions, name, addition);
        }
        let tx = self.store.begin().await?;
        let known = known(&tx, &additions).await?;
        let additions = bounded(&tx, &known, additions).await?;
        write_groups(&tx, &additions).await?;
        write_hours(&tx, &additions).await?;
        write_samples(&tx, &additions).await?;
        tx.commit().await?;
        let touched = additions.into_iter().map(|(name, addition)| Touched {
            came_back: known.get(&name).is_some_and(|row| returns(row, addition.last)),
            fingerprint: name.1,
            code: addition.code.to_owned(),
            kind: addition.kind,
        });
        Ok(touched.collect())
    }

    fn addition(&self, key: &Key, tally: &Tally) -> (Name, Addition) {
        let cause = if key.kind.is_refusal() || key.code == OTHER {
            String::new()
        } else {
            shape(&self.clean(&tally.detail), CAUSE)
        };
        let operation = storable(self.scrub.all(&key.operation).into_owned());
        let fingerprint = Fingerprint::of(key.code, key.kind, &operation, &cause);
        let samples = tally.samples.iter().map(|taken| self.sample(key, &fingerprint, taken)).collect();
        let addition = Addition {
            code: key.code,
            kind: key.kind,
            operation,
            cause: storable(cause),
            first: tally.first.into(),
            last: tally.last.into(),
            hours: tally.hours.clone(),
            samples,
        };
        ((key.tenant.clone(), fingerprint), addition)
    }

    fn sample(&self, key: &Key, fingerprint: &Fingerprint, taken: &Taken) -> sample::ActiveModel {
        // A refusal's text repeats what somebody typed, which is the audit record's to keep.
        let detail = if key.kind.is_refusal() { String::new() } else { self.clean(&taken.detail) };
        let detail = detail[..detail.floor_char_boundary(DETAIL)].to_owned();
        let trace = taken.trace.as_deref().filter(|trace| is_trace(trace));
        sample::ActiveModel {
            seq: NotSet,
            tenant: Set(key.tenant.as_str().to_owned()),
            fingerprint: Set(fingerprint.as_str().to_owned()),
            at: Set(taken.at.into()),
            face: Set(taken.face.as_str().to_owned()),
            reference: Set(taken.call.map(|call| call.reference())),
            trace: Set(trace.map(str::to_owned)),
            detail: Set(storable(detail)),
        }
    }

    fn clean(&self, detail: &str) -> String {
        match may_be_cut(detail) {
            true => self.scrub.all_of_cut(detail),
            false => self.scrub.all(detail).into_owned(),
        }
    }
}

/// Whether a trace is what it should be: 32 hexadecimal digits.
pub(crate) fn is_trace(trace: &str) -> bool {
    trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn add(additions: &mut BTreeMap<Name, Addition>, name: Name, addition: Addition) {
    match additions.entry(name) {
        std::collections::btree_map::Entry::Vacant(vacant) => {
            vacant.insert(addition);
        }
        std::collections::btree_map::Entry::Occupied(mut there) => there.get_mut().join(addition),
    }
}

/// The groups that are there already.
async fn known(
    tx: &Tx,
    additions: &BTreeMap<Name, Addition>,
) -> Result<HashMap<Name, group::Model>, StoreError> {
    let fingerprints: Vec<Fingerprint> =
        additions.keys().map(|(_, fingerprint)| fingerprint.clone()).collect();
    let mut known = HashMap::new();
    for chunk in fingerprints.chunks(CHUNK) {
        let rows = operator::find::<group::Entity>()
            .filter(among(group::Column::Fingerprint, chunk))
            .all(tx.conn())
            .await?;
        for row in rows {
            let (Ok(tenant), Ok(fingerprint)) = (row.tenant.parse(), row.fingerprint.parse()) else {
                continue;
            };
            known.insert((tenant, fingerprint), row);
        }
    }
    Ok(known)
}

/// Sends what is new to the group of all others, where a community has as many groups as it may.
async fn bounded(
    tx: &Tx,
    known: &HashMap<Name, group::Model>,
    additions: BTreeMap<Name, Addition>,
) -> Result<BTreeMap<Name, Addition>, StoreError> {
    let mut room: HashMap<(TenantId, bool), u64> = HashMap::new();
    let mut kept = BTreeMap::new();
    for (name, mut addition) in additions {
        if known.contains_key(&name) || addition.code == OTHER {
            add(&mut kept, name, addition);
            continue;
        }
        let refusal = addition.kind.is_refusal();
        let place = (name.0.clone(), refusal);
        let left = match room.get(&place) {
            Some(left) => *left,
            None => GROUPS.saturating_sub(groups(tx, &name.0, refusal).await?),
        };
        room.insert(place, left.saturating_sub(1));
        if left > 0 {
            add(&mut kept, name, addition);
            continue;
        }
        addition.code = OTHER;
        addition.operation = "*".to_owned();
        addition.cause = String::new();
        let fingerprint = Fingerprint::of(OTHER, addition.kind, &addition.operation, "");
        for sample in &mut addition.samples {
            sample.fingerprint = Set(fingerprint.as_str().to_owned());
        }
        add(&mut kept, (name.0, fingerprint), addition);
    }
    Ok(kept)
}

async fn groups(tx: &Tx, tenant: &TenantId, refusals: bool) -> Result<u64, StoreError> {
    let failures = [Kind::Upstream.as_str(), Kind::Bug.as_str()];
    let query = scope::find::<group::Entity>(tenant);
    let query = match refusals {
        true => query.filter(group::Column::Kind.is_not_in(failures)),
        false => query.filter(group::Column::Kind.is_in(failures)),
    };
    Ok(query.count(tx.conn()).await?)
}

/// Whether a group that was resolved comes back with an error of this time.
fn returns(row: &group::Model, last: Timestamp) -> bool {
    row.state == State::Resolved.number() && row.resolved_at.is_none_or(|resolved| last > resolved)
}

async fn write_groups(tx: &Tx, additions: &BTreeMap<Name, Addition>) -> Result<(), StoreError> {
    use group::Column;
    let there = |column: Column| Expr::col((group::Entity, column));
    // "excluded" is the row that was to be inserted, in both databases.
    let returns = "CASE WHEN incidents_group.state = 0 AND (incidents_group.resolved_at IS NULL \
                   OR excluded.last_at > incidents_group.resolved_at) THEN 2 ELSE incidents_group.state END";
    let conflict = OnConflict::columns([Column::Tenant, Column::Fingerprint])
        .value(Column::Total, there(Column::Total).add(Expr::cust("excluded.total")))
        .value(Column::LastAt, Expr::cust("excluded.last_at"))
        .value(Column::State, Expr::cust(returns))
        .to_owned();
    let rows: Vec<group::ActiveModel> = additions
        .iter()
        .map(|((tenant, fingerprint), addition)| group::ActiveModel {
            tenant: Set(tenant.as_str().to_owned()),
            fingerprint: Set(fingerprint.as_str().to_owned()),
            code: Set(storable(addition.code.to_owned())),
            kind: Set(addition.kind.as_str().to_owned()),
            operation: Set(addition.operation.clone()),
            cause: Set(addition.cause.clone()),
            first_at: Set(addition.first),
            last_at: Set(addition.last),
            total: Set(addition.total()),
            state: Set(State::Open.number()),
            resolved_at: Set(None),
            resolved_by: Set(None),
            note: Set(None),
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        group::Entity::insert_many(chunk.to_vec())
            .on_conflict(conflict.clone())
            .exec_without_returning(tx.conn())
            .await?;
    }
    Ok(())
}

async fn write_hours(tx: &Tx, additions: &BTreeMap<Name, Addition>) -> Result<(), StoreError> {
    use hour::Column;
    let there = Expr::col((hour::Entity, Column::Total));
    let conflict = OnConflict::columns([Column::Tenant, Column::Fingerprint, Column::Hour])
        .value(Column::Total, there.add(Expr::cust("excluded.total")))
        .to_owned();
    let rows: Vec<hour::ActiveModel> = additions
        .iter()
        .flat_map(|((tenant, fingerprint), addition)| {
            addition.hours.iter().map(|(at, count)| hour::ActiveModel {
                tenant: Set(tenant.as_str().to_owned()),
                fingerprint: Set(fingerprint.as_str().to_owned()),
                hour: Set(*at),
                total: Set(counted(*count)),
            })
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        hour::Entity::insert_many(chunk.to_vec())
            .on_conflict(conflict.clone())
            .exec_without_returning(tx.conn())
            .await?;
    }
    Ok(())
}

async fn write_samples(tx: &Tx, additions: &BTreeMap<Name, Addition>) -> Result<(), StoreError> {
    let rows: Vec<_> = additions.values().flat_map(|addition| addition.samples.iter().cloned()).collect();
    for chunk in rows.chunks(CHUNK) {
        sample::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx.conn()).await?;
    }
    for ((tenant, fingerprint), addition) in additions.iter().filter(|(_, a)| !a.samples.is_empty()) {
        let most = if addition.kind.is_refusal() { REFUSALS } else { FAILURES };
        let own = sample::Column::Fingerprint.eq(fingerprint.as_str());
        let oldest = scope::find::<sample::Entity>(tenant)
            .filter(own.clone())
            .order_by_desc(sample::Column::Seq)
            .offset(most)
            .one(tx.conn())
            .await?;
        if let Some(row) = oldest {
            scope::delete::<sample::Entity>(tenant)
                .filter(own)
                .filter(sample::Column::Seq.lte(row.seq))
                .exec(tx.conn())
                .await?;
        }
    }
    Ok(())
}

fn counted(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Text without the NUL character, which PostgreSQL does not take.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}
