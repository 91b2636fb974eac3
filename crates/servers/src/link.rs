//! What members are called in the games. A name in a game belongs to one member of a community.

use guildhall_core::{ActorId, Call, Error, Rank, TenantId, guild::UserId, suggest};
use guildhall_store::{StoreError, scope};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    Servers,
    entity::player_link,
    error::{ServersError, Unfit},
};

/// Names that one member may have.
const MOST_LINKS: u64 = 25;

/// Where a name holds: in a game, by its recipe's name, and perhaps on one of its servers alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Game {
    pub(crate) recipe: String,
    pub(crate) server: Option<Uuid>,
    /// What the game or the server is called.
    pub(crate) title: String,
}

/// A player's name as it is compared: games differ in whether they tell `Alex` from `alex`, so nobody else may be
/// the one while somebody is the other.
pub(crate) fn key(player: &str) -> String {
    player.to_lowercase()
}

/// Whose names an operation is about: the caller's own, or, for moderators, another member's.
pub(crate) fn person(call: &Call, member: Option<UserId>) -> Result<ActorId, ServersError> {
    let person = member.map_or_else(|| call.actor.id.clone(), |user| ActorId::discord(user.0));
    if person == call.actor.id || call.actor.rank >= Rank::MODERATOR {
        return Ok(person);
    }
    Err(ServersError::NotYours(call.actor.rank))
}

impl Servers {
    /// The game that is meant: by a recipe's name or by a server's.
    pub(crate) async fn game(
        &self,
        call: &Call,
        recipe: Option<&str>,
        server: Option<&str>,
    ) -> Result<Game, Error> {
        match (recipe, server) {
            (Some(recipe), None) => {
                let recipe = self.shop.book.find(recipe)?;
                Ok(Game { recipe: recipe.name.clone(), server: None, title: recipe.title.clone() })
            }
            (None, Some(server)) => {
                let row = self.named(call, server).await?;
                Ok(Game { recipe: row.recipe, server: Some(row.id), title: row.name })
            }
            (Some(_), Some(_)) => Err(Unfit::GameAndServer.into()),
            (None, None) => Err(Unfit::NoGame.into()),
        }
    }

    /// Ties a name to a member; the same name again says anew where it holds.
    pub(crate) async fn link(
        &self,
        call: &Call,
        person: &ActorId,
        game: &Game,
        player: &str,
    ) -> Result<player_link::Model, ServersError> {
        let tenant = call.tenant();
        let bad = |why| ServersError::BadPlayer { player: crate::text::line(player, 64), why };
        self.shop.book.find(&game.recipe)?.access.check_player(player).map_err(bad)?;
        let tx = self.shop.store.begin().await?;
        let conn = tx.conn();
        let known = scope::find::<player_link::Entity>(tenant)
            .filter(player_link::Column::Recipe.eq(game.recipe.as_str()))
            .filter(player_link::Column::PlayerKey.eq(key(player)))
            .one(conn)
            .await?;
        let mut row = player_link::Model {
            id: self.shop.clock.uuid(),
            tenant: tenant.to_string(),
            person: person.to_string(),
            player: player.to_owned(),
            player_key: key(player),
            recipe: game.recipe.clone(),
            server: game.server,
            linked_at: self.shop.clock.now().into(),
            linked_by: call.actor.id.to_string(),
        };
        let written = match known {
            Some(known) if known.person != person.as_str() => {
                return Err(ServersError::PlayerTaken(player.to_owned()));
            }
            Some(known) => {
                self.refuse_when_barred(call, conn, person).await?;
                row.id = known.id;
                let mut active = row.clone().into_active_model().reset_all();
                (active.id, active.tenant) = (NotSet, NotSet);
                let update = scope::update::<player_link::Entity>(tenant).set(active);
                update.filter(player_link::Column::Id.eq(known.id)).exec(conn).await.map(drop)
            }
            None => {
                let has = links_of(tenant, person).count(conn).await?;
                if has >= MOST_LINKS {
                    return Err(ServersError::TooManyLinks(has));
                }
                let insert = player_link::Entity::insert(row.clone().into_active_model());
                insert.exec_without_returning(conn).await.map(drop)
            }
        };
        match written.map_err(StoreError::from) {
            // Somebody else was given the name in this very moment.
            Err(StoreError::Duplicate(_)) => return Err(ServersError::PlayerTaken(player.to_owned())),
            written => written?,
        }
        tx.commit().await?;
        // Whoever is kept out is kept out under this name, too.
        self.shop.wake();
        Ok(row)
    }

    /// Unties a name from a member, in one game or in all of them.
    pub(crate) async fn unlink(
        &self,
        call: &Call,
        person: &ActorId,
        game: Option<&Game>,
        player: &str,
    ) -> Result<Vec<player_link::Model>, ServersError> {
        let tenant = call.tenant();
        let tx = self.shop.store.begin().await?;
        let conn = tx.conn();
        self.refuse_when_barred(call, conn, person).await?;
        let all = links_of(tenant, person).all(conn).await?;
        let meant = |link: &player_link::Model| {
            link.player_key == key(player) && game.is_none_or(|game| game.recipe == link.recipe)
        };
        let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(meant);
        if gone.is_empty() {
            let near = suggest::nearest(player, left.iter().map(|link| link.player.as_str()), 3);
            let near = near.into_iter().map(str::to_owned).collect();
            return Err(ServersError::NotLinked { player: crate::text::line(player, 64), near });
        }
        let ids: Vec<Uuid> = gone.iter().map(|link| link.id).collect();
        let delete = scope::delete::<player_link::Entity>(tenant).filter(player_link::Column::Id.is_in(ids));
        delete.exec(conn).await?;
        tx.commit().await?;
        self.shop.wake();
        Ok(gone)
    }

    /// A member's names, by game.
    pub(crate) async fn links(
        &self,
        tenant: &TenantId,
        person: &ActorId,
    ) -> Result<Vec<player_link::Model>, ServersError> {
        Ok(links_of(tenant, person).all(self.shop.store.reader()).await?)
    }

    /// Nobody slips out of a bar by taking their own name away.
    async fn refuse_when_barred(
        &self,
        call: &Call,
        conn: &impl sea_orm::ConnectionTrait,
        person: &ActorId,
    ) -> Result<(), ServersError> {
        if call.actor.rank >= Rank::MODERATOR {
            return Ok(());
        }
        let open = self.shop.open_bars(call.tenant(), conn).await?;
        match open.into_iter().find(|bar| bar.person == person.as_str()) {
            Some(bar) => Err(ServersError::KeptOut(bar.case_name)),
            None => Ok(()),
        }
    }
}

fn links_of(tenant: &TenantId, person: &ActorId) -> sea_orm::Select<player_link::Entity> {
    scope::find::<player_link::Entity>(tenant)
        .filter(player_link::Column::Person.eq(person.as_str()))
        .order_by_asc(player_link::Column::Recipe)
        .order_by_asc(player_link::Column::PlayerKey)
        .limit(2 * MOST_LINKS)
}
