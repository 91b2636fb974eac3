//! The directory itself: its parts, its life, and what others ask of it beside [`Guilds`](core::guild::Guilds).

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Error, TenantId,
    guild::{
        Channel, ChannelId, Guild, GuildAction, GuildEvent, GuildListener, GuildMember, Guilds, Message,
        MessageId, MessageLink, NewChannel, NewRole, Person, RoleId, UserId, bits,
    },
    upstream::Upstream,
};
use serde_json::value::RawValue;
use tokio::{sync::watch, task::JoinSet};
use twilight_http::routing::Route;
use twilight_model::gateway::Intents;

use crate::{
    cache::Cache,
    config::{GuildsConfig, GuildsError, Tenants},
    frame,
    invite::Invites,
    lane::{Ear, Item, LANES, Listeners, What},
    look::Fresh,
    meters,
    rest::{Ask, Rest, parse},
    wire,
};

/// How long what waits at the end is still delivered.
const DRAIN: Duration = Duration::from_secs(5);
/// How long somebody's joining waits for the list of invites.
const INVITE: Duration = Duration::from_secs(3);
/// How often memory is measured.
const MEASURED: Duration = Duration::from_secs(30);

/// How much is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CacheSize {
    /// Guilds.
    pub guilds: usize,
    /// Channels and threads.
    pub channels: usize,
    /// Roles.
    pub roles: usize,
    /// Members.
    pub members: usize,
    /// Messages.
    pub messages: usize,
    /// People in voice channels.
    pub voices: usize,
    /// Bytes of all of it, as the structures add up; what the allocator needs on top is not counted.
    pub bytes: usize,
}

/// Discord as the community's directory and hands.
pub struct DiscordGuilds {
    pub(crate) tenants: Tenants,
    pub(crate) listeners: Listeners,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: Cache,
    pub(crate) fresh: Fresh,
    pub(crate) invites: Invites,
    pub(crate) rest: Rest,
    up: AtomicBool,
    granted: AtomicU64,
    messages_wanted: AtomicBool,
    /// The bot's own id, 0 until it is known.
    me: AtomicU64,
}

impl DiscordGuilds {
    /// Makes it ready. Nothing is asked of Discord yet. Inside of a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the configuration does not fit or no TLS connection can be made on this machine.
    #[expect(clippy::needless_pass_by_value, reason = "the configuration is used up: it holds the token")]
    pub fn new(
        config: GuildsConfig,
        upstream: Upstream,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, GuildsError> {
        if config.application_id == 0 {
            return Err(GuildsError::ApplicationId);
        }
        Ok(Arc::new(Self {
            tenants: Tenants::new(&config.communities, config.open)?,
            listeners: Listeners::new(config.queue),
            clock,
            cache: Cache::new(config.members, config.members_a_guild, config.messages),
            fresh: Fresh::new(config.fresh),
            invites: Invites::default(),
            rest: Rest::new(&config.api_url, &config.token, upstream)?,
            up: AtomicBool::new(false),
            granted: AtomicU64::new(0),
            messages_wanted: AtomicBool::new(false),
            me: AtomicU64::new(0),
        }))
    }

    /// Lets it hear what happens. Before the gateway is connected, because it decides about the
    /// [`intents`](Self::intents).
    pub fn listen(&self, listener: Arc<dyn GuildListener>) {
        self.listeners.add(listener);
    }

    /// Whether somebody beside the listeners needs messages: for the prefix.
    pub fn want_messages(&self, wanted: bool) {
        self.messages_wanted.store(wanted, Ordering::Relaxed);
    }

    /// Whether the texts of this community's messages are kept in memory, within
    /// [`GuildsConfig::messages`]. Turning it off forgets them at once.
    pub fn keep_messages(&self, tenant: &TenantId, keep: bool) {
        if let Some(guild) = self.guild_of(tenant) {
            self.cache.keep(guild, keep);
        }
    }

    /// What the gateway has to be asked for.
    pub fn intents(&self) -> Intents {
        let wanted = [
            (
                &["message_written", "message_edited", "messages_deleted"][..],
                Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT,
            ),
            (&["member_joined", "member_left", "member_changed"], Intents::GUILD_MEMBERS),
            (&["member_joined"], Intents::GUILD_INVITES),
            (&["banned", "unbanned", "audited"], Intents::GUILD_MODERATION),
            (&["voice_moved"], Intents::GUILD_VOICE_STATES),
        ];
        let mut intents = Intents::GUILDS;
        for (kinds, needs) in wanted {
            if kinds.iter().any(|kind| self.listeners.want(kind)) {
                intents |= needs;
            }
        }
        if self.wants_messages() {
            intents |= Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT;
        }
        intents
    }

    /// The gateway is connected on every shard, with these intents; also when it is so again.
    pub fn connected(&self, granted: Intents) {
        self.granted.store(granted.bits(), Ordering::Relaxed);
        self.up.store(true, Ordering::Release);
    }

    /// The gateway is not connected on some shard: what was heard may be old, and is not relied on.
    pub fn disconnected(&self) {
        self.up.store(false, Ordering::Release);
    }

    /// Takes one dispatch frame of the gateway: its `t` and its `d`, `READY` included. Quick, and never waits
    /// for a listener. Frames of one shard have to come one after the other.
    pub fn frame(&self, shard: u32, kind: &str, payload: &RawValue) {
        frame::take(self, shard, kind, payload.get());
    }

    /// The tenant that a guild is; `None` when it is not served.
    pub fn tenant_of(&self, guild: u64) -> Option<TenantId> {
        self.tenants.of_guild(guild)
    }

    /// The guild that a tenant is; `None` when there is none.
    pub fn guild_of(&self, tenant: &TenantId) -> Option<u64> {
        self.tenants.of_tenant(tenant)
    }

    /// Whether the bot is in the guild; `None` when the gateway has not told.
    pub fn present(&self, guild: u64) -> Option<bool> {
        self.cache.present(guild)
    }

    /// How much is in memory.
    pub fn cached(&self) -> CacheSize {
        self.cache.size()
    }

    /// Events that listeners lost because they fell behind.
    pub fn lost(&self) -> u64 {
        self.listeners.lost()
    }

    /// Delivers events until `shutdown`, and then what still waits, for some seconds at most. It may be
    /// started before everybody listens.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let (stop, stopped) = watch::channel(false);
        let mut keepers = JoinSet::new();
        keepers.spawn(self.clone().learn_invites());
        keepers.spawn(self.clone().measure());
        let mut lanes = JoinSet::new();
        let mut ears: Vec<Arc<Ear>> = Vec::new();
        tokio::pin!(shutdown);
        loop {
            for ear in self.listeners.after(ears.len()) {
                for lane in 0..LANES {
                    let (guilds, ear, stopped) = (self.clone(), ear.clone(), stopped.clone());
                    lanes.spawn(async move {
                        let complete = |item| guilds.clone().complete(item);
                        ear.deliver(lane, stopped, complete).await;
                    });
                }
                ears.push(ear);
            }
            tokio::select! {
                () = &mut shutdown => break,
                () = self.listeners.more.notified() => {}
            }
        }
        keepers.shutdown().await;
        stop.send_replace(true);
        let rest = async { while lanes.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, rest).await.is_err() {
            tracing::warn!("some listeners did not finish in time; what they had left is lost");
        }
        lanes.shutdown().await;
        for ear in ears {
            ear.abandon();
        }
    }

    /// Learns the invites of guilds one after the other, so that the first who joins can be told.
    async fn learn_invites(self: Arc<Self>) {
        loop {
            let Some(guild) = self.invites.next() else {
                self.invites.more.notified().await;
                continue;
            };
            if self.sees_invites(guild)
                && let Some(list) = self.list_invites(guild).await
                && let Ok(list) = parse::<Vec<wire::Invite<'_>>>(&list)
            {
                self.invites.learned(guild, &list, self.clock.now());
            }
        }
    }

    async fn measure(self: Arc<Self>) {
        loop {
            meters::cached(&self.cached());
            self.clock.sleep(MEASURED).await;
        }
    }

    /// Finds out with which invite somebody joined.
    async fn complete(self: Arc<Self>, item: Arc<Item>) {
        let What::Joined { member, told } = &item.what else { return };
        told.get_or_init(|| async {
            let invite = tokio::time::timeout(INVITE, self.invite_of(item.guild)).await.ok().flatten();
            GuildEvent::MemberJoined { member: member.clone(), invite }
        })
        .await;
    }

    async fn invite_of(&self, guild: u64) -> Option<(String, Option<UserId>)> {
        if !self.sees_invites(guild) {
            return None;
        }
        let turn = self.invites.turn(guild, self.clock.now())?;
        let _turn = turn.lock().await;
        let list = self.list_invites(guild).await?;
        let list: Vec<wire::Invite<'_>> = parse(&list).ok()?;
        self.invites.compare(guild, &list, self.clock.now())
    }

    async fn list_invites(&self, guild: u64) -> Option<Vec<u8>> {
        let ask = Ask::read("invites", Route::GetGuildInvites { guild_id: guild });
        let list = self.rest.send(&ask).await;
        list.inspect_err(|error| tracing::debug!(guild, %error, "the invites cannot be had")).ok()
    }

    /// Whether the bot may list the invites, which needs the permission to manage the server.
    fn sees_invites(&self, guild: u64) -> bool {
        let Some(me) = self.me() else { return false };
        let may = self.cache.look(guild, |known| {
            let member = known.member(me)?;
            Some(known.guild().permissions(&member) & bits::MANAGE_GUILD != 0)
        });
        may.flatten().unwrap_or(false)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Whether Discord tells of every member that changes.
    pub(crate) fn hears_members(&self) -> bool {
        self.granted.load(Ordering::Relaxed) & Intents::GUILD_MEMBERS.bits() != 0
    }

    pub(crate) fn wants_messages(&self) -> bool {
        self.messages_wanted.load(Ordering::Relaxed)
    }

    /// The bot's own id, once it is known.
    pub(crate) fn me(&self) -> Option<u64> {
        Some(self.me.load(Ordering::Relaxed)).filter(|me| *me != 0)
    }

    pub(crate) fn is_me(&self, me: u64) {
        self.me.store(me, Ordering::Relaxed);
    }
}

#[async_trait]
impl Guilds for DiscordGuilds {
    async fn guild(&self, tenant: &TenantId) -> Result<Guild, Error> {
        self.look_at_guild(tenant).await
    }

    async fn channel(&self, tenant: &TenantId, channel: ChannelId) -> Result<Option<Channel>, Error> {
        self.look_at_channel(tenant, channel).await
    }

    async fn member(&self, tenant: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        self.look_at_member(tenant, user).await
    }

    async fn myself(&self, tenant: &TenantId) -> Result<GuildMember, Error> {
        self.look_at_myself(tenant).await
    }

    async fn find(&self, tenant: &TenantId, text: &str, limit: u16) -> Result<Vec<GuildMember>, Error> {
        self.search(tenant, text, limit).await
    }

    async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        self.look_at_person(user).await
    }

    async fn find_banned(&self, tenant: &TenantId, name: &str) -> Result<Vec<Person>, Error> {
        self.search_bans(tenant, name).await
    }

    async fn banned(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, Error> {
        self.look_at_ban(tenant, user).await
    }

    async fn messages(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<Message>, Error> {
        self.look_at_messages(tenant, channel, before, limit).await
    }

    async fn message(&self, tenant: &TenantId, at: MessageLink) -> Result<Option<Message>, Error> {
        self.look_at_message(tenant, at).await
    }

    async fn act(&self, tenant: &TenantId, action: GuildAction, reason: &str) -> Result<(), Error> {
        self.perform(tenant, action, reason).await
    }

    async fn create_role(&self, tenant: &TenantId, role: NewRole, reason: &str) -> Result<RoleId, Error> {
        self.make_role(tenant, role, reason).await
    }

    async fn create_channel(
        &self,
        tenant: &TenantId,
        channel: NewChannel,
        reason: &str,
    ) -> Result<ChannelId, Error> {
        self.make_channel(tenant, channel, reason).await
    }
}
