use super::*;
use crate::ManualClock;

#[test]
fn a_fault_strikes_as_often_as_it_was_told_and_not_after_its_time() {
    let clock = Arc::new(ManualClock::default());
    let faults = Faults::new(clock.clone());
    assert_eq!(faults.at_upstream("discord"), None);
    let point = Point::Upstream("discord".to_owned());
    faults.put(point.clone(), Strike::Outage, 2, Duration::from_secs(60)).unwrap();
    assert_eq!(faults.at_upstream("redis"), None);
    assert_eq!(faults.at_upstream("discord"), Some(Strike::Outage));
    assert_eq!(faults.at_upstream("discord"), Some(Strike::Outage));
    assert_eq!(faults.at_upstream("discord"), None);

    faults.put(point, Strike::Outage, 2, Duration::from_secs(60)).unwrap();
    clock.advance(Duration::from_secs(61));
    assert_eq!(faults.at_upstream("discord"), None);
    assert!(faults.list().is_empty());
}

#[test]
fn there_are_not_more_than_can_be_looked_over() {
    let faults = Faults::new(Arc::new(crate::SystemClock));
    let put = || {
        let point = Point::Operation("*".to_owned());
        faults.put(point, Strike::Outage, 1, Duration::from_secs(60))
    };
    for _ in 0..MOST {
        put().unwrap();
    }
    assert_eq!(put().unwrap_err().code, "too_many_faults");
    assert_eq!(faults.clear(), MOST);
}
