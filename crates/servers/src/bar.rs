//! Who is kept out of a community's game servers. A bar is a row that lasts; what the games know of it is brought
//! in step by [`crate::access`].

use async_trait::async_trait;
use guildhall_core::{
    ActorId, Error, TenantId,
    access::{Access, Bar, Barred},
};
use guildhall_store::{Timestamp, scope};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use crate::{
    Servers,
    access::can_keep_out,
    entity::{bar, kept_out, server},
    error::{ServersError, Unfit},
    link::key,
    operations::BarData,
    workshop::Workshop,
};

/// Open bars of a community that are looked at.
const MOST_BARS: u64 = 10_000;
/// Servers of a community that are looked at.
const MOST_SERVERS: u64 = 1_000;
/// Characters of a case's name, of a reason, and servers that one bar names.
const LONGEST_CASE: usize = 200;
const LONGEST_REASON: usize = 2_000;
const MOST_NAMED: usize = 200;

#[async_trait]
impl Access for Servers {
    async fn bar(&self, tenant: &TenantId, person: &ActorId, bar: Bar) -> Result<Barred, Error> {
        check(&bar)?;
        self.keep_bar(tenant, person, &bar).await?;
        let barred = self.tell_servers(tenant, person, &bar.servers, true).await?;
        self.shop.wake();
        Ok(barred)
    }

    async fn admit(&self, tenant: &TenantId, person: &ActorId, case: &str) -> Result<Barred, Error> {
        let servers = self.lift_bar(tenant, person, case).await?;
        let barred = self.tell_servers(tenant, person, &servers.unwrap_or_default(), false).await?;
        self.shop.wake();
        Ok(barred)
    }
}

fn check(bar: &Bar) -> Result<(), Error> {
    let fits = |text: &str, most: usize| text.chars().count() <= most;
    if bar.case.is_empty() || !fits(&bar.case, LONGEST_CASE) {
        return Err(Unfit::Case(LONGEST_CASE).into());
    }
    if !fits(&bar.reason, LONGEST_REASON) {
        return Err(Unfit::Reason(LONGEST_REASON).into());
    }
    if bar.servers.len() > MOST_NAMED {
        return Err(Unfit::Named(MOST_NAMED).into());
    }
    Ok(())
}

impl Servers {
    /// Writes the bar down; the same case again says anew why, until when and where.
    async fn keep_bar(&self, tenant: &TenantId, person: &ActorId, bar: &Bar) -> Result<(), ServersError> {
        let at: Timestamp = self.shop.clock.now().into();
        let until = bar.until.map(Timestamp::from);
        let servers = serde_json::to_string(&bar.servers)?;
        let tx = self.shop.store.begin().await?;
        let known = scope::update::<bar::Entity>(tenant)
            .col_expr(bar::Column::Reason, Expr::value(bar.reason.as_str()))
            .col_expr(bar::Column::Until, Expr::value(until.map(Timestamp::micros)))
            .col_expr(bar::Column::Servers, Expr::value(servers.as_str()))
            .col_expr(bar::Column::LiftedAt, Expr::value(None::<i64>))
            .filter(of_case(person, &bar.case))
            .exec(tx.conn())
            .await?;
        if known.rows_affected == 0 {
            let row = bar::Model {
                id: self.shop.clock.uuid(),
                tenant: tenant.to_string(),
                person: person.to_string(),
                case_name: bar.case.clone(),
                reason: bar.reason.clone(),
                until,
                servers,
                barred_at: at,
                lifted_at: None,
            };
            bar::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Lifts the bar; gives the servers that it named, `None` when there is no such bar.
    async fn lift_bar(
        &self,
        tenant: &TenantId,
        person: &ActorId,
        case: &str,
    ) -> Result<Option<Vec<String>>, ServersError> {
        let tx = self.shop.store.begin().await?;
        let row = scope::find::<bar::Entity>(tenant).filter(of_case(person, case)).one(tx.conn()).await?;
        let Some(row) = row else { return Ok(None) };
        if row.lifted_at.is_none() {
            let at: Timestamp = self.shop.clock.now().into();
            scope::update::<bar::Entity>(tenant)
                .col_expr(bar::Column::LiftedAt, Expr::value(at.micros()))
                .filter(bar::Column::Id.eq(row.id))
                .exec(tx.conn())
                .await?;
            tx.commit().await?;
        }
        Ok(Some(serde_json::from_str(&row.servers)?))
    }

    /// What a member is kept out for now.
    pub(crate) async fn bars(
        &self,
        tenant: &TenantId,
        person: &ActorId,
    ) -> Result<Vec<BarData>, ServersError> {
        let open = self.shop.open_bars(tenant, self.shop.store.reader()).await?;
        let theirs = open.into_iter().filter(|bar| bar.person == person.as_str());
        let data = theirs.map(|bar| {
            let servers = serde_json::from_str(&bar.servers)?;
            Ok(BarData { case: bar.case_name, until: bar.until.map(Timestamp::time), servers })
        });
        data.collect()
    }

    /// Brings the servers in step that a bar speaks of, and says what that came to.
    async fn tell_servers(
        &self,
        tenant: &TenantId,
        person: &ActorId,
        named: &[String],
        bars: bool,
    ) -> Result<Barred, ServersError> {
        let links = self.links(tenant, person).await?;
        let mut barred = Barred { unlinked: links.is_empty(), ..Barred::default() };
        let servers = scope::find::<server::Entity>(tenant)
            .order_by_asc(server::Column::Name)
            .limit(MOST_SERVERS)
            .all(self.shop.store.reader())
            .await?;
        barred.unknown =
            named.iter().filter(|name| !servers.iter().any(|row| row.name == **name)).cloned().collect();
        for row in servers.into_iter().filter(|row| named.is_empty() || named.contains(&row.name)) {
            let (name, id) = (row.name.clone(), row.id);
            let look = self.shop.look(row).await?;
            if !can_keep_out(&look) {
                barred.unsupported.push(name);
                continue;
            }
            let holds = |link: &&crate::entity::player_link::Model| {
                link.recipe == look.row.recipe && link.server.is_none_or(|server| server == id)
            };
            let players: Vec<String> = links.iter().filter(holds).map(|link| key(&link.player)).collect();
            let before = self.shop.told(tenant, id, self.shop.store.reader()).await?;
            let concerned = |told: &&kept_out::Model| players.contains(&told.player_key);
            // Letting somebody in concerns only servers that were told to keep them out.
            if players.is_empty() || (!bars && !before.iter().any(|told| concerned(&told))) {
                continue;
            }
            if let Err(error) = self.shop.keep_out(&look).await {
                tracing::debug!(server = name, %error, "the game is told later who is kept out");
            }
            let after = self.shop.told(tenant, id, self.shop.store.reader()).await?;
            let mut theirs = after.iter().filter(concerned).peekable();
            let settled = if bars {
                theirs.peek().is_some() && theirs.all(|told| told.told == look.row.since.micros())
            } else {
                // What another case still asks for is not taken back.
                let wanted = self.shop.to_keep_out(tenant, &look, self.shop.store.reader()).await?;
                theirs.all(|told| wanted.contains_key(&told.player_key))
            };
            if settled { barred.applied.push(name) } else { barred.pending.push(name) }
        }
        Ok(barred)
    }
}

impl Workshop {
    /// The bars of a community that hold now.
    pub(crate) async fn open_bars(
        &self,
        tenant: &TenantId,
        conn: &impl ConnectionTrait,
    ) -> Result<Vec<bar::Model>, ServersError> {
        let now: Timestamp = self.clock.now().into();
        let open = scope::find::<bar::Entity>(tenant).filter(holds_at(now)).limit(MOST_BARS);
        Ok(open.order_by_asc(bar::Column::BarredAt).all(conn).await?)
    }
}

/// Bars that hold at a moment.
pub(crate) fn holds_at(now: Timestamp) -> Condition {
    let until = Condition::any().add(bar::Column::Until.is_null()).add(bar::Column::Until.gt(now));
    Condition::all().add(bar::Column::LiftedAt.is_null()).add(until)
}

fn of_case(person: &ActorId, case: &str) -> Condition {
    Condition::all().add(bar::Column::Person.eq(person.as_str())).add(bar::Column::CaseName.eq(case))
}
