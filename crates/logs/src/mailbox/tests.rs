use guildhall_core::{ManualClock, Rich};

use super::*;

const DELETED: u16 = 72;

fn tenant() -> TenantId {
    "roses".parse().expect("a tenant")
}

/// A message of 7 was deleted.
fn line() -> Letter {
    let channel = guildhall_core::guild::Channel {
        id: ChannelId(50),
        name: "general".to_owned(),
        kind: guildhall_core::guild::ChannelKind::Text,
        parent: None,
        slowmode: 0,
        overwrites: Vec::new(),
    };
    let event = guildhall_core::guild::GuildEvent::ChannelDeleted(channel);
    let mut entry = crate::entry::of(&event, None, ManualClock::default().now()).expect("an entry");
    entry.audited = Some((&[DELETED], 7));
    Letter::Line { tenant: tenant(), channel: ChannelId(1), entry: Box::new(entry) }
}

fn audited(by: u64) -> Letter {
    Letter::Audited {
        tenant: tenant(),
        action: DELETED,
        target: 7,
        by: Some(UserId(by)),
        reason: None,
        waited: false,
    }
}

/// How many of the lines say who did it.
fn named(places: &HashMap<Place, Vec<Entry>>) -> usize {
    places.values().flatten().filter(|entry| !entry.more.is_empty()).count()
}

#[test]
fn a_line_learns_who_did_it_from_what_comes_after_it() {
    let mut later = vec![line(), audited(3)];
    assert_eq!(named(&gather(vec![line()], &mut later)), 1);
    assert_eq!(later.len(), 1, "the line that has just come waits for its own");
}

#[test]
fn what_the_audit_log_says_first_waits_for_its_line_once() {
    let mut later = vec![line()];
    assert_eq!(named(&gather(vec![audited(3)], &mut later)), 0);
    let mut none = Vec::new();
    assert_eq!(named(&gather(later, &mut none)), 1);
    let mut later = Vec::new();
    gather(vec![audited(3)], &mut later);
    let mut last = Vec::new();
    gather(later, &mut last);
    assert!(last.is_empty(), "it does not wait for ever");
}

#[test]
fn one_entry_of_the_audit_log_accuses_of_one_deletion() {
    let places = gather(vec![line(), line(), audited(3)], &mut Vec::new());
    assert_eq!(named(&places), 1);
    let mut other = audited(3);
    if let Letter::Audited { tenant, .. } = &mut other {
        *tenant = "lilies".parse().expect("a tenant");
    }
    assert_eq!(named(&gather(vec![line(), other], &mut Vec::new())), 0, "nor of one in another community");
}

#[test]
fn a_post_has_no_more_than_one_message_takes() {
    let entry = |length: usize| Entry::change(Rich::from("x".repeat(length)));
    let many: Vec<Entry> = (0..20).map(|at| entry(100 + at * 90)).collect();
    let (posts, left_out) = posts(&many);
    for post in &posts {
        let length: usize = post.iter().map(Entry::length).sum();
        assert!(length <= ROOM && post.len() <= TOGETHER, "{length}");
    }
    assert_eq!(posts.iter().map(|post| post.len()).sum::<usize>() + left_out, many.len());
    // A line that is too long alone is not lost.
    assert_eq!(super::posts(&[entry(ROOM + 1)]).0.len(), 1);
}
