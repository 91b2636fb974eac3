//! How ends and stays are told.

use super::*;

fn exit(rungs: &[&str], status: Option<i32>, signal: Option<i32>) -> Exit {
    let ladder = rungs
        .iter()
        .map(|rung| match rung.strip_prefix('/') {
            Some(line) => Rung::Command { line: line.to_owned() },
            None => Rung::Signal { name: (*rung).to_owned() },
        })
        .collect();
    Exit { at: OffsetDateTime::UNIX_EPOCH, status, signal, wanted: true, ladder, took_ms: 1_234 }
}

#[test]
fn the_ladder_is_told_as_it_was_climbed() {
    assert_eq!(
        ladder(&exit(&["/stop"], Some(0), None)),
        "Stopped by its console command 'stop', after 1.2 s (exit status 0)."
    );
    assert_eq!(
        ladder(&exit(&["/stop", "SIGTERM", "SIGKILL"], None, Some(9))),
        "its console command 'stop' and SIGTERM did not do; stopped by SIGKILL, after 1.2 s (signal 9)."
    );
    assert_eq!(ladder(&exit(&[], Some(1), None)), "It ended by itself (exit status 1).");
}

#[test]
fn stays_of_one_player_are_added_up() {
    let at = |seconds: i64| OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
    let visit = |player: &str, from, to: Option<i64>| visit::Model {
        id: uuid::Uuid::nil(),
        tenant: "t".into(),
        server: uuid::Uuid::nil(),
        session: uuid::Uuid::nil(),
        player: player.into(),
        joined_at: at(from).into(),
        left_at: to.map(|to| at(to).into()),
    };
    let visits = [visit("ann", 0, Some(10)), visit("bob", 5, Some(35)), visit("ann", 20, None)];
    let all = played(&visits, at(50));
    assert_eq!(
        all.iter().map(|p| (p.player.as_str(), p.seconds)).collect::<Vec<_>>(),
        [("ann", 40), ("bob", 30)]
    );
}
