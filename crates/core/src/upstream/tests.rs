use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{SystemClock, fault::Point};

fn upstream(policy: Policy) -> (Upstream, Faults) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let faults = Faults::new(clock.clone());
    (Upstream::new("discord", policy, clock, faults.clone()), faults)
}

const QUICK: Policy = Policy {
    attempts: 3,
    pause: Duration::from_millis(1),
    longest: Duration::from_millis(10),
    failures: 4,
    rest: Duration::from_secs(3_600),
};

fn passing() -> Error {
    Error::new(Kind::Upstream, "bad_gateway", "502")
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let (upstream, _) = upstream(QUICK);
    let asked = AtomicU32::new(0);
    let result: Result<u32, Error> = upstream
        .call(|| async {
            let asked = asked.fetch_add(1, Ordering::Relaxed) + 1;
            if asked < 3 { Err(passing()) } else { Ok(asked) }
        })
        .await;
    assert_eq!(result.unwrap(), 3);

    asked.store(0, Ordering::Relaxed);
    let refused: Result<(), Error> = upstream
        .call(|| async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(Kind::NotFound, "gone", "It is gone."))
        })
        .await;
    assert_eq!((refused.unwrap_err().code, asked.load(Ordering::Relaxed)), ("gone", 1));
}

#[tokio::test]
async fn an_upstream_that_is_down_is_left_alone() {
    let (upstream, _) = upstream(QUICK);
    let asked = AtomicU32::new(0);
    for _ in 0..3 {
        let result: Result<(), Error> = upstream
            .call(|| async {
                asked.fetch_add(1, Ordering::Relaxed);
                Err(passing())
            })
            .await;
        assert!(result.is_err());
    }
    assert_eq!(upstream.health(), Health::Open);
    assert_eq!(asked.load(Ordering::Relaxed), QUICK.failures);
}

#[tokio::test]
async fn what_cannot_wait_is_asked_at_once_and_counts_all_the_same() {
    let (upstream, faults) = upstream(QUICK);
    for _ in 0..QUICK.failures {
        assert!(upstream.once(async { Err::<(), _>(passing()) }).await.is_err());
    }
    assert_eq!(upstream.health(), Health::Open, "its failures open the breaker");
    let held: Result<(), Error> = upstream.call(|| async { Ok(()) }).await;
    assert_eq!(held.unwrap_err().code, "upstream_down");
    let no = upstream.once(async { Err::<(), _>(Error::new(Kind::NotFound, "gone", "It is gone.")) });
    assert_eq!(no.await.unwrap_err().code, "gone", "an open breaker does not hold it up");
    assert_eq!(upstream.health(), Health::Closed, "who says no is there");

    faults.put(Point::Upstream("discord".to_owned()), Strike::Outage, 1, Duration::from_secs(60)).unwrap();
    let struck = upstream.once(async { Ok::<_, Error>(()) }).await;
    assert_eq!(struck.unwrap_err().kind, Kind::Upstream);
    assert!(upstream.once(async { Ok::<_, Error>(()) }).await.is_ok());
}

#[tokio::test]
async fn a_rehearsed_outage_is_like_a_real_one() {
    let (upstream, faults) = upstream(QUICK);
    let point = Point::Upstream("discord".to_owned());
    faults.put(point, Strike::Outage, 2, Duration::from_secs(60)).unwrap();
    let asked = AtomicU32::new(0);
    let result: Result<(), Error> = upstream
        .call(|| async {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .await;
    assert!(result.is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 1, "two of the three attempts met the outage");
}
