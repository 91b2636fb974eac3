use guildhall_core::guild::{ChannelId, Message, MessageId, Person, UserId, made_at};
use serde_json::json;

use super::*;
use crate::wire;

fn guild(id: u64, channels: usize, roles: usize) -> KnownGuild {
    let overwrites: Vec<_> =
        (0..4).map(|n| json!({"id": n.to_string(), "type": 0, "allow": "1024", "deny": "2048"})).collect();
    let told = json!({
        "id": id.to_string(), "name": "A community of some size", "owner_id": "1", "preferred_locale": "en-US",
        "channels": (0..channels).map(|n| json!({
            "id": (id + 1_000 + n as u64).to_string(), "name": format!("channel-{n}"), "type": 0, "parent_id": "9",
            "permission_overwrites": overwrites,
        })).collect::<Vec<_>>(),
        "roles": (0..roles).map(|n| json!({
            "id": (id + n as u64).to_string(), "name": format!("role {n}"), "position": n, "permissions": "104189505",
        })).collect::<Vec<_>>(),
    })
    .to_string();
    KnownGuild::told(&serde_json::from_str(&told).unwrap(), None)
}

fn member(user: u64) -> KnownMember {
    let text = json!({
        "user": {"id": user.to_string(), "username": format!("user{user}"), "global_name": "Somebody"},
        "roles": ["1", "2", "3"],
    })
    .to_string();
    let member: wire::Member<'_> = serde_json::from_str(&text).unwrap();
    KnownMember::told(member.user.as_ref().unwrap(), &member)
}

fn message(id: u64) -> Message {
    let author = Person { user: UserId(1), username: "ada".to_owned(), name: "Ada".to_owned(), bot: false };
    let (content, channel) = (format!("message {id}"), ChannelId(5));
    let (roles, attachments) = (Vec::new(), Vec::new());
    Message { id: MessageId(id), channel, author, roles, content, attachments, at: made_at(id) }
}

#[test]
fn a_thousand_guilds_stay_small() {
    let cache = Cache::new(10, 10, 10);
    for id in 1..=1_000 {
        cache.put(guild(id << 22, 50, 30));
    }
    let size = cache.size();
    assert_eq!((size.guilds, size.channels, size.roles), (1_000, 50_000, 30_000));
    println!("{} bytes a guild with 50 channels and 30 roles", size.bytes / 1_000);
    assert!(size.bytes / 1_000 < 8_000, "{} bytes a guild", size.bytes / 1_000);
    let before = guild(1, 50, 30).bytes();
    assert!(before < 8_000, "equal overwrites are kept once: {before} bytes");
}

#[test]
fn members_are_bounded_a_guild_and_in_all_and_those_asked_for_stay() {
    let cache = Cache::new(100, 40, 0);
    for id in 1..=10 {
        cache.put(guild(id << 22, 0, 0));
    }
    let first = 1 << 22;
    for user in 1..=200 {
        cache.change(first, |known| known.members.put(member(user)));
        assert!(cache.look(first, |known| known.members.see(7).is_some()).unwrap() || user < 7);
    }
    assert_eq!(cache.size().members, 40);
    for id in 2..=10 {
        for user in 1..=40 {
            cache.change(id << 22, |known| known.members.put(member(user)));
            assert!(cache.size().members <= 100);
        }
    }
    for id in 1..=10_u64 {
        let here = cache.look(id << 22, |known| known.members.len()).unwrap();
        assert!(here >= 1, "nobody is starved: guild {id} has {here}");
    }
    cache.remove(5 << 22);
    let counted: usize =
        cache.ids().into_iter().filter_map(|id| cache.look(id, |known| known.members.len())).sum();
    assert_eq!(counted, cache.members.now.load(Ordering::Relaxed));
}

#[test]
fn the_bot_itself_is_never_let_go() {
    let cache = Cache::new(0, 1, 0);
    let mut known = guild(1, 0, 0);
    known.members.protect(Some(3));
    known.members.put(member(3));
    cache.put(known);
    for user in 10..50 {
        cache.change(1, |known| known.members.put(member(user)));
    }
    assert!(cache.look(1, |known| known.members.has(3)).unwrap());
    assert_eq!(cache.size().members, 1);
}

#[test]
fn members_come_and_go_in_any_order() {
    let mut members = member::Members::default();
    for round in 0..3 {
        for user in 1..=50 {
            members.put(member(user));
        }
        for user in (1..=50).filter(|user| user % (round + 2) == 0) {
            assert!(members.remove(user).is_some());
            assert!(!members.has(user) && members.remove(user).is_none());
        }
        for user in (1..=50).filter(|user| user % (round + 2) != 0) {
            assert_eq!(members.see(user).unwrap().member().user, UserId(user));
        }
    }
    members.doubt(1);
    assert!(members.see(1).unwrap().is_stale());
    members.put(member(1));
    assert!(!members.see(1).unwrap().is_stale(), "Discord has told");
}

#[test]
fn messages_are_bounded_in_all_and_the_oldest_go_first() {
    let cache = Cache::new(0, 1, 30);
    for id in 1..=3_u64 {
        cache.put(guild(id << 22, 0, 0));
        cache.keep(id << 22, true);
    }
    for id in 1..=100 {
        cache.change(1 << 22, |known| known.messages.put(&message(id)));
    }
    assert_eq!(cache.size().messages, 30);
    for id in 101..=120 {
        cache.change(2 << 22, |known| known.messages.put(&message(id)));
    }
    let (mine, others) = (
        cache.look(1 << 22, |known| known.messages.len()).unwrap(),
        cache.look(2 << 22, |known| known.messages.len()).unwrap(),
    );
    assert_eq!(mine + others, 30);
    assert!(others >= 10, "a loud guild does not take the room of another: {mine} and {others}");
    cache.look(1 << 22, |known| {
        assert!(known.messages.get(100).is_some() && known.messages.get(1).is_none());
    });
    // What is kept outlives a new session.
    cache.put(guild(1 << 22, 0, 0));
    assert_eq!(cache.size().messages, 30);
}
