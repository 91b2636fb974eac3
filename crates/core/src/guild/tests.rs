//! What tests need of a community on Discord: one in memory that holds still.

use super::*;

/// A guild that can be looked at, with nothing written in it. Whatever would change it is refused, as where there
/// is no Discord.
#[derive(Clone, Debug)]
pub struct Town {
    /// The guild.
    pub guild: Guild,
    /// Everybody in it, the bot among them.
    pub members: Vec<GuildMember>,
    /// Who is banned.
    pub banned: Vec<Person>,
}

impl Town {
    /// A town of this owner, where nobody else lives and there are no roles.
    pub fn new(id: u64, owner: UserId) -> Self {
        let (name, locale) = ("Town".to_owned(), "en-US".to_owned());
        let guild = Guild { id, name, owner, locale, roles: Vec::new(), channels: Vec::new() };
        Self { guild, members: Vec::new(), banned: Vec::new() }
    }

    /// Somebody who lives here.
    pub fn find_member(&self, user: UserId) -> Option<&GuildMember> {
        self.members.iter().find(|member| member.user == user)
    }
}

/// A role.
pub fn role(id: RoleId, position: i64, permissions: u64) -> Role {
    Role { id, name: format!("role {id}"), position, permissions, color: 0, managed: false }
}

/// A member who is called the same everywhere and has these roles.
pub fn member(user: UserId, name: &str, roles: &[RoleId]) -> GuildMember {
    GuildMember {
        user,
        username: name.to_owned(),
        name: name.to_owned(),
        nick: None,
        roles: roles.to_vec(),
        bot: false,
        joined: None,
        timeout: None,
    }
}

/// A person of this name.
pub fn person(user: UserId, name: &str) -> Person {
    Person { user, username: name.to_owned(), name: name.to_owned(), bot: false }
}

#[async_trait]
impl Guilds for Town {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        Ok(self.guild.clone())
    }

    async fn member(&self, _: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        Ok(self.find_member(user).cloned())
    }

    async fn myself(&self, tenant: &TenantId) -> Result<GuildMember, Error> {
        match self.members.iter().find(|member| member.bot) {
            Some(bot) => Ok(bot.clone()),
            None => NoGuilds.myself(tenant).await,
        }
    }

    async fn find(&self, _: &TenantId, text: &str, limit: u16) -> Result<Vec<GuildMember>, Error> {
        let text = text.to_lowercase();
        let begins = |name: &str| name.to_lowercase().starts_with(&text);
        let found = self.members.iter().filter(|member| {
            begins(&member.username) || begins(&member.name) || member.nick.as_deref().is_some_and(begins)
        });
        Ok(found.take(usize::from(limit)).cloned().collect())
    }

    async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        let banned = self.banned.iter().find(|person| person.user == user).cloned();
        Ok(banned.or_else(|| {
            let GuildMember { user, username, name, bot, .. } = self.find_member(user)?.clone();
            Some(Person { user, username, name, bot })
        }))
    }

    async fn find_banned(&self, _: &TenantId, name: &str) -> Result<Vec<Person>, Error> {
        let called = |own: &str| own.eq_ignore_ascii_case(name);
        let found = self.banned.iter().filter(|person| called(&person.username) || called(&person.name));
        Ok(found.cloned().collect())
    }

    async fn banned(&self, _: &TenantId, user: UserId) -> Result<Option<String>, Error> {
        Ok(self.banned.iter().any(|person| person.user == user).then(String::new))
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

    async fn act(&self, tenant: &TenantId, action: GuildAction, reason: &str) -> Result<(), Error> {
        NoGuilds.act(tenant, action, reason).await
    }

    async fn create_role(&self, tenant: &TenantId, role: NewRole, reason: &str) -> Result<RoleId, Error> {
        NoGuilds.create_role(tenant, role, reason).await
    }

    async fn create_channel(
        &self,
        tenant: &TenantId,
        channel: NewChannel,
        reason: &str,
    ) -> Result<ChannelId, Error> {
        NoGuilds.create_channel(tenant, channel, reason).await
    }
}
