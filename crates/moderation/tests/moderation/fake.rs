//! A guild in memory, with everything that Discord would say no to and with trouble on demand; and what else the
//! domain speaks to.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Call, Document, Error, Kind, Rank, Spec, TenantId,
    access::{Access, Bar, Barred},
    guild::*,
    permission::{Member, Permissions, Ranking, Requirement},
    setting::{Setting, Settings},
};
use serde_json::Value;
use time::OffsetDateTime;

pub const BOT: UserId = UserId(900);
pub const OWNER: UserId = UserId(901);
pub const MOD: UserId = UserId(10);
pub const OTHER_MOD: UserId = UserId(11);
pub const ANN: UserId = UserId(20);
pub const BOB: UserId = UserId(21);
pub const STRANGER: UserId = UserId(30);

pub const EVERYONE: RoleId = RoleId(1);
pub const PLAYER: RoleId = RoleId(2);
pub const ARTIST: RoleId = RoleId(3);
pub const MANAGED: RoleId = RoleId(4);
pub const JAIL: RoleId = RoleId(5);
pub const STAFF: RoleId = RoleId(6);
pub const BOT_ROLE: RoleId = RoleId(7);
pub const TOP: RoleId = RoleId(8);
pub const EVENT: RoleId = RoleId(9);

pub const GENERAL: ChannelId = ChannelId(100);
pub const RULES: ChannelId = ChannelId(101);
pub const LOG: ChannelId = ChannelId(102);
pub const REPORTS: ChannelId = ChannelId(103);

/// A message that was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    pub channel: ChannelId,
    pub message: MessageId,
    pub document: Document,
    pub nonce: String,
    pub edits: u32,
}

/// A thread that was made.
#[derive(Clone, Debug)]
pub struct Thread {
    pub id: ChannelId,
    pub name: String,
    pub parent: ChannelId,
    pub private: bool,
    pub members: Vec<UserId>,
}

/// The words of calls that are to fail, how many of them, and with what.
type Trouble = (String, u32, fn() -> Error);

#[derive(Default)]
pub struct State {
    pub guild: Option<Guild>,
    pub members: BTreeMap<UserId, GuildMember>,
    pub people: BTreeMap<UserId, Person>,
    pub bans: BTreeMap<UserId, String>,
    pub messages: Vec<Message>,
    /// What was done, in order, as words: `ban 20`.
    pub done: Vec<String>,
    pub posts: Vec<Posted>,
    pub letters: Vec<(UserId, Document, String)>,
    pub closed: HashSet<UserId>,
    /// Trouble: the next so many calls whose words begin so fail.
    pub trouble: Vec<Trouble>,
    /// The next so many actions and posts whose words begin so are done, and fail all the same.
    pub lost: Vec<Trouble>,
    pub threads: Vec<Thread>,
    pub next: u64,
}

/// The guild. Cheap to clone.
#[derive(Clone, Default)]
pub struct Fake(pub Arc<Mutex<State>>);

fn role(id: RoleId, name: &str, position: i64, permissions: u64, managed: bool) -> Role {
    Role { id, name: name.to_owned(), position, permissions, color: 0, managed }
}

fn channel(id: ChannelId, name: &str, overwrites: Vec<Overwrite>) -> Channel {
    Channel { id, name: name.to_owned(), kind: ChannelKind::Text, parent: None, slowmode: 0, overwrites }
}

pub fn unreachable() -> Error {
    Error::new(Kind::Upstream, "guild_unreachable", "Discord does not answer.")
}

pub fn forbidden() -> Error {
    hierarchy::missing_permission(bits::BAN_MEMBERS)
}

pub fn gone() -> Error {
    Error::new(Kind::NotFound, "guild_unknown", "It is gone.")
}

impl Fake {
    /// A guild with an owner, two moderators, Ann and Bob who are members, and a stranger on Discord.
    pub fn new() -> Self {
        let fake = Self::default();
        {
            let mut state = fake.lock();
            state.next = 10_000;
            state.guild = Some(Guild {
                id: EVERYONE.0,
                name: "The Guild".to_owned(),
                owner: OWNER,
                locale: "en-US".to_owned(),
                roles: vec![
                    role(EVERYONE, "@everyone", 0, 0, false),
                    role(PLAYER, "Player", 1, 0, false),
                    role(EVENT, "Event", 1, 0, false),
                    role(ARTIST, "Artist", 2, 0, false),
                    role(MANAGED, "Booster", 3, 0, true),
                    role(JAIL, "Jail", 4, 0, false),
                    role(STAFF, "Staff", 5, 0, false),
                    role(BOT_ROLE, "Guildhall", 6, bits::ADMINISTRATOR, true),
                    role(TOP, "Top", 7, bits::ADMINISTRATOR, false),
                ],
                channels: vec![
                    channel(GENERAL, "general", Vec::new()),
                    channel(
                        RULES,
                        "rules",
                        vec![Overwrite {
                            target: EVERYONE.0,
                            role: true,
                            allow: bits::VIEW_CHANNEL,
                            deny: bits::SEND_MESSAGES,
                        }],
                    ),
                    channel(LOG, "mod-log", Vec::new()),
                    channel(REPORTS, "reports", Vec::new()),
                ],
            });
        }
        fake.join(BOT, "Guildhall", &[BOT_ROLE]);
        fake.join(OWNER, "Olga", &[]);
        fake.join(MOD, "Mia", &[STAFF]);
        fake.join(OTHER_MOD, "Max", &[STAFF]);
        fake.join(ANN, "Ann", &[PLAYER, ARTIST, MANAGED]);
        fake.join(BOB, "Bob", &[PLAYER]);
        fake.know(STRANGER, "Stranger");
        fake
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn know(&self, user: UserId, name: &str) {
        let person = Person { user, username: name.to_lowercase(), name: name.to_owned(), bot: user == BOT };
        self.lock().people.insert(user, person);
    }

    pub fn join(&self, user: UserId, name: &str, roles: &[RoleId]) -> GuildMember {
        self.know(user, name);
        let member = GuildMember {
            user,
            username: name.to_lowercase(),
            name: name.to_owned(),
            nick: None,
            roles: roles.to_vec(),
            bot: user == BOT,
            joined: None,
            timeout: None,
        };
        self.lock().members.insert(user, member.clone());
        member
    }

    pub fn leave(&self, user: UserId) {
        self.lock().members.remove(&user);
    }

    pub fn member_now(&self, user: UserId) -> Option<GuildMember> {
        self.lock().members.get(&user).cloned()
    }

    pub fn roles(&self, user: UserId) -> Vec<RoleId> {
        let mut roles = self.member_now(user).map(|member| member.roles).unwrap_or_default();
        roles.sort();
        roles
    }

    pub fn is_banned(&self, user: UserId) -> bool {
        self.lock().bans.contains_key(&user)
    }

    pub fn overwrite(&self, channel: ChannelId, target: RoleId) -> Option<Overwrite> {
        let state = self.lock();
        let found = state.guild.as_ref()?.channel(channel)?;
        found.overwrites.iter().find(|overwrite| overwrite.target == target.0).copied()
    }

    /// The next `times` calls whose words begin with `call` fail.
    pub fn trouble(&self, call: &str, times: u32, error: fn() -> Error) {
        self.lock().trouble.push((call.to_owned(), times, error));
    }

    /// The next action whose words begin with `call` is done, but what is heard of it is an error.
    pub fn lose(&self, call: &str, error: fn() -> Error) {
        self.lock().lost.push((call.to_owned(), 1, error));
    }

    pub fn threads(&self) -> Vec<Thread> {
        self.lock().threads.clone()
    }

    pub fn done(&self) -> Vec<String> {
        self.lock().done.clone()
    }

    pub fn count(&self, call: &str) -> usize {
        self.lock().done.iter().filter(|done| *done == call).count()
    }

    pub fn posts(&self, channel: ChannelId) -> Vec<Posted> {
        self.lock().posts.iter().filter(|post| post.channel == channel).cloned().collect()
    }

    pub fn write(&self, channel: ChannelId, author: UserId, text: &str, at: OffsetDateTime) -> MessageId {
        let mut state = self.lock();
        state.next += 1;
        let millis = u64::try_from(at.unix_timestamp() * 1000).unwrap() - 1_420_070_400_000;
        let id = MessageId((millis << 22) | (state.next & 0x3f_ffff));
        let author = state.people[&author].clone();
        let (content, attachments) = (text.to_owned(), Vec::new());
        state.messages.push(Message { id, channel, author, roles: Vec::new(), content, attachments, at });
        id
    }

    fn meet(&self, call: &str) -> Result<(), Error> {
        strike(&mut self.lock().trouble, call)
    }
}

fn strike(troubles: &mut [Trouble], call: &str) -> Result<(), Error> {
    let trouble = troubles.iter_mut().find(|(start, left, _)| *left > 0 && call.starts_with(start.as_str()));
    if let Some((_, left, error)) = trouble {
        *left -= 1;
        return Err(error());
    }
    Ok(())
}

#[async_trait]
impl Guilds for Fake {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        self.meet("guild")?;
        self.lock()
            .guild
            .clone()
            .ok_or_else(|| Error::new(Kind::Conflict, "guild_left", "The bot was removed."))
    }

    async fn member(&self, _: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        self.meet("member")?;
        Ok(self.member_now(user))
    }

    async fn myself(&self, _: &TenantId) -> Result<GuildMember, Error> {
        self.meet("myself")?;
        self.member_now(BOT).ok_or_else(gone)
    }

    async fn find(&self, _: &TenantId, text: &str, _: u16) -> Result<Vec<GuildMember>, Error> {
        let state = self.lock();
        let fits = state.members.values().filter(|member| member.username.starts_with(&text.to_lowercase()));
        Ok(fits.cloned().collect())
    }

    async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        self.meet("person")?;
        Ok(self.lock().people.get(&user).cloned())
    }

    async fn find_banned(&self, _: &TenantId, name: &str) -> Result<Vec<Person>, Error> {
        let state = self.lock();
        let people = state.bans.keys().filter_map(|user| state.people.get(user));
        Ok(people.filter(|person| person.name.eq_ignore_ascii_case(name)).cloned().collect())
    }

    async fn banned(&self, _: &TenantId, user: UserId) -> Result<Option<String>, Error> {
        self.meet("banned")?;
        Ok(self.lock().bans.get(&user).cloned())
    }

    async fn messages(
        &self,
        _: &TenantId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<Message>, Error> {
        self.meet("messages")?;
        let state = self.lock();
        let mut found: Vec<Message> = state
            .messages
            .iter()
            .filter(|message| message.channel == channel && before.is_none_or(|before| message.id < before))
            .cloned()
            .collect();
        found.sort_by_key(|message| std::cmp::Reverse(message.id));
        found.truncate(usize::from(limit));
        Ok(found)
    }

    async fn message(&self, _: &TenantId, at: MessageLink) -> Result<Option<Message>, Error> {
        let state = self.lock();
        Ok(state.messages.iter().find(|message| message.link() == at).cloned())
    }

    async fn act(&self, _: &TenantId, action: GuildAction, reason: &str) -> Result<(), Error> {
        assert!(reason.chars().count() <= 512, "the audit log's reason is cut by the caller");
        let words = words(&action);
        self.meet(&words)?;
        let mut state = self.lock();
        if state.guild.is_none() {
            return Err(Error::new(Kind::Conflict, "guild_left", "The bot was removed."));
        }
        fn member(state: &mut State, user: UserId) -> Result<&mut GuildMember, Error> {
            state.members.get_mut(&user).ok_or_else(gone)
        }
        fn place(state: &mut State, id: ChannelId) -> Result<&mut Channel, Error> {
            let guild = state.guild.as_mut().ok_or_else(gone)?;
            guild.channels.iter_mut().find(|channel| channel.id == id).ok_or_else(gone)
        }
        match action {
            GuildAction::Ban { user, .. } => {
                state.bans.insert(user, reason.to_owned());
                state.members.remove(&user);
            }
            GuildAction::Unban { user } => {
                state.bans.remove(&user);
            }
            GuildAction::Kick { user } => {
                member(&mut state, user)?;
                state.members.remove(&user);
            }
            GuildAction::Timeout { user, until } => member(&mut state, user)?.timeout = until,
            GuildAction::AddRole { user, role } => {
                let roles = &mut member(&mut state, user)?.roles;
                if !roles.contains(&role) {
                    roles.push(role);
                }
            }
            GuildAction::RemoveRole { user, role } => {
                member(&mut state, user)?.roles.retain(|own| *own != role);
            }
            GuildAction::SetRoles { user, roles } => member(&mut state, user)?.roles = roles,
            GuildAction::Nickname { user, nick } => member(&mut state, user)?.nick = nick,
            GuildAction::Slowmode { channel, seconds } => place(&mut state, channel)?.slowmode = seconds,
            GuildAction::SetOverwrite { channel, overwrite } => {
                let overwrites = &mut place(&mut state, channel)?.overwrites;
                overwrites.retain(|own| own.target != overwrite.target);
                if overwrite.allow != 0 || overwrite.deny != 0 {
                    overwrites.push(overwrite);
                }
            }
            GuildAction::DeleteMessages { messages, .. } => {
                assert!(messages.len() <= 100, "Discord takes 100 at a time");
                state.messages.retain(|message| !messages.contains(&message.id));
            }
            GuildAction::AddToThread { thread, user } => {
                let thread = state.threads.iter_mut().find(|known| known.id == thread).ok_or_else(gone)?;
                if !thread.members.contains(&user) {
                    thread.members.push(user);
                }
            }
            GuildAction::CloseThread { .. } => {}
        }
        let answer = strike(&mut state.lost, &words);
        state.done.push(words);
        answer
    }

    async fn create_role(&self, _: &TenantId, _: NewRole, _: &str) -> Result<RoleId, Error> {
        unreachable!("moderation makes no roles")
    }

    async fn create_channel(&self, _: &TenantId, new: NewChannel, _: &str) -> Result<ChannelId, Error> {
        self.meet("thread")?;
        let mut state = self.lock();
        let parent = new.parent.expect("a thread is in a channel");
        // Made again it is the same one.
        if let Some(known) = state.threads.iter().find(|one| one.name == new.name && one.parent == parent) {
            return Ok(known.id);
        }
        state.next += 1;
        let id = ChannelId(state.next);
        let members = new.overwrites.iter().filter(|one| !one.role).map(|one| UserId(one.target)).collect();
        let private = !new.overwrites.is_empty();
        state.done.push(format!("thread {}", new.name));
        state.threads.push(Thread { id, name: new.name, parent, private, members });
        Ok(id)
    }
}

fn words(action: &GuildAction) -> String {
    match action {
        GuildAction::Ban { user, delete_seconds: 0 } => format!("ban {user}"),
        GuildAction::Ban { user, delete_seconds } => format!("ban {user} delete {delete_seconds}"),
        GuildAction::Unban { user } => format!("unban {user}"),
        GuildAction::Kick { user } => format!("kick {user}"),
        GuildAction::Timeout { user, until: Some(_) } => format!("timeout {user}"),
        GuildAction::Timeout { user, until: None } => format!("untimeout {user}"),
        GuildAction::AddRole { user, role } => format!("add {user} {role}"),
        GuildAction::RemoveRole { user, role } => format!("remove {user} {role}"),
        GuildAction::SetRoles { user, .. } => format!("roles {user}"),
        GuildAction::Nickname { user, nick } => format!("nick {user} {nick:?}"),
        GuildAction::Slowmode { channel, seconds } => format!("slowmode {channel} {seconds}"),
        GuildAction::SetOverwrite { channel, overwrite } => {
            format!("overwrite {channel} {}", overwrite.target)
        }
        GuildAction::DeleteMessages { messages, .. } => format!("delete {}", messages.len()),
        GuildAction::AddToThread { thread, user } => format!("let {user} into {thread}"),
        GuildAction::CloseThread { thread } => format!("close {thread}"),
    }
}

#[async_trait]
impl Courier for Fake {
    async fn post(
        &self,
        _: &TenantId,
        channel: ChannelId,
        document: &Document,
        nonce: &str,
    ) -> Result<MessageId, Error> {
        assert!((1..=25).contains(&nonce.chars().count()), "'{nonce}' is no nonce");
        self.meet(&format!("post {channel}"))?;
        let mut state = self.lock();
        if let Some(post) = state.posts.iter().find(|post| post.nonce == nonce && post.channel == channel) {
            return Ok(post.message);
        }
        state.next += 1;
        let message = MessageId(state.next);
        let (document, nonce) = (document.clone(), nonce.to_owned());
        state.posts.push(Posted { channel, message, document, nonce, edits: 0 });
        strike(&mut state.lost, &format!("post {channel}"))?;
        Ok(message)
    }

    async fn edit(&self, _: &TenantId, at: MessageLink, document: &Document) -> Result<(), Error> {
        self.meet(&format!("edit {}", at.channel))?;
        let mut state = self.lock();
        let post = state.posts.iter_mut().find(|post| post.message == at.message).ok_or_else(gone)?;
        post.document = document.clone();
        post.edits += 1;
        Ok(())
    }

    async fn direct(
        &self,
        _: &TenantId,
        user: UserId,
        document: &Document,
        nonce: &str,
    ) -> Result<Delivery, Error> {
        assert!((1..=25).contains(&nonce.chars().count()), "'{nonce}' is no nonce");
        self.meet(&format!("direct {user}"))?;
        let mut state = self.lock();
        // Who was thrown out shares no guild with the bot any more.
        let apart = state.bans.contains_key(&user) || !state.members.contains_key(&user);
        if state.closed.contains(&user) || (apart && !nonce.starts_with("verdict")) {
            return Ok(Delivery::Closed);
        }
        if !state.letters.iter().any(|(to, _, known)| *to == user && known == nonce) {
            state.letters.push((user, document.clone(), nonce.to_owned()));
        }
        Ok(Delivery::Delivered)
    }
}

/// Settings in memory.
#[derive(Clone, Default)]
pub struct FakeSettings(Arc<Mutex<HashMap<&'static str, Value>>>);

impl FakeSettings {
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        self.0.lock().unwrap().insert(key, value.into());
    }
}

#[async_trait]
impl Settings for FakeSettings {
    async fn value(&self, _: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        let set = self.0.lock().unwrap().get(setting.key).cloned();
        // Reading takes its time, so that what runs side by side takes turns here.
        tokio::task::yield_now().await;
        Ok(set.unwrap_or_else(|| setting.default_value()))
    }

    async fn set(&self, _: &Call, setting: &'static Setting, from: Value, to: Value) -> Result<(), Error> {
        let mut settings = self.0.lock().unwrap();
        let now = settings.get(setting.key).cloned().unwrap_or_else(|| setting.default_value());
        if now != from {
            return Err(Error::new(Kind::Conflict, "setting_moved", "Somebody else was faster."));
        }
        settings.insert(setting.key, to);
        Ok(())
    }
}

/// Game servers in memory.
#[derive(Clone, Default)]
pub struct FakeAccess(pub Arc<Mutex<AccessState>>);

#[derive(Default)]
pub struct AccessState {
    pub barred: BTreeMap<(ActorId, String), Bar>,
    pub failures: u32,
    pub calls: Vec<String>,
}

#[async_trait]
impl Access for FakeAccess {
    async fn bar(&self, _: &TenantId, person: &ActorId, bar: Bar) -> Result<Barred, Error> {
        let mut state = self.0.lock().unwrap();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(unreachable());
        }
        state.calls.push(format!("bar {person} {}", bar.case));
        let unknown = bar.servers.iter().filter(|name| *name != "survival").cloned().collect();
        state.barred.insert((person.clone(), bar.case.clone()), bar);
        Ok(Barred { applied: vec!["survival".to_owned()], unknown, ..Barred::default() })
    }

    async fn admit(&self, _: &TenantId, person: &ActorId, case: &str) -> Result<Barred, Error> {
        let mut state = self.0.lock().unwrap();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(unreachable());
        }
        state.calls.push(format!("admit {person} {case}"));
        state.barred.remove(&(person.clone(), case.to_owned()));
        Ok(Barred { applied: vec!["survival".to_owned()], ..Barred::default() })
    }
}

/// Ranks by role: staff are moderators, the top role administrators.
#[derive(Clone, Copy, Default)]
pub struct FakeRanks;

#[async_trait]
impl Ranking for FakeRanks {
    async fn rank(&self, member: &Member) -> Result<Rank, Error> {
        Ok(match member {
            _ if member.roles.contains(&TOP.0) => Rank::ADMIN,
            _ if member.roles.contains(&STAFF.0) => Rank::MODERATOR,
            _ => Rank::MEMBER,
        })
    }
}

/// What the community asks for operations, where it is not their own rank.
#[derive(Clone, Default)]
pub struct FakePermissions(Arc<Mutex<BTreeMap<&'static str, Rank>>>);

impl FakePermissions {
    pub fn require(&self, operation: &'static str, rank: Rank) {
        self.0.lock().unwrap().insert(operation, rank);
    }
}

#[async_trait]
impl Permissions for FakePermissions {
    async fn required(&self, _: &Actor, spec: &Spec) -> Result<Requirement, Error> {
        Ok(self.0.lock().unwrap().get(spec.name).copied().unwrap_or(spec.rank).into())
    }
}
