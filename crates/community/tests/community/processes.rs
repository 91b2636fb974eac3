//! Several processes on one database: what one changes the others see, with Redis, without it, and while it
//! breaks.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use guildhall_community::CommunityConfig;
use guildhall_core::{
    Clock, Kind, SystemClock,
    fault::{Point, Strike},
    incident::{Observer, Occurrence},
    setting::Settings as _,
    upstream::Health,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::world::{ADMIN, PREFIX, World, world_with, worlds};

/// A Redis server of the test's own.
struct Redis {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// `None`, with a line that says so, where it is not installed.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut redis = Self { port, folder: TempDir::with_prefix("guildhall-redis-").unwrap(), child: None };
        match redis.launch() {
            Ok(()) => Some(redis),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("skipped, because redis-server is not installed");
                None
            }
            Err(error) => panic!("redis-server does not start: {error}"),
        }
    }

    fn launch(&mut self) -> std::io::Result<()> {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.arg("--dir").arg(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn()?);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Holds the process still, or lets it go on: it keeps its connections and answers nothing.
    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn config(&self) -> CommunityConfig {
        CommunityConfig {
            redis: Some(format!("redis://127.0.0.1:{}/0", self.port).into()),
            ..CommunityConfig::default()
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A world whose community listens; it stops with the world.
struct Process {
    world: World,
    _running: oneshot::Sender<()>,
}

impl Process {
    fn of(world: World) -> Self {
        let (running, stopped) = oneshot::channel::<()>();
        tokio::spawn(world.community.clone().run(async move { drop(stopped.await) }));
        Self { world, _running: running }
    }

    async fn prefix(&self) -> Value {
        self.world.value(&PREFIX).await
    }

    async fn set(&self, value: &str) {
        self.world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": value})).await;
    }
}

/// Waits until it is so.
async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < deadline, "it never came to that: {what}");
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
}

/// Two processes that hear of each other's changes: their clocks stand still, so nothing else helps.
async fn two(redis: &Redis) -> (Process, Process) {
    let one = Process::of(world_with(redis.config()).await);
    let two = Process::of(one.world.beside(redis.config()).await);
    hear_each_other(&one, &two).await;
    (one, two)
}

async fn hear_each_other(one: &Process, two: &Process) {
    // On a busy machine Redis may miss its half second, and then a word is lost. In 50 seconds no book gets too
    // old by itself.
    static VALUES: AtomicU32 = AtomicU32::new(0);
    for _ in 0..50 {
        // Reading first, so that the change has an old value to replace.
        two.prefix().await;
        let value = format!("a{}", VALUES.fetch_add(1, Ordering::Relaxed));
        one.set(&value).await;
        let heard = Instant::now() + Duration::from_millis(500);
        while Instant::now() < heard {
            if two.prefix().await == json!(value) {
                return;
            }
            SystemClock.sleep(Duration::from_millis(5)).await;
        }
        one.world.clock.advance(Duration::from_secs(1));
    }
    panic!("they do not hear each other");
}

#[tokio::test]
async fn with_redis_others_see_a_change_at_once() {
    let Some(redis) = Redis::start() else { return };
    let (one, two) = two(&redis).await;
    hear_each_other(&two, &one).await;
    hear_each_other(&one, &two).await;
    // A process reads what another left in Redis: the database is not needed for it.
    let third = Process::of(one.world.beside(redis.config()).await);
    until("the third is connected", async || {
        third.prefix().await;
        third.world.community.is_connected()
    })
    .await;
    one.set("e").await;
    third.world.inner.close().await.unwrap();
    until("the third reads it from Redis", async || {
        one.world.clock.advance(Duration::from_secs(1));
        one.world.community.forget(&one.world.tenant);
        one.prefix().await;
        third.world.community.forget(&third.world.tenant);
        let read = third.world.community.value(&third.world.tenant, &PREFIX).await;
        read.is_ok_and(|value| value == json!("e"))
    })
    .await;
}

#[tokio::test]
async fn without_redis_everything_works_and_is_stale_for_seconds_only() {
    let Some(mut redis) = Redis::start() else { return };
    let (one, two) = two(&redis).await;
    redis.stop();
    until("both know that it is gone", async || {
        !one.world.community.is_connected() && !two.world.community.is_connected()
    })
    .await;
    two.prefix().await;
    one.set("b").await;
    assert_eq!(one.prefix().await, json!("b"), "who changed it sees it at once");
    one.world.clock.advance(Duration::from_secs(5));
    assert_eq!(two.prefix().await, json!("b"), "the others after five seconds");

    redis.launch().unwrap();
    until("both are back", async || {
        one.world.clock.advance(Duration::from_secs(10));
        one.prefix().await;
        two.prefix().await;
        one.world.community.is_connected() && two.world.community.is_connected()
    })
    .await;
    hear_each_other(&one, &two).await;
}

#[tokio::test]
async fn who_starts_before_redis_joins_when_it_is_there() {
    let Some(mut redis) = Redis::start() else { return };
    redis.stop();
    let one = Process::of(world_with(redis.config()).await);
    let two = Process::of(one.world.beside(redis.config()).await);
    one.set("b").await;
    assert_eq!((one.prefix().await, two.prefix().await), (json!("b"), json!("b")));
    redis.launch().unwrap();
    until("both are connected", async || {
        one.world.community.is_connected() && two.world.community.is_connected()
    })
    .await;
    hear_each_other(&one, &two).await;
}

/// Keeps what it hears of.
#[derive(Default)]
struct Heard(Mutex<Vec<Occurrence>>);

impl Observer for Heard {
    fn notice(&self, occurrence: Occurrence) {
        self.0.lock().unwrap().push(occurrence);
    }
}

#[tokio::test]
async fn each_outage_of_redis_is_told_once_and_ends() {
    let Some(mut redis) = Redis::start() else { return };
    redis.stop();
    let world = world_with(redis.config()).await;
    let heard = Arc::<Heard>::default();
    world.community.report_to(heard.clone());
    let one = Process::of(world);
    let told = || heard.0.lock().unwrap().len();
    let passing = || one.world.clock.advance(Duration::from_secs(1));
    until("the outage is told", async || {
        passing();
        told() == 1
    })
    .await;
    assert_eq!(one.world.community.redis(), Some(Health::Open));
    let first = heard.0.lock().unwrap()[0].clone();
    assert_eq!((first.code, first.kind), ("redis_unreachable", Kind::Upstream));
    redis.launch().unwrap();
    until("it is back", async || {
        passing();
        one.world.community.redis() == Some(Health::Closed)
    })
    .await;
    assert_eq!(told(), 1, "the same outage is told once");
    // Who is back for less than a second was away all the time: it is looked once a second.
    let back = Instant::now();
    until("it has been looked again", async || back.elapsed() > Duration::from_secs(3)).await;
    redis.stop();
    until("the next outage is told", async || {
        passing();
        told() == 2
    })
    .await;
}

#[tokio::test]
async fn whoever_has_changed_a_setting_reads_the_change_whatever_others_read_meanwhile() {
    for world in worlds().await {
        let name = world.store.name;
        let stop = AtomicBool::new(false);
        let reading = async {
            while !stop.load(Ordering::Relaxed) {
                world.community.forget(&world.tenant);
                world.value(&PREFIX).await;
                // What was just read stays in the cache while the other one looks.
                tokio::task::yield_now().await;
            }
        };
        let writing = async {
            for n in 0..60 {
                // The rate limit is not what is tried here.
                world.clock.advance(Duration::from_secs(1));
                let value = format!("w{n}");
                world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": value})).await;
                assert_eq!(world.value(&PREFIX).await, json!(value), "{name}");
            }
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(reading, async { tokio::join!(writing).0 });
    }
}

#[tokio::test]
async fn a_redis_that_does_not_answer_holds_nobody_up() {
    let Some(redis) = Redis::start() else { return };
    let (one, _two) = two(&redis).await;
    redis.signal("-STOP");
    let began = Instant::now();
    for n in 0..10 {
        one.set(&format!("c{n}")).await;
        one.world.community.forget(&one.world.tenant);
        assert_eq!(one.prefix().await, json!(format!("c{n}")));
    }
    // Three calls wait for half a second each; then the breaker leaves Redis alone.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    redis.signal("-CONT");

    // The same, rehearsed.
    let slow = Strike::Slow { millis: 60_000 };
    one.world.clock.advance(Duration::from_secs(10));
    one.world.faults.put(Point::Upstream("redis".to_owned()), slow, 100, Duration::from_secs(3_600)).unwrap();
    let began = Instant::now();
    for _ in 0..5 {
        one.world.community.forget(&one.world.tenant);
        one.prefix().await;
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn two_processes_without_redis_agree_after_a_bounded_time() {
    for world in worlds().await {
        let name = world.store.name;
        let beside = world.beside(CommunityConfig::default()).await;
        assert_eq!(beside.value(&PREFIX).await, json!("!"), "{name}");
        world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": "?"})).await;
        // Five seconds on PostgreSQL. SQLite is for one process; a second one is a minute behind at most.
        let bound = if name == "PostgreSQL" { 5 } else { 60 };
        world.clock.advance(Duration::from_secs(bound));
        assert_eq!(beside.value(&PREFIX).await, json!("?"), "{name}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_said_without_its_password() {
    let check = |url: &str| {
        CommunityConfig { redis: Some(url.to_owned().into()), ..CommunityConfig::default() }.check()
    };
    assert!(check("redis://user:hunter2@127.0.0.1:6379/0").is_ok());
    for wrong in
        ["rediss://user:hunter2@host:6379", "http://user:hunter2@host", "hunter2", "redis://:hunter2@:x"]
    {
        let problem = check(wrong).unwrap_err();
        assert!(!problem.contains("hunter2") && problem.contains("redis://"), "{wrong}: {problem}");
    }
}
