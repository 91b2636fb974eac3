//! Questions about a guild: from memory while the gateway tells of every change, else from Discord, whose
//! answer stands for a few seconds so that one command needs few requests.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Error, TenantId,
    guild::{
        Channel, ChannelId, Guild, GuildMember, Message, MessageId, MessageLink, Person, UserId, bits,
        hierarchy,
    },
};
use moka::future::Cache;
use twilight_http::routing::Route;

use crate::{
    DiscordGuilds,
    cache::{KnownMember, channel_of, in_order, member_of, message_of, person_of, role_of},
    rest::{Ask, RestError, parse},
    trouble::{self, code},
    wire,
};

/// Bans on one page, the most that Discord gives.
const BANS: u16 = 1_000;
/// Pages of bans looked through for a name; Discord has no search for them.
const PAGES_OF_BANS: usize = 5;
/// Characters of a name that Discord searches for.
const LONGEST_SEARCH: usize = 100;

/// A member by guild, id, and the count of changes in the guild at the time.
type MemberKey = (u64, u64, u64);

/// Answers of the REST interface that still stand.
pub(crate) struct Fresh {
    guilds: Cache<u64, Arc<Guild>>,
    members: Cache<MemberKey, Option<Arc<GuildMember>>>,
    /// Which channel is in which guild, which never changes.
    homes: Cache<u64, u64>,
}

impl Fresh {
    pub(crate) fn new(stands: Duration) -> Self {
        Self {
            guilds: Cache::builder().max_capacity(1_000).time_to_live(stands).build(),
            members: Cache::builder().max_capacity(10_000).time_to_live(stands).build(),
            homes: Cache::builder().max_capacity(10_000).build(),
        }
    }
}

impl DiscordGuilds {
    /// The guild of a tenant, when there is one and the bot is in it.
    pub(crate) fn served(&self, tenant: &TenantId) -> Result<u64, Error> {
        let guild = self.guild_of(tenant).ok_or_else(trouble::none)?;
        if self.present(guild) == Some(false) { Err(trouble::left()) } else { Ok(guild) }
    }

    pub(crate) async fn look_at_guild(&self, tenant: &TenantId) -> Result<Guild, Error> {
        let id = self.served(tenant)?;
        if self.is_up()
            && let Some(guild) = self.cache.look(id, |known| known.fed.then(|| known.guild())).flatten()
        {
            return Ok(guild);
        }
        let guild = self.fresh.guilds.try_get_with(id, self.fetch_guild(id)).await;
        guild.map(|guild| Guild::clone(&guild)).map_err(|error| of_guild(RestError::clone(&error)))
    }

    /// A channel or a thread in memory costs no copy of the whole guild.
    pub(crate) async fn look_at_channel(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
    ) -> Result<Option<Channel>, Error> {
        let id = self.served(tenant)?;
        if self.is_up()
            && let Some(known) = self.cache.look(id, |known| known.channels.get(channel.0)).flatten()
        {
            return Ok(Some(known));
        }
        Ok(self.look_at_guild(tenant).await?.channel(channel).cloned())
    }

    async fn fetch_guild(&self, guild: u64) -> Result<Arc<Guild>, RestError> {
        let about = Ask::read("guild", Route::GetGuild { guild_id: guild, with_counts: false });
        let channels = Ask::read("channels", Route::GetChannels { guild_id: guild });
        let (about, channels) = futures::try_join!(self.rest.send(&about), self.rest.send(&channels))?;
        let about: wire::Guild<'_> = parse(&about)?;
        let channels: Vec<wire::Channel<'_>> = parse(&channels)?;
        Ok(Arc::new(Guild {
            id: guild,
            name: about.name.owned(),
            owner: UserId(about.owner_id.0),
            locale: about.preferred_locale.owned(),
            roles: in_order(guild, about.roles.iter().map(role_of).collect()),
            channels: channels.iter().map(channel_of).collect(),
        }))
    }

    pub(crate) async fn look_at_member(
        &self,
        tenant: &TenantId,
        user: UserId,
    ) -> Result<Option<GuildMember>, Error> {
        let guild = self.served(tenant)?;
        // Of itself the bot hears whatever its intents are.
        let told = self.is_up() && (self.hears_members() || self.me() == Some(user.0));
        if told {
            let known = |known: &mut crate::cache::KnownGuild| {
                if known.fed { known.member(user.0) } else { None }
            };
            if let Some(member) = self.cache.look(guild, known).flatten() {
                return Ok(Some(member));
            }
        }
        let changes = self.changes(guild);
        let fetch = async {
            let Some(bytes) = self.fetch_member(guild, user).await? else { return Ok(None) };
            let member: wire::Member<'_> = parse(&bytes)?;
            let Some(person) = &member.user else {
                return Err(RestError::Unreadable("a member without a user".to_owned()));
            };
            if told {
                self.cache.change(guild, |known| {
                    // Somebody who changed while the answer was on its way is not in it as they are now.
                    if known.fed && known.changes == changes && !known.members.has(user.0) {
                        known.members.put(KnownMember::told(person, &member));
                    }
                });
            }
            Ok::<_, RestError>(Some(Arc::new(member_of(person, &member))))
        };
        let member = self.fresh.members.try_get_with((guild, user.0, changes), fetch).await;
        let member = member.map_err(|error| of_guild(RestError::clone(&error)))?;
        Ok(member.map(|member| GuildMember::clone(&member)))
    }

    /// What Discord answers about a member now; `None` when they are not in the guild.
    pub(crate) async fn fetch_member(&self, guild: u64, user: UserId) -> Result<Option<Vec<u8>>, RestError> {
        let ask = Ask::read("member", Route::GetMember { guild_id: guild, user_id: user.0 });
        match self.rest.send(&ask).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.code(), code::UNKNOWN_MEMBER | code::UNKNOWN_USER) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn changes(&self, guild: u64) -> u64 {
        self.cache.look(guild, |known| known.changes).unwrap_or_default()
    }

    /// A member is about to be changed: what is known of them is not relied on until Discord tells.
    pub(crate) fn doubt(&self, guild: u64, user: UserId) {
        self.cache.change(guild, |known| {
            known.changes += 1;
            known.members.doubt(user.0);
        });
    }

    /// A member may have been changed: an answer that came before does not stand.
    pub(crate) async fn forget_member(&self, guild: u64, user: UserId) {
        self.fresh.members.invalidate(&(guild, user.0, self.changes(guild))).await;
    }

    /// The guild may have been changed.
    pub(crate) async fn forget_guild(&self, guild: u64) {
        self.fresh.guilds.invalidate(&guild).await;
    }

    /// The bot's own id.
    pub(crate) async fn my_id(&self) -> Result<u64, RestError> {
        if let Some(me) = self.me() {
            return Ok(me);
        }
        let bytes = self.rest.send(&Ask::read("myself", Route::GetCurrentUser)).await?;
        let me: wire::Identified = parse(&bytes)?;
        self.is_me(me.id.0);
        Ok(me.id.0)
    }

    pub(crate) async fn look_at_myself(&self, tenant: &TenantId) -> Result<GuildMember, Error> {
        self.served(tenant)?;
        let me = self.my_id().await.map_err(trouble::of)?;
        self.look_at_member(tenant, UserId(me)).await?.ok_or_else(trouble::left)
    }

    pub(crate) async fn search(
        &self,
        tenant: &TenantId,
        text: &str,
        limit: u16,
    ) -> Result<Vec<GuildMember>, Error> {
        let guild = self.served(tenant)?;
        let query: String = text.trim().chars().take(LONGEST_SEARCH).collect();
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let limit = Some(limit.clamp(1, 100));
        let ask = Ask::read("search", Route::SearchGuildMembers { guild_id: guild, limit, query: &query });
        let bytes = self.rest.send(&ask).await.map_err(of_guild)?;
        let members: Vec<wire::Member<'_>> = parse(&bytes).map_err(trouble::of)?;
        let found = members.iter().filter_map(|member| Some(member_of(member.user.as_ref()?, member)));
        Ok(found.collect())
    }

    pub(crate) async fn look_at_person(&self, user: UserId) -> Result<Option<Person>, Error> {
        let ask = Ask::read("person", Route::GetUser { user_id: user.0 });
        let Some(bytes) = none_if(self.rest.send(&ask).await, code::UNKNOWN_USER)? else { return Ok(None) };
        let user: wire::User<'_> = parse(&bytes).map_err(trouble::of)?;
        Ok(Some(person_of(&user, None)))
    }

    pub(crate) async fn search_bans(&self, tenant: &TenantId, name: &str) -> Result<Vec<Person>, Error> {
        let guild = self.served(tenant)?;
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_OF_BANS {
            let route =
                Route::GetBansWithParameters { after, before: None, limit: Some(BANS), guild_id: guild };
            let bytes = self.rest.send(&Ask::read("bans", route)).await.map_err(of_bans)?;
            let page: Vec<wire::Ban<'_>> = parse(&bytes).map_err(trouble::of)?;
            let people = page.iter().map(|ban| person_of(&ban.user, None));
            found.extend(people.filter(|person| {
                person.username.eq_ignore_ascii_case(name) || person.name.eq_ignore_ascii_case(name)
            }));
            // They come in the order of their ids.
            match page.last() {
                Some(last) if page.len() >= usize::from(BANS) => after = Some(last.user.id.0),
                _ => break,
            }
        }
        Ok(found)
    }

    pub(crate) async fn look_at_ban(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, Error> {
        let guild = self.served(tenant)?;
        let ask = Ask::read("ban", Route::GetBan { guild_id: guild, user_id: user.0 });
        let answer = match self.rest.send(&ask).await {
            Err(error) if error.code() == code::MISSING_PERMISSIONS => return Err(of_bans(error)),
            answer => none_if(answer, code::UNKNOWN_BAN)?,
        };
        let Some(bytes) = answer else { return Ok(None) };
        let ban: wire::Ban<'_> = parse(&bytes).map_err(trouble::of)?;
        Ok(Some(ban.reason.as_ref().map(wire::Text::owned).unwrap_or_default()))
    }

    pub(crate) async fn look_at_messages(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<Message>, Error> {
        let guild = self.served(tenant)?;
        self.belongs(guild, channel).await?;
        let route = Route::GetMessages {
            after: None,
            around: None,
            before: before.map(|message| message.0),
            channel_id: channel.0,
            limit: Some(limit.clamp(1, 100)),
        };
        let bytes = self.rest.send(&Ask::read("messages", route)).await.map_err(trouble::of)?;
        let messages: Vec<wire::Message<'_>> = parse(&bytes).map_err(trouble::of)?;
        Ok(messages.iter().filter_map(message_of).collect())
    }

    pub(crate) async fn look_at_message(
        &self,
        tenant: &TenantId,
        at: MessageLink,
    ) -> Result<Option<Message>, Error> {
        let guild = self.served(tenant)?;
        if self.is_up()
            && let Some(message) = self.cache.look(guild, |known| known.messages.get(at.message.0)).flatten()
            && message.channel == at.channel
        {
            return Ok(Some(message));
        }
        self.belongs(guild, at.channel).await?;
        let route = Route::GetMessage { channel_id: at.channel.0, message_id: at.message.0 };
        let answer = self.rest.send(&Ask::read("message", route)).await;
        let Some(bytes) = none_if(answer, code::UNKNOWN_MESSAGE)? else { return Ok(None) };
        let message: wire::Message<'_> = parse(&bytes).map_err(trouble::of)?;
        Ok(message_of(&message))
    }

    /// Sees that a channel is in this guild. Discord's own addresses of channels name no guild, so without
    /// this somebody could act in another community by naming its channel.
    pub(crate) async fn belongs(&self, guild: u64, channel: ChannelId) -> Result<(), Error> {
        if self.cache.look(guild, |known| known.channels.has(channel.0)) == Some(true) {
            return Ok(());
        }
        let fetch = async {
            let bytes =
                self.rest.send(&Ask::read("channel", Route::GetChannel { channel_id: channel.0 })).await?;
            let channel: wire::Channel<'_> = parse(&bytes)?;
            Ok::<_, RestError>(channel.guild_id.unwrap_or_default().0)
        };
        let home = self.fresh.homes.try_get_with(channel.0, fetch).await;
        let home = home.map_err(|error| trouble::of(RestError::clone(&error)))?;
        if home == guild { Ok(()) } else { Err(trouble::unknown("channel")) }
    }
}

/// Whoever is in a guild may always see it and who is there.
fn of_guild(error: RestError) -> Error {
    match error {
        RestError::Refused { status: 403 | 404, .. } => trouble::left().because(error),
        error => trouble::of(error),
    }
}

/// Why bans cannot be looked at.
fn of_bans(error: RestError) -> Error {
    if error.code() == code::MISSING_PERMISSIONS {
        return hierarchy::missing_permission(bits::BAN_MEMBERS).because(error);
    }
    of_guild(error)
}

/// What is not there is `None`.
fn none_if(answer: Result<Vec<u8>, RestError>, unknown: u64) -> Result<Option<Vec<u8>>, Error> {
    match answer {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.code() == unknown => Ok(None),
        Err(error) => Err(trouble::of(error)),
    }
}
