//! Every passing state ends.

use super::*;

#[test]
fn every_passing_state_has_a_deadline_and_a_named_next_state() {
    let table: Vec<String> = State::ALL
        .into_iter()
        .map(|state| match state.deadline(&Deadlines::default(), None) {
            None => format!("{state}: settled"),
            Some(expiry) => {
                assert!(expiry.next.is_settled(), "{state} expires into a state that is not settled");
                format!("{state}: {:?} -> {} ({})", expiry.after, expiry.next, expiry.code)
            }
        })
        .collect();
    assert_eq!(
        table,
        [
            "created: 60s -> failed (stuck)",
            "stopped: settled",
            "preparing: 60s -> failed (stuck)",
            "installing: 1800s -> failed (stuck)",
            "starting: 20s -> failed (stuck)",
            "ready: settled",
            "stopping: 20s -> failed (stuck)",
            "restarting: 300s -> failed (stuck)",
            "failed: settled",
            "deleting: 120s -> failed (stuck)",
        ]
    );
}

#[test]
fn a_lost_host_is_noticed_within_a_minute() {
    let deadlines = Deadlines::default();
    assert!(deadlines.host_lost + 2 * deadlines.every <= Duration::from_secs(60));
}
