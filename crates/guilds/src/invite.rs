//! With which invite somebody joined. Discord does not say; it is the one whose count of uses went up.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use guildhall_core::guild::UserId;
use time::OffsetDateTime;
use tokio::sync::{Mutex as Turn, Notify};

use crate::wire;

/// Invites that are remembered of a guild: Discord's own bound.
const MOST: usize = 1_000;
/// Lists that are asked for a guild in one minute. In a raid nobody asks who invited whom.
const A_MINUTE: u32 = 30;
/// Seconds from "the invite is gone" to "somebody joined with it" at the most.
const JUST_NOW: i64 = 10;

/// The invites of all guilds.
#[derive(Default)]
pub(crate) struct Invites {
    guilds: Mutex<HashMap<u64, Known>>,
    /// Guilds whose invites are not known yet.
    waiting: Mutex<VecDeque<u64>>,
    /// There is one more of them.
    pub(crate) more: Notify,
}

#[derive(Default)]
struct Known {
    invites: HashMap<Box<str>, Invite>,
    /// Whether the whole list has been seen.
    complete: bool,
    /// One list at a time, so that an older one is never compared after a newer.
    turn: Arc<Turn<()>>,
    minute: i64,
    asked: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Invite {
    uses: u32,
    /// 0 is without a bound.
    most: u32,
    by: Option<UserId>,
    /// When Discord said that it is gone, in seconds since 1970.
    gone: Option<i64>,
}

impl Invite {
    fn told(invite: &wire::Invite<'_>) -> Self {
        let by = invite.inviter.as_ref().map(|user| UserId(user.id.0));
        Self { uses: invite.uses, most: invite.max_uses, by, gone: None }
    }
}

impl Invites {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        self.guilds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants a guild's list, before the first person joins.
    pub(crate) fn learn(&self, guild: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.contains(&guild) {
            waiting.push_back(guild);
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// The next guild whose list is wanted.
    pub(crate) fn next(&self) -> Option<u64> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn forget(&self, guild: u64) {
        self.lock().remove(&guild);
    }

    pub(crate) fn created(&self, guild: u64, invite: &wire::Invite<'_>) {
        let mut guilds = self.lock();
        let known = guilds.entry(guild).or_default();
        if known.invites.len() < MOST {
            known.invites.insert(invite.code.0.as_ref().into(), Invite::told(invite));
        }
    }

    /// An invite is gone. Its last use is told only after that, so it is remembered until the next list.
    pub(crate) fn deleted(&self, guild: u64, code: &str, now: OffsetDateTime) {
        if let Some(invite) = self.lock().get_mut(&guild).and_then(|known| known.invites.get_mut(code)) {
            invite.gone = Some(now.unix_timestamp());
        }
    }

    /// Whose turn it is to ask for a guild's list; `None` when it was asked too often.
    pub(crate) fn turn(&self, guild: u64, now: OffsetDateTime) -> Option<Arc<Turn<()>>> {
        let minute = now.unix_timestamp().div_euclid(60);
        let mut guilds = self.lock();
        let known = guilds.entry(guild).or_default();
        if known.minute != minute {
            (known.minute, known.asked) = (minute, 0);
        }
        known.asked = known.asked.saturating_add(1);
        (known.asked <= A_MINUTE).then(|| known.turn.clone())
    }

    /// Compares the list with the one before, and takes it over.
    pub(crate) fn compare(
        &self,
        guild: u64,
        list: &[wire::Invite<'_>],
        now: OffsetDateTime,
    ) -> Option<(String, Option<UserId>)> {
        self.lock().entry(guild).or_default().compare(list, now)
    }

    /// Takes a first list over.
    pub(crate) fn learned(&self, guild: u64, list: &[wire::Invite<'_>], now: OffsetDateTime) {
        let mut guilds = self.lock();
        let known = guilds.entry(guild).or_default();
        if !known.complete {
            known.compare(list, now);
        }
    }
}

impl Known {
    fn compare(
        &mut self,
        list: &[wire::Invite<'_>],
        now: OffsetDateTime,
    ) -> Option<(String, Option<UserId>)> {
        let was_complete = std::mem::replace(&mut self.complete, true);
        let mut risen: Vec<(Box<str>, Invite)> = Vec::new();
        let there: HashSet<&str> = list.iter().map(|invite| invite.code.0.as_ref()).collect();
        for (code, invite) in &self.invites {
            // One that was gone long before was taken away by somebody.
            let just_now = invite.gone.is_none_or(|at| now.unix_timestamp() - at <= JUST_NOW);
            let last_use = just_now && invite.most > 0 && invite.uses.saturating_add(1) >= invite.most;
            if !there.contains(code.as_ref()) && last_use {
                risen.push((code.clone(), *invite));
            }
        }
        self.invites.retain(|code, invite| invite.gone.is_none() && there.contains(code.as_ref()));
        for told in list.iter().take(MOST) {
            let mut invite = Invite::told(told);
            let before = self.invites.get(told.code.0.as_ref()).map_or(0, |invite| invite.uses);
            if invite.uses > before {
                risen.push((told.code.0.as_ref().into(), invite));
                // The next who joins may have come the same way and be in this count already.
                invite.uses = before + 1;
            }
            self.invites.insert(told.code.0.as_ref().into(), invite);
        }
        let (code, invite) = match risen.as_slice() {
            [one] if was_complete => one.clone(),
            _ => {
                // Nobody can tell which it was: from now on the counts are as Discord has them.
                for told in list.iter().take(MOST) {
                    self.invites.insert(told.code.0.as_ref().into(), Invite::told(told));
                }
                return None;
            }
        };
        Some((code.into_string(), invite.by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<wire::Invite<'_>> {
        serde_json::from_str(text).unwrap()
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn used(invites: &Invites, text: &str) -> Option<String> {
        invites.compare(1, &list(text), NOW).map(|(code, _)| code)
    }

    #[test]
    fn the_invite_whose_count_rose_was_used() {
        let invites = Invites::default();
        invites.learned(
            1,
            &list(r#"[{"code":"a","uses":5},{"code":"b","uses":0,"inviter":{"id":"9"}}]"#),
            NOW,
        );
        let text = r#"[{"code":"a","uses":5},{"code":"b","uses":1,"inviter":{"id":"9"}}]"#;
        assert_eq!(invites.compare(1, &list(text), NOW), Some(("b".to_owned(), Some(UserId(9)))));
        assert_eq!(used(&invites, text), None, "nobody used it again");
        let created = serde_json::from_str(r#"{"code":"c","guild_id":"1"}"#).unwrap();
        invites.created(1, &created);
        assert_eq!(used(&invites, r#"[{"code":"a","uses":5},{"code":"c","uses":1}]"#), Some("c".to_owned()));
    }

    #[test]
    fn two_who_come_the_same_way_at_once_are_both_told() {
        let invites = Invites::default();
        invites.learned(1, &list(r#"[{"code":"a","uses":5}]"#), NOW);
        for _ in 0..2 {
            assert_eq!(used(&invites, r#"[{"code":"a","uses":7}]"#), Some("a".to_owned()));
        }
        assert_eq!(used(&invites, r#"[{"code":"a","uses":7}]"#), None);
    }

    #[test]
    fn an_invite_that_is_used_up_is_gone_and_was_used() {
        let invites = Invites::default();
        let both = r#"[{"code":"once","uses":0,"max_uses":1},{"code":"many","uses":3,"max_uses":9}]"#;
        invites.learned(1, &list(both), NOW);
        invites.deleted(1, "once", NOW);
        assert_eq!(used(&invites, r#"[{"code":"many","uses":3,"max_uses":9}]"#), Some("once".to_owned()));
        assert_eq!(used(&invites, "[]"), None, "an invite with uses left was taken away, not used up");
        invites.learned(2, &list(both), NOW);
        invites.deleted(2, "once", NOW);
        let (later, rest) = (NOW + time::Duration::HOUR, r#"[{"code":"many","uses":3,"max_uses":9}]"#);
        assert_eq!(invites.compare(2, &list(rest), later), None, "it was taken away long before");
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        let invites = Invites::default();
        assert_eq!(used(&invites, r#"[{"code":"a","uses":5}]"#), None, "there is nothing to compare with");
        assert_eq!(used(&invites, r#"[{"code":"a","uses":6},{"code":"b","uses":1}]"#), None, "two rose");
        assert_eq!(used(&invites, r#"[{"code":"a","uses":7},{"code":"b","uses":1}]"#), Some("a".to_owned()));
    }

    #[test]
    fn a_raid_does_not_ask_for_a_list_each_time() {
        let (invites, now) = (Invites::default(), NOW);
        assert_eq!((0..100).filter(|_| invites.turn(1, now).is_some()).count(), 30);
        assert!(invites.turn(2, now).is_some());
        assert!(invites.turn(1, now + time::Duration::MINUTE).is_some());
    }
}
