//! Logs with a real store, a desk that remembers what is posted, and a clock that only the tests move.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Document, Error, Kind, ManualClock, NewEvent, Subject, TenantId,
    guild::{
        Channel, ChannelId, ChannelKind, Courier, Delivery, Guild, GuildAction, GuildEvent, GuildListener,
        GuildMember, Guilds, Message, MessageId, MessageLink, NewChannel, NewRole, NoGuilds, Person, RoleId,
        UserId, Voice,
    },
    incident::{Observer, Occurrence},
    setting::{Setting, SettingKind, Settings},
};
use guildhall_logs::{Logs, Parts};
use guildhall_store::{EventStore, NotebookStore, Store};
use serde_json::{Value, json};
use tokio::sync::watch;

pub const AUDIT: ChannelId = ChannelId(10);
pub const JOINS: ChannelId = ChannelId(11);
pub const MESSAGES: ChannelId = ChannelId(12);
pub const VOICE: ChannelId = ChannelId(13);
/// Where another crate puts what staff reads.
pub const REPORTS: Setting = Setting {
    key: "logs.reports",
    summary: "Where reports go.",
    kind: SettingKind::Channel,
    default: "null",
};
pub const GONE: ChannelId = ChannelId(99);

/// Everything that is posted, as text, and everything that went wrong.
#[derive(Default)]
pub struct Desk {
    pub posted: watch::Sender<Vec<(ChannelId, String)>>,
    pub noticed: Mutex<Vec<Occurrence>>,
    pub set: Mutex<HashMap<&'static str, Value>>,
    /// The settings of these communities cannot be read, so many times.
    pub unreadable: Mutex<HashMap<TenantId, (u32, Kind)>>,
}

impl Desk {
    pub async fn until(&self, count: usize) -> Vec<(ChannelId, String)> {
        let mut posted = self.posted.subscribe();
        let wait = posted.wait_for(|posted| posted.len() >= count);
        let posted = tokio::time::timeout(Duration::from_secs(20), wait).await;
        posted.unwrap_or_else(|_| panic!("only {:?} was posted", self.posted.borrow())).unwrap().clone()
    }
}

#[async_trait]
impl Courier for Desk {
    async fn post(
        &self,
        _: &TenantId,
        channel: ChannelId,
        document: &Document,
        _: &str,
    ) -> Result<MessageId, Error> {
        if channel == GONE {
            return Err(Error::new(Kind::NotFound, "guild_unknown", "There is no such channel."));
        }
        let text = serde_json::to_string(document).unwrap();
        self.posted.send_modify(|posted| posted.push((channel, text)));
        Ok(MessageId(1))
    }
    async fn edit(&self, _: &TenantId, _: MessageLink, _: &Document) -> Result<(), Error> {
        panic!("a log is never edited")
    }
    async fn direct(&self, _: &TenantId, _: UserId, _: &Document, _: &str) -> Result<Delivery, Error> {
        panic!("a log writes to nobody")
    }
}

impl Observer for Desk {
    fn notice(&self, occurrence: Occurrence) {
        self.noticed.lock().unwrap().push(occurrence);
    }
}

#[async_trait]
impl Settings for Desk {
    async fn value(&self, tenant: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        if let Some((left @ 1.., kind)) = self.unreadable.lock().unwrap().get_mut(tenant) {
            *left -= 1;
            return Err(Error::new(*kind, "unreadable", "It cannot be read."));
        }
        let set = self.set.lock().unwrap().get(setting.key).cloned();
        Ok(set.unwrap_or_else(|| setting.default_value()))
    }
}

/// A guild of a category with a channel, in which there is a thread.
pub struct House;

pub const CATEGORY: u64 = 70;
pub const ROOM: u64 = 71;
pub const THREAD: u64 = 72;

#[async_trait]
impl Guilds for House {
    async fn guild(&self, tenant: &TenantId) -> Result<Guild, Error> {
        NoGuilds.guild(tenant).await
    }
    async fn channel(&self, _: &TenantId, channel: ChannelId) -> Result<Option<Channel>, Error> {
        let (kind, parent) = match channel.0 {
            CATEGORY => (ChannelKind::Category, None),
            ROOM => (ChannelKind::Text, Some(ChannelId(CATEGORY))),
            THREAD => (ChannelKind::Thread, Some(ChannelId(ROOM))),
            _ => return Ok(None),
        };
        let name = "a channel".to_owned();
        Ok(Some(Channel { id: channel, name, kind, parent, slowmode: 0, overwrites: Vec::new() }))
    }
    async fn member(&self, tenant: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        NoGuilds.member(tenant, user).await
    }
    async fn myself(&self, tenant: &TenantId) -> Result<GuildMember, Error> {
        NoGuilds.myself(tenant).await
    }
    async fn find(&self, tenant: &TenantId, text: &str, limit: u16) -> Result<Vec<GuildMember>, Error> {
        NoGuilds.find(tenant, text, limit).await
    }
    async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        NoGuilds.person(user).await
    }
    async fn banned(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, Error> {
        NoGuilds.banned(tenant, user).await
    }
    async fn messages(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<Message>, Error> {
        NoGuilds.messages(tenant, channel, before, limit).await
    }
    async fn message(&self, tenant: &TenantId, at: MessageLink) -> Result<Option<Message>, Error> {
        NoGuilds.message(tenant, at).await
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

pub struct World {
    pub desk: Arc<Desk>,
    pub clock: Arc<ManualClock>,
    pub logs: Arc<Logs>,
    pub events: EventStore,
    pub notebook: NotebookStore,
    pub tenant: TenantId,
    pub running: tokio::task::JoinHandle<()>,
    pub stop: Arc<tokio::sync::Notify>,
}

pub fn world(store: Store) -> World {
    let desk = Arc::new(Desk::default());
    for (key, channel) in
        [("logs.audit", AUDIT), ("logs.joins", JOINS), ("logs.messages", MESSAGES), ("logs.voice", VOICE)]
    {
        desk.set.lock().unwrap().insert(key, json!(channel));
    }
    desk.set.lock().unwrap().insert("logs.keep_messages", json!("1d"));
    let clock = Arc::<ManualClock>::default();
    let events = EventStore::new(store.clone(), clock.clone());
    let notebook = NotebookStore::new(store.clone());
    let logs = Logs::new(Parts {
        store,
        settings: desk.clone(),
        places: guildhall_logs::SETTINGS
            .iter()
            .copied()
            .filter(|one| one.kind == SettingKind::Channel)
            .chain([&REPORTS])
            .collect(),
        guilds: Arc::new(House),
        courier: desk.clone(),
        events: Arc::new(events.clone()),
        notebook: Arc::new(notebook.clone()),
        observer: desk.clone(),
        clock: clock.clone(),
    });
    let stop = Arc::new(tokio::sync::Notify::new());
    let ending = stop.clone();
    let running = tokio::spawn(logs.clone().run(async move { ending.notified().await }));
    World { desk, clock, logs, events, notebook, tenant: "roses".parse().unwrap(), running, stop }
}

impl World {
    pub async fn hear(&self, event: GuildEvent) {
        self.logs.notice(&self.tenant, &event).await;
    }

    /// Lets the moment in which lines are gathered pass, again and again until so many posts are there.
    pub async fn posts(&self, count: usize) -> Vec<(ChannelId, String)> {
        let moving = async {
            loop {
                self.clock.advance(Duration::from_secs(2));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            posted = self.desk.until(count) => posted,
            () = moving => unreachable!("it never ends by itself"),
        }
    }

    /// Ends the logs; what has come in by then is posted.
    pub async fn end(self) -> Vec<(ChannelId, String)> {
        self.stop.notify_one();
        self.clock.advance(Duration::from_secs(10));
        self.running.await.unwrap();
        self.desk.posted.borrow().clone()
    }
}

pub fn message(id: u64, channel: u64, text: &str) -> Message {
    Message {
        id: MessageId(id),
        channel: ChannelId(channel),
        author: Person { user: UserId(7), username: "ann".into(), name: "Ann".into(), bot: false },
        roles: Vec::new(),
        content: text.to_owned(),
        attachments: Vec::new(),
        at: ManualClock::default().now(),
    }
}

pub fn member(user: u64) -> GuildMember {
    GuildMember {
        user: UserId(user),
        username: "bob".into(),
        name: "Bob".into(),
        nick: None,
        roles: Vec::new(),
        bot: false,
        joined: None,
        timeout: None,
    }
}

pub fn deleted(channel: u64, ids: &[u64], known: Vec<Message>) -> GuildEvent {
    let messages = ids.iter().map(|id| MessageId(*id)).collect();
    GuildEvent::MessagesDeleted { channel: ChannelId(channel), messages, known }
}

pub fn room(id: u64, parent: Option<u64>, name: &str) -> Channel {
    Channel {
        id: ChannelId(id),
        name: name.to_owned(),
        kind: ChannelKind::Text,
        parent: parent.map(ChannelId),
        slowmode: 0,
        overwrites: Vec::new(),
    }
}

pub fn moved(name: &str, from: Option<u64>, to: Option<u64>) -> GuildEvent {
    let to = Voice { user: UserId(7), name: name.to_owned(), channel: to.map(ChannelId) };
    GuildEvent::VoiceMoved { from: from.map(ChannelId), to }
}

pub fn setting_changed(tenant: &TenantId, title: &str) -> NewEvent {
    NewEvent {
        tenant: tenant.clone(),
        subject: Subject::Community,
        kind: "setting.changed".into(),
        run: None,
        outcome: None,
        data: json!({}),
        document: Some(Document::titled(title)),
        tell: None,
    }
}
