//! Sees to it that the games know who is kept out.
//!
//! What should be so follows from the bars and from what members are called; what a game was told is a row a
//! player ([`kept_out`]). A ready game is told the difference by its own console lines. It may be told twice, and
//! is told again after each start, because many games forget.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_core::TenantId;
use guildhall_recipes::{
    access::{self, Order},
    recipe::ConsoleInput,
};
use guildhall_store::{Timestamp, Tx, operator, scope};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Servers,
    bar::holds_at,
    entity::{bar, kept_out, player_link, server},
    error::ServersError,
    link::key,
    state::State,
    view::Look,
    workshop::Workshop,
};

/// Names in a game that are looked at for one server.
const MOST_PLAYERS: u64 = 10_000;
/// Communities with bars that one pass looks at.
const MOST_TENANTS: u64 = 10_000;
/// Who a console says a line is from.
const BY: &str = "Guildhall";

/// What `kept_out.told` says while it is not the moment of the start that was told.
pub(crate) struct Told;

impl Told {
    /// The game is to be told.
    const NEW: i64 = 0;
    /// They came in although the game was told: it is told again, and throws them out.
    const CAME_BACK: i64 = 1;
    /// The game is being told to let them in again.
    const LIFTING: i64 = -1;
}

/// Whether a game can keep anybody out.
pub(crate) fn can_keep_out(look: &Look) -> bool {
    let recipe = &look.launch.recipe;
    recipe.console.input == ConsoleInput::Terminal && recipe.access.keeps_out()
}

impl Workshop {
    /// Whom a server is to keep out: their names as written, by the name as compared.
    pub(crate) async fn to_keep_out(
        &self,
        tenant: &TenantId,
        look: &Look,
        conn: &impl ConnectionTrait,
    ) -> Result<BTreeMap<String, String>, ServersError> {
        let bars = self.open_bars(tenant, conn).await?;
        let here = |bar: &bar::Model| {
            let servers: Vec<String> = serde_json::from_str(&bar.servers)?;
            Ok(servers.is_empty() || servers.contains(&look.row.name))
        };
        let mut persons = BTreeSet::new();
        for bar in bars {
            if here(&bar).map_err(|error: serde_json::Error| ServersError::from(error))? {
                persons.insert(bar.person);
            }
        }
        if persons.is_empty() {
            return Ok(BTreeMap::new());
        }
        let links = scope::find::<player_link::Entity>(tenant)
            .filter(player_link::Column::Recipe.eq(look.row.recipe.as_str()))
            .limit(MOST_PLAYERS)
            .all(conn)
            .await?;
        let theirs = links.into_iter().filter(|link| {
            persons.contains(&link.person)
                && link.server.is_none_or(|server| server == look.row.id)
                && look.launch.recipe.access.check_player(&link.player).is_ok()
        });
        Ok(theirs.map(|link| (link.player_key, link.player)).collect())
    }

    /// Whom a game was told to keep out.
    pub(crate) async fn told(
        &self,
        tenant: &TenantId,
        server: Uuid,
        conn: &impl ConnectionTrait,
    ) -> Result<Vec<kept_out::Model>, ServersError> {
        let rows = scope::find::<kept_out::Entity>(tenant).filter(kept_out::Column::Server.eq(server));
        Ok(rows.limit(MOST_PLAYERS).all(conn).await?)
    }

    /// Tells a game what it does not know yet of who is kept out. A game that is not ready is told later.
    pub(crate) async fn keep_out(&self, look: &Look) -> Result<(), ServersError> {
        let tenant: TenantId = look.row.tenant.parse().map_err(guildhall_core::Error::bug)?;
        let reader = self.store.reader();
        let wanted = self.to_keep_out(&tenant, look, reader).await?;
        let told: BTreeMap<String, kept_out::Model> = self
            .told(&tenant, look.row.id, reader)
            .await?
            .into_iter()
            .map(|told| (told.player_key.clone(), told))
            .collect();
        let ready = look.row.state == State::Ready;
        for told in told.values().filter(|told| !wanted.contains_key(&told.player_key)) {
            // What only ever threw them out has nothing to be told.
            if ready || look.launch.recipe.access.unban.is_none() {
                self.let_in(&tenant, look, told).await?;
            }
        }
        if !ready || !can_keep_out(look) {
            return Ok(());
        }
        for (key, player) in &wanted {
            let known = match told.get(key) {
                Some(told) if told.told == look.row.since.micros() => continue,
                Some(told) => told.clone(),
                None => self.begin_to_keep_out(&tenant, look, key, player).await?,
            };
            self.shut_out(&tenant, look, &known).await?;
        }
        Ok(())
    }

    /// Writes down that a game is to be told, before it is: what is told is never forgotten.
    async fn begin_to_keep_out(
        &self,
        tenant: &TenantId,
        look: &Look,
        key: &str,
        player: &str,
    ) -> Result<kept_out::Model, ServersError> {
        let row = kept_out::Model {
            server: look.row.id,
            player_key: key.to_owned(),
            tenant: tenant.to_string(),
            player: player.to_owned(),
            told: Told::NEW,
        };
        let tx = self.store.begin().await?;
        let known = scope::find::<kept_out::Entity>(tenant)
            .filter(kept_out::Column::Server.eq(row.server))
            .filter(kept_out::Column::PlayerKey.eq(key))
            .one(tx.conn())
            .await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let insert = kept_out::Entity::insert(row.clone().into_active_model());
        insert.exec_without_returning(tx.conn()).await?;
        tx.commit().await?;
        Ok(row)
    }

    async fn shut_out(
        &self,
        tenant: &TenantId,
        look: &Look,
        known: &kept_out::Model,
    ) -> Result<(), ServersError> {
        let banned = self.order(look, Order::Ban, &known.player).await?;
        if !banned || known.told == Told::CAME_BACK {
            self.order(look, Order::Kick, &known.player).await?;
        }
        if self.mark(tenant, known, look.row.since.micros()).await? {
            return Ok(());
        }
        // Somebody changed it meanwhile. If they have let the player in, the line above came too late.
        if !self.to_keep_out(tenant, look, self.store.reader()).await?.contains_key(&known.player_key) {
            self.order(look, Order::Unban, &known.player).await?;
        }
        Ok(())
    }

    async fn let_in(
        &self,
        tenant: &TenantId,
        look: &Look,
        told: &kept_out::Model,
    ) -> Result<(), ServersError> {
        if !self.mark(tenant, told, Told::LIFTING).await? {
            return Ok(());
        }
        self.order(look, Order::Unban, &told.player).await?;
        let tx = self.store.begin().await?;
        scope::delete::<kept_out::Entity>(tenant)
            .filter(kept_out::Column::Server.eq(told.server))
            .filter(kept_out::Column::PlayerKey.eq(told.player_key.as_str()))
            .filter(kept_out::Column::Told.eq(Told::LIFTING))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes a mark, if it is still what was seen.
    async fn mark(&self, tenant: &TenantId, seen: &kept_out::Model, now: i64) -> Result<bool, ServersError> {
        let tx = self.store.begin().await?;
        let marked = scope::update::<kept_out::Entity>(tenant)
            .col_expr(kept_out::Column::Told, Expr::value(now))
            .filter(kept_out::Column::Server.eq(seen.server))
            .filter(kept_out::Column::PlayerKey.eq(seen.player_key.as_str()))
            .filter(kept_out::Column::Told.eq(seen.told))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(marked.rows_affected == 1)
    }

    /// Gives the game an order by its own line; false when it has none for it, or cannot have such a player since
    /// its recipe has changed.
    async fn order(&self, look: &Look, order: Order, player: &str) -> Result<bool, ServersError> {
        let Ok(Some(line)) = access::line(&look.launch.recipe, order, player) else { return Ok(false) };
        self.send_line(look, line, BY.to_owned()).await?;
        Ok(true)
    }

    /// Somebody joined: if the game was told to keep them out, it is told again. Part of the event's transaction;
    /// true when there is something to tell.
    pub(crate) async fn came_back(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        server: Uuid,
        player: &str,
    ) -> Result<bool, ServersError> {
        let marked = scope::update::<kept_out::Entity>(tenant)
            .col_expr(kept_out::Column::Told, Expr::value(Told::CAME_BACK))
            .filter(kept_out::Column::Server.eq(server))
            .filter(kept_out::Column::PlayerKey.eq(key(player)))
            .filter(kept_out::Column::Told.ne(Told::LIFTING))
            .exec(tx.conn())
            .await?;
        Ok(marked.rows_affected > 0)
    }
}

impl Servers {
    /// Brings every ready game in step with who is kept out of it: after a start, after a bar has run out, and
    /// where a host could not be asked before.
    pub(crate) async fn keep_all_out(&self, rows: &[server::Model]) -> Result<(), ServersError> {
        let reader = self.shop.store.reader();
        let now: Timestamp = self.shop.clock.now().into();
        let barring: Vec<String> = operator::find::<bar::Entity>()
            .select_only()
            .distinct()
            .column(bar::Column::Tenant)
            .filter(holds_at(now))
            .limit(MOST_TENANTS)
            .into_tuple()
            .all(reader)
            .await?;
        let telling: Vec<String> = operator::find::<kept_out::Entity>()
            .select_only()
            .distinct()
            .column(kept_out::Column::Tenant)
            .limit(MOST_TENANTS)
            .into_tuple()
            .all(reader)
            .await?;
        let tenants: BTreeSet<String> = barring.into_iter().chain(telling).collect();
        for row in rows.iter().filter(|row| tenants.contains(&row.tenant)) {
            if row.state != State::Ready && row.state != State::Stopped {
                continue;
            }
            // As it is now: the pass may have changed it.
            let tenant: TenantId = row.tenant.parse().map_err(guildhall_core::Error::bug)?;
            let Some(row) = self.shop.by_id(&tenant, row.id.into()).await? else { continue };
            let look = self.shop.look(row).await?;
            if let Err(error) = self.shop.keep_out(&look).await {
                let error = guildhall_core::Error::from(error);
                tracing::warn!(
                    server = look.row.name,
                    error = error.causes(),
                    "a game was not told who is kept out"
                );
            }
        }
        Ok(())
    }
}
