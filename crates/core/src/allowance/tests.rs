use super::*;
use crate::ManualClock;

#[test]
fn what_was_used_comes_back_over_a_minute() {
    let clock = Arc::new(ManualClock::default());
    let allowance = Allowance::new(clock.clone(), 6, 10);
    for _ in 0..6 {
        assert_eq!(allowance.take("a"), Ok(()));
    }
    assert_eq!(allowance.take("a"), Err(Duration::from_secs(10)));
    assert_eq!(allowance.check(&"a"), Err(Duration::from_secs(10)));
    assert_eq!(allowance.take("b"), Ok(()), "keys do not share");
    clock.advance(Duration::from_secs(10));
    assert_eq!(allowance.take("a"), Ok(()));
    assert!(allowance.take("a").is_err());
}

#[test]
fn a_burst_is_refilled_at_the_rate_of_the_minute() {
    let clock = Arc::new(ManualClock::default());
    let allowance = Allowance::with_burst(clock.clone(), 60, 2, 10);
    assert_eq!((allowance.take(()), allowance.take(())), (Ok(()), Ok(())));
    assert_eq!(allowance.take(()), Err(Duration::from_secs(1)));
    clock.advance(Duration::from_secs(3600));
    assert_eq!((allowance.take(()), allowance.take(())), (Ok(()), Ok(())));
    assert!(allowance.take(()).is_err(), "an hour saves up no more than the burst");
}

#[test]
fn memory_is_bounded_and_known_keys_keep_their_share() {
    let clock = Arc::new(ManualClock::default());
    let allowance = Allowance::new(clock.clone(), 2, 3);
    for key in 0..3 {
        assert_eq!(allowance.take(key), Ok(()));
    }
    assert!(allowance.take(99).is_err(), "there is no room for a fourth");
    assert_eq!(allowance.take(0), Ok(()), "who is known goes on");
    clock.advance(Duration::from_secs(60));
    assert_eq!(allowance.take(99), Ok(()), "those who are full again are forgotten");
}
