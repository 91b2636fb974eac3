//! A guild in memory for what is measured without Discord: everybody is a member, and whose id is small is
//! a moderator.

use async_trait::async_trait;
use guildhall_core::{
    Error, Rank, TenantId,
    access::{Access, Bar, Barred},
    guild::{
        ChannelId, Guild, GuildAction, GuildMember, Guilds, Message, MessageId, MessageLink, NewChannel,
        NewRole, Person, Role, RoleId, UserId, bits,
    },
    permission::{Member, Ranking},
};

const GUILD: u64 = 100;
const BOT: u64 = 200;
const STAFF: RoleId = RoleId(300);
const BOTS: RoleId = RoleId(400);
/// Users below are moderators.
pub const FIRST_MEMBER: u64 = 1_000_000;

/// The guild.
pub struct Town;

fn role(id: RoleId, name: &str, position: i64, permissions: u64) -> Role {
    Role { id, name: name.to_owned(), position, permissions, color: 0, managed: false }
}

fn member(user: UserId) -> GuildMember {
    let roles = match user.0 {
        BOT => vec![BOTS],
        id if id < FIRST_MEMBER => vec![STAFF],
        _ => Vec::new(),
    };
    let name = format!("user-{user}");
    GuildMember {
        user,
        username: name.clone(),
        name,
        nick: None,
        roles,
        bot: user.0 == BOT,
        joined: None,
        timeout: None,
    }
}

#[async_trait]
impl Guilds for Town {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        let roles = vec![
            role(RoleId(GUILD), "@everyone", 0, bits::VIEW_CHANNEL),
            role(STAFF, "moderators", 1, 0),
            role(BOTS, "Guildhall", 2, bits::ADMINISTRATOR),
        ];
        let (name, locale) = ("Town".to_owned(), "en-US".to_owned());
        Ok(Guild { id: GUILD, name, owner: UserId(1), locale, roles, channels: Vec::new() })
    }

    async fn member(&self, _: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        Ok(Some(member(user)))
    }

    async fn myself(&self, _: &TenantId) -> Result<GuildMember, Error> {
        Ok(member(UserId(BOT)))
    }

    async fn find(&self, _: &TenantId, _: &str, _: u16) -> Result<Vec<GuildMember>, Error> {
        Ok(Vec::new())
    }

    async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        let GuildMember { username, name, bot, .. } = member(user);
        Ok(Some(Person { user, username, name, bot }))
    }

    async fn banned(&self, _: &TenantId, _: UserId) -> Result<Option<String>, Error> {
        Ok(None)
    }

    async fn messages(
        &self,
        _: &TenantId,
        _: ChannelId,
        _: Option<MessageId>,
        _: u16,
    ) -> Result<Vec<Message>, Error> {
        Ok(Vec::new())
    }

    async fn message(&self, _: &TenantId, _: MessageLink) -> Result<Option<Message>, Error> {
        Ok(None)
    }

    async fn act(&self, _: &TenantId, _: GuildAction, _: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn create_role(&self, _: &TenantId, _: NewRole, _: &str) -> Result<RoleId, Error> {
        Ok(STAFF)
    }

    async fn create_channel(&self, _: &TenantId, _: NewChannel, _: &str) -> Result<ChannelId, Error> {
        Ok(ChannelId(GUILD))
    }
}

#[async_trait]
impl Ranking for Town {
    async fn rank(&self, member: &Member) -> Result<Rank, Error> {
        Ok(if member.user < FIRST_MEMBER { Rank::MODERATOR } else { Rank::MEMBER })
    }
}

/// No game server is kept shut for anybody.
#[async_trait]
impl Access for Town {
    async fn bar(&self, _: &TenantId, _: &guildhall_core::ActorId, _: Bar) -> Result<Barred, Error> {
        Ok(Barred::default())
    }

    async fn admit(&self, _: &TenantId, _: &guildhall_core::ActorId, _: &str) -> Result<Barred, Error> {
        Ok(Barred::default())
    }
}
