//! A guild with staff and members, a few commands of other domains, and the community between them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use guildhall_community::{Community, CommunityConfig};
use guildhall_core::{
    Action, Actor, ActorId, Answer, Block, Call, Catalogue, Clock, Document, Effect, Error, Face, Kind,
    ManualClock, Operation, Operations, Rank, Reply, Request, TenantId,
    audit::{AuditLog, Record},
    document::{Menu, Span},
    fault::Faults,
    guild::{
        Channel, ChannelId, ChannelKind, Guild, GuildAction, GuildMember, Guilds, Message, MessageId,
        MessageLink, NewChannel, NewRole, Overwrite, Person, Role, RoleId, UserId, bits,
    },
    permission::Member,
    setting::{Setting, SettingKind, Settings as _},
};
use guildhall_store::{EventStore, Store, testkit::TestStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub const GUILD: u64 = 100;
pub const OWNER: u64 = 1;
pub const OPERATOR: u64 = 2;
pub const ADMIN: u64 = 3;
pub const MANAGER: u64 = 4;
pub const BANNER: u64 = 5;
pub const KICKER: u64 = 6;
pub const MEMBER: u64 = 7;
pub const GUARDIAN: u64 = 8;

pub const ADMIN_ROLE: u64 = 203;
pub const GUARDIAN_ROLE: u64 = 208;
pub const PLAIN_ROLE: u64 = 209;
pub const GENERAL: u64 = 301;

pub const PREFIX: Setting = Setting {
    key: "general.prefix",
    summary: "What commands in messages begin with",
    kind: SettingKind::Text { min: 1, max: 5 },
    default: "\"!\"",
};
pub const WORDS: Setting =
    Setting { key: "general.words", summary: "Words of the house", kind: SettingKind::Texts, default: "[]" };
pub const COLOR: Setting = Setting {
    key: "general.color",
    summary: "The colour of answers",
    kind: SettingKind::Color,
    default: "null",
};
pub const LIMIT: Setting = Setting {
    key: "general.limit",
    summary: "How many at once",
    kind: SettingKind::Integer { min: 0, max: 100 },
    default: "5",
};
pub const PACE: Setting = Setting {
    key: "general.pace",
    summary: "How fast",
    kind: SettingKind::Choice { of: &["slow", "fast"] },
    default: "\"slow\"",
};
pub const STAFF: Setting =
    Setting { key: "general.staff", summary: "Who is asked", kind: SettingKind::Roles, default: "[]" };
pub const MOD_LOG: Setting = Setting {
    key: "logs.moderation",
    summary: "Where cases are written",
    kind: SettingKind::Channel,
    default: "null",
};
pub const REPORTS: Setting = Setting {
    key: "logs.reports",
    summary: "Where reports arrive",
    kind: SettingKind::Channel,
    default: "null",
};
pub const IGNORED: Setting = Setting {
    key: "logs.ignored",
    summary: "Channels of which nothing is logged",
    kind: SettingKind::Channels,
    default: "[]",
};
pub const JAIL_CHANNEL: Setting = Setting {
    key: "jail.channel",
    summary: "Where the jailed can write",
    kind: SettingKind::Channel,
    default: "null",
};
pub const JAIL_ROLE: Setting =
    Setting { key: "jail.role", summary: "The role of the jailed", kind: SettingKind::Role, default: "null" };
pub const TEMPLATES: Setting = Setting {
    key: "moderation.reasons",
    summary: "Reasons with a name",
    kind: SettingKind::Map { max: 200 },
    default: "{}",
};
pub const KEEP: Setting = Setting {
    key: "moderation.keep",
    summary: "How long messages are kept",
    kind: SettingKind::Duration { min: 60, max: 31_536_000 },
    default: "\"7d\"",
};
pub const MODERATION: Setting = Setting {
    key: "features.moderation",
    summary: "Bans, warnings and cases",
    kind: SettingKind::Switch,
    default: "true",
};
pub const GREETING: Setting = Setting {
    key: "errors.text",
    summary: "What people read when something goes wrong",
    kind: SettingKind::Template { names: &["message", "reference"], max: 500 },
    default: "null",
};

pub const SETTINGS: &[&Setting] = &[
    &PREFIX,
    &WORDS,
    &COLOR,
    &LIMIT,
    &PACE,
    &STAFF,
    &MOD_LOG,
    &REPORTS,
    &IGNORED,
    &JAIL_CHANNEL,
    &JAIL_ROLE,
    &TEMPLATES,
    &KEEP,
    &MODERATION,
    &GREETING,
];

/// Keeps audit records for a test to look at.
#[derive(Default)]
pub struct Records(pub Mutex<Vec<Record>>);

#[async_trait]
impl AuditLog for Records {
    async fn record(&self, record: Record) -> Result<(), Error> {
        self.0.lock().unwrap().push(record);
        Ok(())
    }
}

/// A guild in memory.
pub struct TestGuilds {
    pub guild: Mutex<Guild>,
    pub members: Mutex<BTreeMap<u64, GuildMember>>,
    /// Whether Discord answers.
    pub reachable: Mutex<bool>,
    /// Actions and creations that work before the next one fails; `usize::MAX` for all.
    pub works: AtomicUsize,
    next: AtomicU64,
}

fn role(id: u64, name: &str, permissions: u64) -> Role {
    Role { id: RoleId(id), name: name.to_owned(), position: 1, permissions, color: 0, managed: false }
}

pub fn channel(id: u64, name: &str, overwrites: Vec<Overwrite>) -> Channel {
    Channel {
        id: ChannelId(id),
        name: name.to_owned(),
        kind: ChannelKind::Text,
        parent: None,
        slowmode: 0,
        overwrites,
    }
}

fn member(user: u64, name: &str, roles: &[u64]) -> GuildMember {
    GuildMember {
        user: UserId(user),
        username: name.to_owned(),
        name: name.to_owned(),
        nick: None,
        roles: roles.iter().map(|role| RoleId(*role)).collect(),
        bot: false,
        joined: None,
        timeout: None,
    }
}

impl Default for TestGuilds {
    fn default() -> Self {
        let roles = vec![
            role(GUILD, "@everyone", bits::VIEW_CHANNEL),
            role(ADMIN_ROLE, "Admin", bits::ADMINISTRATOR),
            role(204, "Manager", bits::MANAGE_GUILD),
            role(205, "Banner", bits::BAN_MEMBERS),
            role(206, "Kicker", bits::KICK_MEMBERS),
            role(GUARDIAN_ROLE, "Guardians", 0),
            role(PLAIN_ROLE, "Gardeners", 0),
        ];
        let guild = Guild {
            id: GUILD,
            name: "Roses".to_owned(),
            owner: UserId(OWNER),
            locale: "en-US".to_owned(),
            roles,
            channels: vec![channel(GENERAL, "general", Vec::new()), channel(302, "mod-log", Vec::new())],
        };
        let members = [
            member(OWNER, "Olivia", &[]),
            member(OPERATOR, "Oskar", &[]),
            member(ADMIN, "Ada", &[ADMIN_ROLE]),
            member(MANAGER, "Manu", &[204]),
            member(BANNER, "Ben", &[205]),
            member(KICKER, "Kim", &[206]),
            member(MEMBER, "Mia", &[PLAIN_ROLE]),
            member(GUARDIAN, "Gus", &[GUARDIAN_ROLE, PLAIN_ROLE]),
            member(99, "Guildhall", &[]),
        ];
        Self {
            guild: Mutex::new(guild),
            members: Mutex::new(members.into_iter().map(|member| (member.user.0, member)).collect()),
            reachable: Mutex::new(true),
            works: AtomicUsize::new(usize::MAX),
            next: AtomicU64::new(1_000),
        }
    }
}

impl TestGuilds {
    fn look(&self) -> Result<(), Error> {
        match *self.reachable.lock().unwrap() {
            true => Ok(()),
            false => Err(Error::new(Kind::Upstream, "guild_unreachable", "Discord does not answer.")),
        }
    }

    fn work(&self) -> Result<(), Error> {
        self.look()?;
        let left = self.works.load(Ordering::Relaxed);
        if left == 0 {
            let message = "Guildhall lacks the permission Manage Channels.";
            return Err(Error::new(Kind::Permission, "guild_missing_permission", message));
        }
        if left != usize::MAX {
            self.works.store(left - 1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn fresh(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

#[async_trait]
impl Guilds for TestGuilds {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        self.look()?;
        Ok(self.guild.lock().unwrap().clone())
    }

    async fn member(&self, _: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        self.look()?;
        Ok(self.members.lock().unwrap().get(&user.0).cloned())
    }

    async fn myself(&self, tenant: &TenantId) -> Result<GuildMember, Error> {
        Ok(self.member(tenant, UserId(99)).await?.unwrap())
    }

    async fn find(&self, _: &TenantId, text: &str, _: u16) -> Result<Vec<GuildMember>, Error> {
        let members = self.members.lock().unwrap();
        Ok(members.values().filter(|member| member.name.starts_with(text)).cloned().collect())
    }

    async fn person(&self, _: UserId) -> Result<Option<Person>, Error> {
        Ok(None)
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

    async fn act(&self, _: &TenantId, action: GuildAction, _: &str) -> Result<(), Error> {
        self.work()?;
        let GuildAction::SetOverwrite { channel, overwrite } = action else { panic!("{action:?}") };
        let mut guild = self.guild.lock().unwrap();
        let channel = guild.channels.iter_mut().find(|known| known.id == channel).unwrap();
        channel.overwrites.retain(|known| known.target != overwrite.target);
        channel.overwrites.push(overwrite);
        Ok(())
    }

    async fn create_role(&self, _: &TenantId, new: NewRole, _: &str) -> Result<RoleId, Error> {
        self.work()?;
        let id = self.fresh();
        self.guild.lock().unwrap().roles.push(role(id, &new.name, new.permissions));
        Ok(RoleId(id))
    }

    async fn create_channel(&self, _: &TenantId, new: NewChannel, _: &str) -> Result<ChannelId, Error> {
        self.work()?;
        let id = self.fresh();
        self.guild.lock().unwrap().channels.push(channel(id, &new.name, new.overwrites));
        Ok(ChannelId(id))
    }
}

/// Another domain, for commands to judge.
pub struct Toys;

macro_rules! toy {
    ($type:ident, $name:literal, $summary:literal, $rank:expr, $effect:expr) => {
        #[doc = $summary]
        #[derive(Debug, Deserialize, JsonSchema)]
        pub struct $type {
            /// Which one.
            #[serde(default)]
            #[schemars(length(max = 32))]
            #[expect(dead_code, reason = "it is there to be described")]
            pub name: Option<String>,
        }

        impl Operation for $type {
            type Domain = Toys;
            type Output = Done;
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;
            const RANK: Rank = $rank;
            const EFFECT: Effect = $effect;
            const EXAMPLES: &'static [&'static str] = &[$name];

            async fn run(self, _: &Toys, _: &Call) -> Result<Answer<Done>, Error> {
                Ok(Answer::new(Done {}, Document::default().text("Done.")))
            }
        }
    };
}

#[derive(Serialize, JsonSchema)]
pub struct Done {}

toy!(ServerStart, "server start", "Start a game server", Rank::TRUSTED, Effect::Change);
toy!(ServerStop, "server stop", "Stop a game server", Rank::TRUSTED, Effect::Change);
toy!(ServerPurge, "server purge", "Remove every file of a server", Rank::OWNER, Effect::Change);
toy!(TokenCreate, "token create", "Make an API token", Rank::OPERATOR, Effect::Change);
toy!(Ban, "ban", "Keep somebody out of the community", Rank::MODERATOR, Effect::Change);

pub struct World {
    pub catalogue: Arc<Catalogue>,
    pub community: Arc<Community>,
    pub guilds: Arc<TestGuilds>,
    pub events: EventStore,
    pub store: Arc<TestStore>,
    /// The connections that this process uses.
    pub inner: Store,
    pub records: Arc<Records>,
    pub clock: Arc<ManualClock>,
    pub faults: Faults,
    pub tenant: TenantId,
}

/// One world on each database.
pub async fn worlds() -> Vec<World> {
    let stores = guildhall_store::testkit::stores(guildhall_community::migrations).await;
    stores.into_iter().map(|store| World::new(Arc::new(store), CommunityConfig::default())).collect()
}

/// One world, on SQLite: for what does not depend on the database.
pub async fn world() -> World {
    world_with(CommunityConfig::default()).await
}

pub async fn world_with(config: CommunityConfig) -> World {
    let store = guildhall_store::testkit::sqlite(guildhall_community::migrations()).await;
    World::new(Arc::new(store), config)
}

impl World {
    pub fn new(store: Arc<TestStore>, config: CommunityConfig) -> Self {
        let inner = store.store();
        Self::on(store, inner, config, Arc::default(), Arc::default())
    }

    /// Another process on the same database, in the same guild and at the same time.
    pub async fn beside(&self, config: CommunityConfig) -> Self {
        let store = self.store.again(guildhall_community::migrations()).await;
        Self::on(self.store.clone(), store, config, self.clock.clone(), self.guilds.clone())
    }

    fn on(
        store: Arc<TestStore>,
        inner: Store,
        mut config: CommunityConfig,
        clock: Arc<ManualClock>,
        guilds: Arc<TestGuilds>,
    ) -> Self {
        config.operators.push(UserId(OPERATOR));
        let clock_of: Arc<dyn Clock> = clock.clone();
        let events = EventStore::new(inner.clone(), clock.clone());
        let faults = Faults::new(clock_of.clone());
        let community = Community::new(
            config,
            inner.clone(),
            Arc::new(events.clone()),
            guilds.clone(),
            SETTINGS.to_vec(),
            faults.clone(),
            clock_of.clone(),
        );
        let records = Arc::<Records>::default();
        let toys = Operations::new()
            .with::<ServerStart>()
            .with::<ServerStop>()
            .with::<ServerPurge>()
            .with::<TokenCreate>();
        let catalogue = Catalogue::builder(records.clone(), clock_of, community.permissions())
            .add(guildhall_community::operations(), community.clone())
            .add(toys, Arc::new(Toys))
            .add(Operations::new().with::<Ban>().feature("moderation"), Arc::new(Toys))
            .faults(faults.clone())
            .build();
        let catalogue = Arc::new(catalogue);
        community.attach(&catalogue);
        let tenant = GUILD.to_string().parse().unwrap();
        Self { catalogue, community, guilds, events, store, inner, records, clock, faults, tenant }
    }

    /// A member as the face would bring them.
    pub async fn actor(&self, user: u64) -> Actor {
        let (name, known) = {
            let members = self.guilds.members.lock().unwrap();
            let member = members.get(&user).cloned();
            (member.as_ref().map_or("Somebody".to_owned(), |member| member.name.clone()), member)
        };
        let roles = known.map(|member| member.roles.iter().map(|role| role.0).collect()).unwrap_or_default();
        let member = Member { tenant: self.tenant.clone(), user, roles, administrator: false, owner: false };
        let rank = self.community.ranking().rank(&member).await.unwrap();
        Actor {
            tenant: self.tenant.clone(),
            id: ActorId::discord(user),
            name,
            face: Face::Discord,
            rank,
            scope: None,
        }
    }

    pub async fn try_call(&self, user: u64, operation: &str, input: Value) -> Result<Reply, Error> {
        let mut request = Request::json(self.actor(user).await, operation, input);
        request.confirmed = true;
        self.catalogue.call(request).await
    }

    /// What programs get.
    pub async fn call(&self, user: u64, operation: &str, input: Value) -> Value {
        match self.try_call(user, operation, input.clone()).await {
            Ok(Reply::Done { data, .. }) => data,
            other => panic!("{operation} {input}: {other:?}"),
        }
    }

    /// What people get.
    pub async fn show(&self, user: u64, operation: &str, input: Value) -> Document {
        self.try_call(user, operation, input).await.unwrap().document().clone()
    }

    pub async fn refused(&self, user: u64, operation: &str, input: Value) -> Error {
        match self.try_call(user, operation, input.clone()).await {
            Err(error) => error,
            Ok(reply) => panic!("{operation} {input} was done: {reply:?}"),
        }
    }

    /// What the record of the newest call says of why a rank that was too low did not matter.
    pub fn bypass(&self) -> Option<String> {
        self.records.0.lock().unwrap().last().unwrap().bypass.clone()
    }

    pub async fn press(&self, user: u64, action: &Action) -> Result<Reply, Error> {
        self.try_call(user, &action.operation, action.input.clone()).await
    }

    /// Chooses in a menu as a face does.
    pub async fn choose(&self, user: u64, menu: &Menu, chosen: &[&str]) -> Result<Reply, Error> {
        let mut input = menu.input.clone();
        input[&menu.field] = match menu.most {
            1 => chosen.first().copied().unwrap_or_default().into(),
            _ => json!(chosen),
        };
        self.try_call(user, &menu.operation, input).await
    }

    pub async fn value(&self, setting: &'static Setting) -> Value {
        self.community.value(&self.tenant, setting).await.unwrap()
    }
}

/// All words of a document.
pub fn words(document: &Document) -> String {
    fn rich(rich: &guildhall_core::Rich) -> String {
        rich.0
            .iter()
            .map(|span| match span {
                Span::Plain(text) | Span::Strong(text) | Span::Code(text) => text.clone(),
                Span::Time(_) | Span::Ago(_) => "(time)".to_owned(),
                Span::Person { name, .. } | Span::Channel { name, .. } => name.clone(),
                Span::Link(address) => address.to_string(),
            })
            .collect()
    }
    let mut lines: Vec<String> = document.title.iter().cloned().collect();
    for block in &document.blocks {
        match block {
            Block::Heading { text } | Block::Code { text } => lines.push(text.clone()),
            Block::Text { text } => lines.push(rich(text)),
            Block::Fields { fields } => {
                lines.extend(fields.iter().map(|field| format!("{}: {}", field.name, rich(&field.value))));
            }
            Block::Table(table) => {
                lines.extend(
                    table.rows.iter().map(|row| row.iter().map(rich).collect::<Vec<_>>().join(" | ")),
                );
            }
            Block::Menu(menu) => lines.push(format!("[{}] {}", menu.label, menu.chosen.join(", "))),
            Block::Actions { actions } => {
                lines.extend(actions.iter().map(|action| format!("({})", action.label)));
            }
            Block::Progress { .. } | Block::Image { .. } | Block::Divider => {}
        }
    }
    lines.join("\n")
}

/// The menu with a label that begins like this.
pub fn menu<'a>(document: &'a Document, operation: &str, key: Option<&str>) -> &'a Menu {
    let found = document.blocks.iter().find_map(|block| match block {
        Block::Menu(menu)
            if menu.operation == operation && key.is_none_or(|key| menu.input["key"] == key) =>
        {
            Some(menu)
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no menu of {operation} {key:?} in:\n{}", words(document)))
}

pub fn button<'a>(document: &'a Document, label: &str) -> &'a Action {
    let found = document.actions().find(|action| action.label == label);
    found.unwrap_or_else(|| panic!("no button {label} in:\n{}", words(document)))
}
