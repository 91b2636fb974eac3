//! Another system that fails, as who asks it sees it: how often it is asked, after which pauses, and when it is
//! left alone. The clock stands still but for the pauses, so that they can be counted.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Error, Kind, ManualClock,
    fault::{Faults, Point, Strike},
    upstream::{Health, Policy, Upstream},
};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A clock on which every wait is over at once, and noted.
#[derive(Default)]
struct Pauses {
    clock: ManualClock,
    waited: Mutex<Vec<Duration>>,
    /// Uneven ids, since the pauses' jitter comes from them.
    ids: AtomicU32,
}

#[async_trait]
impl Clock for Pauses {
    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        let uneven = self.ids.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_761);
        Uuid::from_u64_pair(0, u64::from(uneven))
    }

    async fn sleep_until(&self, until: OffsetDateTime) {
        let pause = Duration::try_from(until - self.now()).unwrap_or_default();
        self.waited.lock().unwrap().push(pause);
        self.clock.advance(pause);
    }
}

const POLICY: Policy = Policy {
    attempts: 6,
    pause: Duration::from_millis(100),
    longest: Duration::from_secs(1),
    failures: 100,
    rest: Duration::from_secs(30),
};

struct Other {
    upstream: Upstream,
    faults: Faults,
    clock: Arc<Pauses>,
    asked: AtomicU32,
}

impl Other {
    fn new(policy: Policy) -> Self {
        let clock = Arc::<Pauses>::default();
        let faults = Faults::new(clock.clone());
        let upstream = Upstream::new("discord", policy, clock.clone(), faults.clone());
        Self { upstream, faults, clock, asked: AtomicU32::new(0) }
    }

    /// Asks; `answer` makes the answer to each attempt, of which the first is 1.
    async fn ask(&self, answer: impl Fn(u32) -> Result<(), Error>) -> Result<(), Error> {
        self.asked.store(0, Ordering::Relaxed);
        self.clock.waited.lock().unwrap().clear();
        self.upstream.call(|| async { answer(self.asked.fetch_add(1, Ordering::Relaxed) + 1) }).await
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn waited(&self) -> Vec<Duration> {
        self.clock.waited.lock().unwrap().clone()
    }
}

fn away() -> Error {
    Error::new(Kind::Upstream, "bad_gateway", "502")
}

#[tokio::test]
async fn pauses_grow_up_to_the_longest_and_are_not_all_alike() {
    let other = Other::new(POLICY);
    let mut firsts = Vec::new();
    for _ in 0..20 {
        assert_eq!(other.ask(|_| Err(away())).await.unwrap_err().code, "bad_gateway");
        assert_eq!(other.asked(), POLICY.attempts);
        let waited = other.waited();
        assert_eq!(waited.len(), 5, "none after the last attempt");
        for (number, pause) in waited.iter().enumerate() {
            let doubled = POLICY.pause * (1 << number);
            let most = (doubled * 3 / 2).min(POLICY.longest);
            assert!(*pause >= doubled.min(POLICY.longest) && *pause <= most, "{number}: {pause:?}");
        }
        assert_eq!(waited[4], POLICY.longest);
        firsts.push(waited[0]);
        // The breaker is another test's.
        other.ask(|_| Ok(())).await.unwrap();
    }
    firsts.sort();
    firsts.dedup();
    assert!(firsts.len() > 10, "they are spread out: {firsts:?}");
}

#[tokio::test]
async fn who_says_when_to_come_back_is_believed_up_to_a_bound() {
    let other = Other::new(POLICY);
    let after = |pause| away().retry_after(pause);
    let pause = Duration::from_millis(777);
    other.ask(|attempt| if attempt < 3 { Err(after(pause)) } else { Ok(()) }).await.unwrap();
    assert_eq!(other.waited(), [pause, pause]);

    let long = Duration::from_millis(1_001);
    let error = other.ask(|_| Err(after(long))).await.unwrap_err();
    assert_eq!((other.asked(), other.waited().len(), error.retry_after), (1, 0, Some(long)));
}

#[tokio::test]
async fn a_breaker_opens_lets_one_try_and_closes_again() {
    let policy = Policy { attempts: 1, failures: 3, ..POLICY };
    let other = Other::new(policy);
    for _ in 0..2 {
        other.ask(|_| Err(away())).await.unwrap_err();
        assert_eq!(other.upstream.health(), Health::Closed);
    }
    // One that works forgets the failures before it.
    other.ask(|_| Ok(())).await.unwrap();
    for _ in 0..3 {
        other.ask(|_| Err(away())).await.unwrap_err();
    }
    assert_eq!(other.upstream.health(), Health::Open);
    let told = other.ask(|_| Ok(())).await.unwrap_err();
    assert_eq!((told.code, other.asked()), ("upstream_down", 0), "nobody asks");
    assert!(told.retry_after.is_some_and(|wait| wait >= policy.rest), "{:?}", told.retry_after);

    // Its rest is over, and the one that tries fails: it rests once more.
    other.clock.clock.advance(policy.rest);
    assert_eq!(other.ask(|_| Err(away())).await.unwrap_err().code, "bad_gateway");
    assert_eq!((other.asked(), other.upstream.health()), (1, Health::Open));
    other.clock.clock.advance(policy.rest - Duration::from_millis(1));
    assert_eq!(other.ask(|_| Ok(())).await.unwrap_err().code, "upstream_down");

    // The next one works, and everybody may ask.
    other.clock.clock.advance(Duration::from_millis(1));
    other.ask(|_| Ok(())).await.unwrap();
    assert_eq!(other.upstream.health(), Health::Closed);
    other.ask(|_| Ok(())).await.unwrap();
    // A single failure does not open it at once.
    other.ask(|_| Err(away())).await.unwrap_err();
    assert_eq!(other.upstream.health(), Health::Closed);
}

#[tokio::test]
async fn only_one_tries_and_who_gives_up_on_it_leaves_the_place_free() {
    let policy = Policy { attempts: 1, failures: 1, ..POLICY };
    let other = Other::new(policy);
    other.ask(|_| Err(away())).await.unwrap_err();
    other.clock.clock.advance(policy.rest);

    let (began, begun) = oneshot::channel();
    let trying = tokio::spawn({
        let upstream = other.upstream.clone();
        let mut began = Some(began);
        async move {
            upstream
                .call(|| {
                    let began = began.take();
                    async move {
                        began.unwrap().send(()).unwrap();
                        std::future::pending::<Result<(), Error>>().await
                    }
                })
                .await
        }
    });
    begun.await.unwrap();
    assert_eq!(other.upstream.health(), Health::Trying);
    assert_eq!(other.ask(|_| Ok(())).await.unwrap_err().code, "upstream_down");
    assert_eq!(other.asked(), 0);

    trying.abort();
    assert!(trying.await.unwrap_err().is_cancelled());
    assert_eq!(other.upstream.health(), Health::Open);
    other.clock.clock.advance(policy.rest);
    other.ask(|_| Ok(())).await.unwrap();
    assert_eq!(other.upstream.health(), Health::Closed);
}

#[tokio::test]
async fn rehearsed_slowness_and_limits_are_like_real_ones() {
    let other = Other::new(POLICY);
    let put = |strike, times| {
        let point = Point::Upstream("discord".to_owned());
        other.faults.put(point, strike, times, Duration::from_secs(3_600)).unwrap();
    };
    put(Strike::Slow { millis: 2_500 }, 1);
    other.ask(|_| Ok(())).await.unwrap();
    assert_eq!((other.asked(), other.waited()), (1, vec![Duration::from_millis(2_500)]));

    put(Strike::RateLimit { retry_millis: 400 }, 2);
    other.ask(|_| Ok(())).await.unwrap();
    let wait = Duration::from_millis(400);
    assert_eq!((other.asked(), other.waited()), (1, vec![wait, wait]), "twice it was said to wait");

    put(Strike::RateLimit { retry_millis: 60_000 }, 1);
    let error = other.ask(|_| Ok(())).await.unwrap_err();
    assert_eq!((error.code, other.asked()), ("upstream_busy", 0));
}
