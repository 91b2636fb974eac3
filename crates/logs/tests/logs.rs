//! The logs as staff see them: what is written where, what is left out, and what is forgotten.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Document, Error, EventLog, Face, Kind, ManualClock, NewEvent, Rank,
    Reply, Request, Rich, Subject, TenantId,
    audit::{AuditLog, Record},
    guild::{
        Channel, ChannelId, ChannelKind, Courier, Delivery, Guild, GuildAction, GuildEvent, GuildListener,
        GuildMember, Guilds, Message, MessageId, MessageLink, NewChannel, NewRole, NoGuilds, Person, Role,
        RoleId, UserId, Voice,
    },
    incident::{Observer, Occurrence},
    notebook::Notebook as _,
    permission::DefaultRanks,
    setting::{Setting, SettingKind, Settings},
};
use guildhall_logs::{Logs, Parts, migrations};
use guildhall_store::{EventStore, NotebookStore, Store, testkit};
use serde_json::{Value, json};
use tokio::sync::watch;

const AUDIT: ChannelId = ChannelId(10);
const JOINS: ChannelId = ChannelId(11);
const MESSAGES: ChannelId = ChannelId(12);
const VOICE: ChannelId = ChannelId(13);
/// Where another crate puts what staff reads.
const REPORTS: Setting = Setting {
    key: "logs.reports",
    summary: "Where reports go.",
    kind: SettingKind::Channel,
    default: "null",
};
const GONE: ChannelId = ChannelId(99);

/// Everything that is posted, as text, and everything that went wrong.
#[derive(Default)]
struct Desk {
    posted: watch::Sender<Vec<(ChannelId, String)>>,
    noticed: Mutex<Vec<Occurrence>>,
    set: Mutex<HashMap<&'static str, Value>>,
}

impl Desk {
    async fn until(&self, count: usize) -> Vec<(ChannelId, String)> {
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
    async fn value(&self, _: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        let set = self.set.lock().unwrap().get(setting.key).cloned();
        Ok(set.unwrap_or_else(|| setting.default_value()))
    }
}

/// A guild of a category with a channel, in which there is a thread.
struct House;

const CATEGORY: u64 = 70;
const ROOM: u64 = 71;
const THREAD: u64 = 72;

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

struct World {
    desk: Arc<Desk>,
    clock: Arc<ManualClock>,
    logs: Arc<Logs>,
    events: EventStore,
    notebook: NotebookStore,
    tenant: TenantId,
    running: tokio::task::JoinHandle<()>,
    stop: Arc<tokio::sync::Notify>,
}

fn world(store: Store) -> World {
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
    async fn hear(&self, event: GuildEvent) {
        self.logs.notice(&self.tenant, &event).await;
    }

    /// Lets the moment in which lines are gathered pass, again and again until so many posts are there.
    async fn posts(&self, count: usize) -> Vec<(ChannelId, String)> {
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
    async fn end(self) -> Vec<(ChannelId, String)> {
        self.stop.notify_one();
        self.clock.advance(Duration::from_secs(10));
        self.running.await.unwrap();
        self.desk.posted.borrow().clone()
    }
}

fn message(id: u64, channel: u64, text: &str) -> Message {
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

fn member(user: u64) -> GuildMember {
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

fn deleted(channel: u64, ids: &[u64], known: Vec<Message>) -> GuildEvent {
    let messages = ids.iter().map(|id| MessageId(*id)).collect();
    GuildEvent::MessagesDeleted { channel: ChannelId(channel), messages, known }
}

#[tokio::test]
async fn an_edit_shows_both_texts_and_a_deletion_who_did_it() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.hear(GuildEvent::MessageWritten(message(1, 50, "the first text"))).await;
        let after = message(1, 50, "the second text");
        world.hear(GuildEvent::MessageEdited { before: None, after }).await;
        let posts = world.posts(1).await;
        assert_eq!(posts[0].0, MESSAGES);
        assert!(posts[0].1.contains("before: the first text"), "{posts:?}");
        assert!(posts[0].1.contains("after: the second text"), "{posts:?}");

        world.hear(deleted(50, &[1], Vec::new())).await;
        world
            .hear(GuildEvent::Audited {
                action: 72,
                by: Some(UserId(3)),
                target: Some(7),
                reason: Some("spam".into()),
                at: world.clock.now(),
            })
            .await;
        let posts = world.posts(2).await;
        assert!(posts[1].1.contains("the second text"), "{posts:?}");
        assert!(posts[1].1.contains("discord:3") && posts[1].1.contains("because: spam"), "{posts:?}");

        // It was forgotten with the deletion.
        world.hear(deleted(50, &[1], Vec::new())).await;
        assert!(!world.posts(3).await[2].1.contains("the second text"));
        world.end().await;
    }
}

#[tokio::test]
async fn what_people_wrote_is_kept_no_longer_than_the_guild_says() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("logs.keep_messages", json!("1h"));
        world.hear(GuildEvent::MessageWritten(message(1, 50, "an hour and no more"))).await;
        // Reading it back shows that it was written down, before time goes on.
        world.hear(GuildEvent::MessageEdited { before: None, after: message(1, 50, "still known") }).await;
        assert!(world.posts(1).await[0].1.contains("an hour and no more"));
        world.clock.advance(Duration::from_secs(3_700));
        let gone = async {
            loop {
                world.clock.advance(Duration::from_secs(61));
                let before = world.desk.posted.borrow().len();
                world.hear(GuildEvent::MessageEdited { before: None, after: message(1, 50, "x") }).await;
                if world.posts(before + 1).await[before].1.contains("before: not known") {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is forgotten");
        world.end().await;
    }
}

#[tokio::test]
async fn a_guild_that_keeps_nothing_has_nothing_kept() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("logs.keep_messages", Value::Null);
        world.hear(GuildEvent::MessageWritten(message(1, 50, "between us"))).await;
        world.hear(deleted(50, &[1], vec![message(1, 50, "between us")])).await;
        let posts = world.posts(1).await;
        assert!(!posts[0].1.contains("between us"), "{posts:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn ignored_channels_log_channels_and_bots_are_left_out() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", json!(["60"]));
    world.hear(deleted(60, &[1], vec![message(1, 60, "ignored")])).await;
    world.hear(deleted(MESSAGES.0, &[2], vec![message(2, MESSAGES.0, "a log of the log")])).await;
    world.desk.set.lock().unwrap().insert(REPORTS.key, json!(ChannelId(ROOM)));
    world.hear(deleted(ROOM, &[5], vec![message(5, ROOM, "a report")])).await;
    world.hear(deleted(THREAD, &[6], vec![message(6, THREAD, "what staff said of a report")])).await;
    let mut bot = message(3, 50, "a bot's");
    bot.author.bot = true;
    world.hear(deleted(50, &[3], vec![bot])).await;
    world.hear(deleted(50, &[4], vec![message(4, 50, "a person's")])).await;
    let posts = world.end().await;
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(text.contains("a person's"), "{posts:?}");
    for left_out in ["ignored", "a log of the log", "a report", "said of a report", "a bot's"] {
        assert!(!text.contains(left_out), "{posts:?}");
    }
}

#[tokio::test]
async fn what_is_not_logged_is_not_kept_either() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        let set = |key: &'static str, to: Value| {
            world.desk.set.lock().unwrap().insert(key, to);
        };
        set("logs.ignored_channels", json!([CATEGORY.to_string(), "60"]));
        for (id, channel) in [(1, 60), (2, ROOM), (3, THREAD)] {
            world.hear(GuildEvent::MessageWritten(message(id, channel, "between us"))).await;
        }
        set("logs.ignored_channels", json!([]));
        set("features.logs", json!(false));
        world.hear(GuildEvent::MessageWritten(message(4, 50, "between us"))).await;
        set("features.logs", json!(true));
        set("logs.messages", Value::Null);
        world.hear(GuildEvent::MessageWritten(message(5, 50, "between us"))).await;
        set("logs.messages", json!(MESSAGES));
        for (id, channel) in [(1, 60), (2, ROOM), (3, THREAD), (4, 50), (5, 50)] {
            world.hear(deleted(channel, &[id], Vec::new())).await;
        }
        let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(text.matches("1 messages were deleted").count(), 5, "{text}");
        assert!(!text.contains("between us"), "{text}");
    }
}

#[tokio::test]
async fn a_category_that_is_ignored_covers_its_channels_and_their_threads() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", json!([CATEGORY.to_string()]));
    for (id, channel) in [(1, ROOM), (2, THREAD), (3, 50)] {
        world.hear(deleted(channel, &[id], vec![message(id, channel, &format!("text {id}"))])).await;
    }
    let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("text 3") && !text.contains("text 1") && !text.contains("text 2"), "{text}");
}

#[tokio::test]
async fn a_guild_that_removes_the_bot_leaves_nothing_behind() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.hear(GuildEvent::MessageWritten(message(1, 50, "written down"))).await;
        // An edit of another message writes down what was only in memory.
        world.hear(GuildEvent::MessageEdited { before: None, after: message(9, 50, "another") }).await;
        world.hear(GuildEvent::MessageWritten(message(2, 50, "in memory"))).await;
        world.hear(GuildEvent::Removed).await;
        world.hear(deleted(50, &[1, 2], Vec::new())).await;
        let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
        assert!(text.contains("2 messages were deleted"), "{text}");
        assert!(!text.contains("written down") && !text.contains("in memory"), "{text}");
    }
}

#[tokio::test]
async fn a_purge_of_bots_and_people_shows_the_people() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let mut bot = message(1, 50, "a bot's");
    bot.author.bot = true;
    world.hear(deleted(50, &[1, 2], vec![bot.clone(), message(2, 50, "a person's")])).await;
    world.hear(deleted(50, &[1], vec![bot])).await;
    let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("a person's") && !text.contains("a bot's"), "{text}");
    assert_eq!(text.matches("messages were deleted").count(), 1, "a bot's own message is no line: {text}");
}

#[tokio::test]
async fn a_picture_added_to_a_link_is_no_edit() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for keep in [Value::Null, json!("1h")] {
        world.desk.set.lock().unwrap().insert("logs.keep_messages", keep);
        let (before, after) = (Some("a link".to_owned()), message(1, 50, "a link"));
        world.hear(GuildEvent::MessageEdited { before, after }).await;
    }
    assert_eq!(world.end().await, []);
}

#[tokio::test]
async fn joins_tell_invite_and_age_and_leaves_tell_a_kick_from_a_farewell() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let young = u64::try_from(world.clock.now().unix_timestamp() * 1_000 - 1_420_070_400_000).unwrap() << 22;
    let invite = Some(("welcome".to_owned(), Some(UserId(3))));
    world.hear(GuildEvent::MemberJoined { member: member(young), invite }).await;
    let left = |user: u64| GuildEvent::MemberLeft { user: UserId(user), name: "Bob".into(), before: None };
    world.hear(left(8)).await;
    world.hear(left(9)).await;
    let by = Some(UserId(3));
    let at = world.clock.now();
    world.hear(GuildEvent::Audited { action: 20, by, target: Some(9), reason: None, at }).await;
    let posts = world.end().await;
    assert!(posts.iter().all(|(channel, _)| *channel == JOINS));
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(text.contains("welcome") && text.contains("younger than a week"), "{text}");
    assert_eq!(text.matches("was thrown out").count(), 1, "{text}");
}

#[tokio::test]
async fn channels_roles_voice_and_settings_have_their_logs() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        let role = |name: &str| Role {
            id: RoleId(5),
            name: name.into(),
            position: 1,
            permissions: 0,
            color: 0,
            managed: false,
        };
        world.hear(GuildEvent::RoleChanged { before: Some(role("mods")), after: role("staff") }).await;
        let channel = Channel {
            id: ChannelId(50),
            name: "general".into(),
            kind: ChannelKind::Text,
            parent: None,
            slowmode: 0,
            overwrites: Vec::new(),
        };
        world.hear(GuildEvent::ChannelDeleted(channel)).await;
        let to = Voice { user: UserId(7), name: "Ann".into(), channel: Some(ChannelId(70)) };
        world.hear(GuildEvent::VoiceMoved { from: None, to }).await;
        let event = NewEvent {
            tenant: world.tenant.clone(),
            subject: Subject::Community,
            kind: "setting.changed".into(),
            run: None,
            outcome: None,
            data: json!({}),
            document: Some(
                Document::titled("The configuration has changed")
                    .field("what", Rich::new().code("general.prefix"))
                    .field("to", "!"),
            ),
            tell: None,
        };
        let posts = world.posts(2).await;
        // What happened before the logs first ran is not told, so they have to be there.
        while world.notebook.get(&"system".parse().unwrap(), "logs", "cursor").await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        world.events.append(event).await.unwrap();
        let all = world.posts(posts.len() + 1).await;
        let of = |log: ChannelId| {
            all.iter()
                .filter(|(channel, _)| *channel == log)
                .map(|(_, text)| text.as_str())
                .collect::<String>()
        };
        let audit = of(AUDIT);
        assert!(audit.contains("mods → staff") && audit.contains("#general"), "{audit}");
        for said in ["The configuration has changed", "what: ", "general.prefix", "to: "] {
            assert!(audit.contains(said), "{said} of {audit}");
        }
        assert!(of(VOICE).contains("entered"), "{all:?}");
        world.end().await;
    }
}

fn room(id: u64, parent: Option<u64>, name: &str) -> Channel {
    Channel {
        id: ChannelId(id),
        name: name.to_owned(),
        kind: ChannelKind::Text,
        parent: parent.map(ChannelId),
        slowmode: 0,
        overwrites: Vec::new(),
    }
}

fn moved(name: &str, from: Option<u64>, to: Option<u64>) -> GuildEvent {
    let to = Voice { user: UserId(7), name: name.to_owned(), channel: to.map(ChannelId) };
    GuildEvent::VoiceMoved { from: from.map(ChannelId), to }
}

#[tokio::test]
async fn of_a_channel_that_is_ignored_no_voice_and_no_change_is_logged() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let ignored = json!(["60", CATEGORY.to_string()]);
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", ignored);
    for (from, to) in [(None, Some(60)), (Some(60), None), (Some(60), Some(ROOM)), (None, Some(ROOM))] {
        world.hear(moved("Quiet", from, to)).await;
    }
    world.hear(moved("Eve", Some(50), Some(60))).await;
    world.hear(moved("Zoe", Some(ROOM), Some(50))).await;
    // Discord, asked for 73, does not know it any more; its category stands in what it tells of it.
    for (id, parent) in [(60, None), (ROOM, Some(CATEGORY)), (73, Some(CATEGORY))] {
        world.hear(GuildEvent::ChannelCreated(room(id, parent, "quiet"))).await;
        let (before, after) = (Some(room(id, parent, "still")), room(id, parent, "quiet"));
        world.hear(GuildEvent::ChannelChanged { before, after }).await;
        world.hear(GuildEvent::ChannelDeleted(room(id, parent, "quiet"))).await;
    }
    world.hear(GuildEvent::ChannelDeleted(room(50, None, "loud"))).await;
    let posts = world.end().await;
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!text.contains("Quiet") && !text.contains("quiet"), "{text}");
    assert!(!text.contains("the channel 60") && !text.contains(&format!("the channel {ROOM}")), "{text}");
    assert!(text.contains("Eve") && text.contains(" left ") && !text.contains(" went from "), "{text}");
    assert!(text.contains("Zoe") && text.contains(" entered "), "{text}");
    assert!(text.contains("#loud"), "{text}");
}

impl World {
    /// Lets something happen for each log, and a setting be changed.
    async fn something_for_each_log(&self) {
        self.hear(GuildEvent::ChannelDeleted(room(50, None, "general"))).await;
        self.hear(GuildEvent::MemberJoined { member: member(8), invite: None }).await;
        self.hear(deleted(50, &[1], vec![message(1, 50, "text")])).await;
        self.hear(moved("Ann", None, Some(50))).await;
        let home = "system".parse().unwrap();
        let noted = async || self.notebook.get(&home, "logs", "cursor").await.unwrap();
        while noted().await.is_none() {
            tokio::task::yield_now().await;
        }
        let event = NewEvent {
            tenant: self.tenant.clone(),
            subject: Subject::Community,
            kind: "setting.changed".into(),
            run: None,
            outcome: None,
            data: json!({}),
            document: Some(Document::titled("The configuration has changed")),
            tell: None,
        };
        self.events.append(event).await.unwrap();
        let read = json!(self.events.newest().await.unwrap());
        while noted().await.is_none_or(|cursor| cursor != read) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_log_that_is_not_set_is_not_written_and_the_others_are() {
    let logs =
        [("logs.audit", AUDIT), ("logs.joins", JOINS), ("logs.messages", MESSAGES), ("logs.voice", VOICE)];
    for off in logs {
        let store = testkit::sqlite(migrations()).await;
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert(off.0, Value::Null);
        world.something_for_each_log().await;
        let mut written: Vec<ChannelId> = world.end().await.into_iter().map(|(channel, _)| channel).collect();
        written.sort_unstable();
        written.dedup();
        let others: Vec<ChannelId> =
            logs.iter().map(|(_, channel)| *channel).filter(|channel| *channel != off.1).collect();
        assert_eq!(written, others, "without {}", off.0);
    }
}

#[tokio::test]
async fn nothing_is_written_where_the_feature_is_off() {
    for (on, expected) in [(true, 4), (false, 0)] {
        let store = testkit::sqlite(migrations()).await;
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("features.logs", json!(on));
        world.something_for_each_log().await;
        let posts = world.end().await;
        let channels: std::collections::BTreeSet<ChannelId> =
            posts.iter().map(|(channel, _)| *channel).collect();
        assert_eq!(channels.len(), expected, "{posts:?}");
    }
}

/// Keeps no records.
struct Nowhere;

#[async_trait]
impl AuditLog for Nowhere {
    async fn record(&self, _: Record) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_check_writes_to_each_log_and_says_which_does_not_work() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.joins", Value::Null);
    world.desk.set.lock().unwrap().insert("logs.voice", json!(GONE));
    let catalogue = Catalogue::builder(Arc::new(Nowhere), world.clock.clone(), Arc::new(DefaultRanks))
        .add(guildhall_logs::operations(), world.logs.clone())
        .build();
    let actor = Actor {
        tenant: world.tenant.clone(),
        id: ActorId::discord(3),
        name: "Ada".to_owned(),
        face: Face::Discord,
        rank: Rank::ADMIN,
        scope: None,
    };
    let reply = catalogue.call(Request::json(actor, "logs check", json!({}))).await.unwrap();
    let Reply::Done { data, document, .. } = reply else { panic!("{reply:?}") };
    let seen: Vec<_> = data.as_array().unwrap().iter().map(|one| (&one["log"], &one["problem"])).collect();
    let gone = json!("There is no such channel.");
    let expected = [
        (json!("logs.audit"), Value::Null),
        (json!("logs.joins"), Value::Null),
        (json!("logs.messages"), Value::Null),
        (json!("logs.voice"), gone),
    ];
    assert_eq!(seen, expected.iter().map(|(log, problem)| (log, problem)).collect::<Vec<_>>());
    let said = serde_json::to_string(&document).unwrap();
    assert!(said.contains("off; set a channel to turn it on") && said.contains("works"), "{said}");
    let posts = world.end().await;
    let channels: Vec<ChannelId> = posts.iter().map(|(channel, _)| *channel).collect();
    assert_eq!(channels, [AUDIT, MESSAGES], "{posts:?}");
    assert!(posts.iter().all(|(_, text)| text.contains("This log works; ")), "{posts:?}");
}

#[tokio::test]
async fn a_flood_is_summed_up() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for id in 1..=400 {
        world.hear(deleted(50, &[id], vec![message(id, 50, "flood")])).await;
    }
    let posts = world.end().await;
    assert!(posts.len() <= 12, "{} posts", posts.len());
    let shown: usize = posts.iter().map(|(_, text)| text.matches("was deleted in").count()).sum();
    let left_out: usize = posts
        .iter()
        .filter_map(|(_, text)| text.split("and ").nth(1)?.split(" more").next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(shown + left_out, 400, "{posts:?}");
}

#[tokio::test]
async fn a_log_channel_that_is_gone_is_an_error_that_somebody_hears_of() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.voice", json!(GONE));
    let to = Voice { user: UserId(7), name: "Ann".into(), channel: Some(ChannelId(70)) };
    world.hear(GuildEvent::VoiceMoved { from: None, to }).await;
    let desk = world.desk.clone();
    world.end().await;
    assert_eq!(desk.noticed.lock().unwrap()[0].code, "log_channel_gone");
}

#[test]
fn both_languages_say_everything() {
    assert_eq!(guildhall_core::language::gaps(&[guildhall_logs::LOCALES]), Vec::<String>::new());
}
