//! The logs as staff see them: what is written where, what is left out, and what is forgotten.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Document, Error, EventLog, Kind, ManualClock, NewEvent, Subject, TenantId,
    guild::{
        Channel, ChannelId, Courier, Delivery, GuildEvent, GuildListener, GuildMember, Message, MessageId,
        MessageLink, NoGuilds, Person, Role, RoleId, UserId, Voice,
    },
    incident::{Observer, Occurrence},
    notebook::Notebook as _,
    setting::{Setting, Settings},
};
use guildhall_logs::{Logs, Parts, migrations};
use guildhall_store::{EventStore, NotebookStore, Store, testkit};
use serde_json::{Value, json};
use tokio::sync::watch;

const AUDIT: ChannelId = ChannelId(10);
const JOINS: ChannelId = ChannelId(11);
const MESSAGES: ChannelId = ChannelId(12);
const VOICE: ChannelId = ChannelId(13);
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
    let clock = Arc::<ManualClock>::default();
    let events = EventStore::new(store.clone(), clock.clone());
    let notebook = NotebookStore::new(store.clone());
    let logs = Logs::new(Parts {
        store,
        settings: desk.clone(),
        guilds: Arc::new(NoGuilds),
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
    let mut bot = message(3, 50, "a bot's");
    bot.author.bot = true;
    world.hear(deleted(50, &[3], vec![bot])).await;
    world.hear(deleted(50, &[4], vec![message(4, 50, "a person's")])).await;
    let posts = world.end().await;
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(text.contains("a person's"), "{posts:?}");
    for left_out in ["ignored", "a log of the log", "a bot's"] {
        assert!(!text.contains(left_out), "{posts:?}");
    }
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
            kind: guildhall_core::guild::ChannelKind::Text,
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
            document: Some(Document::default().text("Ann set general.prefix to !")),
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
        assert!(audit.contains("Ann set general.prefix to !"), "{audit}");
        assert!(of(VOICE).contains("entered"), "{all:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn a_flood_is_summed_up() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for id in 1..=100 {
        world.hear(deleted(50, &[id], vec![message(id, 50, "flood")])).await;
    }
    let posts = world.end().await;
    assert!(posts.len() < 20, "{} posts", posts.len());
    let shown: usize = posts.iter().map(|(_, text)| text.matches("was deleted in").count()).sum();
    let left_out: usize = posts
        .iter()
        .filter_map(|(_, text)| text.split("and ").nth(1)?.split(" more").next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(shown + left_out, 100, "{posts:?}");
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
