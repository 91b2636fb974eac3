//! Who acts, for which community, and in which language they read.

use guildhall_core::{
    Actor, ActorId, Error, Face, Kind as Blame, Rank, TenantId,
    guild::{ChannelId, Guilds, MessageId, UserId, bits},
    incident::Reader,
    language::Language,
    permission::Member,
};

use super::{Desk, stranger};
use crate::{
    interaction::{Interaction, Message},
    preference,
};

/// Who acts, for which community.
pub(crate) struct Seat {
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
    /// The guild that buttons have to name, because the answer is read outside of it.
    pub(super) afar: Option<u64>,
    /// The channel of the guild that it comes from.
    pub(super) channel: Option<ChannelId>,
    /// The message that it began with.
    pub(super) message: Option<MessageId>,
    pub(super) language: Language,
}

impl Seat {
    pub(super) fn reader(&self) -> Reader {
        Reader { tenant: self.tenant.clone(), actor: self.actor.id.clone(), language: self.language }
    }

    /// The user's snowflake.
    pub(super) fn user(&self) -> u64 {
        self.actor.id.discord_user().unwrap_or_default()
    }
}

impl Desk {
    /// Finds out who acts and for whom. `named` is the guild that a button in a direct message names.
    pub(super) async fn seat(
        &self,
        interaction: &Interaction,
        named: Option<u64>,
        asked_for: &str,
    ) -> Result<Seat, Error> {
        let around = interaction.guild_id.map(|guild| guild.0);
        let place = around.or(named).ok_or_else(not_in_a_guild).and_then(|guild| self.tenant(guild));
        let tenant = match place {
            Ok(tenant) => tenant,
            Err(error) => {
                return Err(self.refusals.verified(stranger(Some(interaction)), asked_for, error).await);
            }
        };
        let user = interaction.user_id();
        let mut actor = actor(&tenant, user, interaction.user_name());
        let rank = match (&interaction.member, around) {
            (Some(member), Some(_)) => {
                let administrator = member.is_administrator();
                let known = Member {
                    tenant: tenant.clone(),
                    user,
                    roles: member.roles.iter().flatten().map(|role| role.0).collect(),
                    administrator,
                    // To Discord an owner is an administrator, so nobody else need be looked up.
                    owner: administrator && self.is_owner(&tenant, user).await,
                };
                self.ranking.rank(&known).await
            }
            (_, None) => self.rank_afar(&tenant, user).await,
            (None, Some(_)) => Err(unknown_guild()),
        };
        match rank {
            Ok(rank) => actor.rank = rank,
            Err(error) => return Err(self.refusals.verified(actor, asked_for, error).await),
        }
        let language = preference::language(self.settings.as_ref(), &tenant, interaction.locales()).await;
        let afar = if around.is_some() { None } else { named };
        let channel = interaction.channel_id.filter(|_| around.is_some()).map(|channel| ChannelId(channel.0));
        let message = interaction.message.as_ref().and_then(Message::beginning).map(MessageId);
        Ok(Seat { tenant, actor, afar, channel, message, language })
    }

    /// The tenant that a guild is.
    fn tenant(&self, guild: u64) -> Result<TenantId, Error> {
        let tenant = self.post.served.tenant(guild).ok_or_else(unknown_guild)?;
        match self.guilds.as_ref().and_then(|guilds| guilds.present(guild)) {
            Some(false) => Err(Error::new(
                Blame::Permission,
                "bot_not_in_guild",
                "Guildhall is no longer on this Discord server.",
            )
            .remedy("Ask an administrator of the server to add it again.")),
            _ => Ok(tenant),
        }
    }

    async fn is_owner(&self, tenant: &TenantId, user: u64) -> bool {
        let Some(guilds) = &self.guilds else { return false };
        guilds.guild(tenant).await.is_ok_and(|guild| guild.owner == UserId(user))
    }

    /// The rank of somebody who presses a button in a direct message: that of a member while they are one,
    /// the lowest when they are not, such as somebody who was banned and appeals. What they can do is what
    /// the bot's own message to them offers.
    async fn rank_afar(&self, tenant: &TenantId, user: u64) -> Result<Rank, Error> {
        let Some(guilds) = &self.guilds else { return Ok(Rank::MEMBER) };
        let Ok(Some(member)) = guilds.member(tenant, UserId(user)).await else { return Ok(Rank::MEMBER) };
        let Ok(guild) = guilds.guild(tenant).await else { return Ok(Rank::MEMBER) };
        let known = Member {
            tenant: tenant.clone(),
            user,
            roles: member.roles.iter().map(|role| role.0).collect(),
            administrator: guild.permissions(&member) & bits::ADMINISTRATOR != 0,
            owner: guild.owner == member.user,
        };
        self.ranking.rank(&known).await
    }

    /// Who reads what is said to somebody without a seat.
    pub(super) fn passer_by(&self, interaction: &Interaction) -> Reader {
        let Actor { tenant, id, .. } = stranger(Some(interaction));
        Reader { tenant, actor: id, language: Language::first(interaction.locales().into_iter().flatten()) }
    }
}

/// A user of Discord without a rank yet.
pub(super) fn actor(tenant: &TenantId, user: u64, name: String) -> Actor {
    let id = ActorId::discord(user);
    Actor { tenant: tenant.clone(), id, name, face: Face::Discord, rank: Rank::MEMBER, scope: None }
}

fn not_in_a_guild() -> Error {
    Error::new(Blame::Permission, "not_in_a_guild", "Guildhall works inside of a Discord server only.")
        .remedy("Use the command there.")
}

fn unknown_guild() -> Error {
    Error::new(Blame::Permission, "unknown_guild", "This Discord server is not set up in Guildhall.")
        .remedy("Ask who runs Guildhall to add it to the configuration.")
}
