//! Who plays, from what the game prints and what it answers when asked.
//!
//! Where a game does both, the patterns name and the query counts: each joining and leaving is told once.

use std::collections::BTreeSet;

use guildhall_link::message::{EventKind, PlayersSeen};
use guildhall_recipes::{Recipe, query::Answer};
use time::OffsetDateTime;

/// The most players that are named.
const MAX_PLAYERS: usize = 1_000;

/// Who plays, as far as is known.
#[derive(Debug)]
pub(crate) struct Players {
    names: BTreeSet<String>,
    online: Option<u32>,
    max: Option<u32>,
    at: Option<OffsetDateTime>,
    patterns: bool,
    query: bool,
    /// Answers in a row that counted fewer players than are known by name.
    short_answers: u32,
}

impl Players {
    /// Nobody, or who was known to play before the agent came back.
    pub(crate) fn of(recipe: &Recipe, known: &PlayersSeen) -> Self {
        Self {
            names: known.names.iter().cloned().collect(),
            online: known.online,
            max: known.max,
            at: known.at,
            patterns: recipe.players.join.is_some(),
            query: recipe.players.query.is_some(),
            short_answers: 0,
        }
    }

    /// A line said that somebody joined.
    pub(crate) fn joined(&mut self, player: String, now: OffsetDateTime) -> Option<EventKind> {
        self.at = Some(now);
        self.short_answers = 0;
        let new = self.names.len() < MAX_PLAYERS && self.names.insert(player.clone());
        if new {
            // The game is asked every few seconds only; until then the line is what is known.
            self.online = self.online.map(|online| online.saturating_add(1));
        }
        new.then_some(EventKind::Joined { player })
    }

    /// A line said that somebody left.
    pub(crate) fn left(&mut self, player: String, now: OffsetDateTime) -> Option<EventKind> {
        self.at = Some(now);
        let known = self.names.remove(&player);
        if known {
            self.online = self.online.map(|online| online.saturating_sub(1));
        }
        known.then_some(EventKind::Left { player })
    }

    /// The game answered.
    pub(crate) fn answered(&mut self, answer: &Answer, now: OffsetDateTime) -> Vec<EventKind> {
        self.at = Some(now);
        self.max = answer.max.or(self.max);
        if self.patterns {
            let named = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            // One short answer may have been on its way while somebody joined; a line that was lost in a gap
            // must not leave somebody playing for ever.
            let short = answer.players.is_some_and(|players| players < named);
            self.short_answers = if short { self.short_answers + 1 } else { 0 };
            if self.short_answers == 1 {
                return Vec::new();
            }
            self.online = answer.players.or(self.online);
            return if short && answer.players == Some(0) { self.everybody_left() } else { Vec::new() };
        }
        self.online = answer.players.or(self.online);
        let seen: BTreeSet<String> = answer
            .names
            .iter()
            .filter(|name| !name.is_empty())
            .take(MAX_PLAYERS)
            .map(|name| short(name))
            .collect();
        let joined = seen.difference(&self.names).map(|player| EventKind::Joined { player: player.clone() });
        let mut events: Vec<EventKind> = joined.collect();
        // Some games name only a sample; then nobody who is missing has left for certain.
        if answer.players.is_none_or(|players| players as usize <= seen.len()) {
            events.extend(
                self.names.difference(&seen).map(|player| EventKind::Left { player: player.clone() }),
            );
            self.names = seen;
        } else {
            self.names.extend(seen);
        }
        events
    }

    /// The game has ended, and nobody plays.
    pub(crate) fn everybody_left(&mut self) -> Vec<EventKind> {
        self.short_answers = 0;
        std::mem::take(&mut self.names).into_iter().map(|player| EventKind::Left { player }).collect()
    }

    /// For the control plane.
    pub(crate) fn seen(&self) -> PlayersSeen {
        let named = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let online = match (self.query, self.patterns) {
            (true, true) => Some(self.online.unwrap_or(named)),
            (true, false) => self.online,
            (false, true) => Some(named),
            (false, false) => None,
        };
        PlayersSeen { online, max: self.max, names: self.names.iter().cloned().collect(), at: self.at }
    }
}

fn short(name: &str) -> String {
    name.chars().take(guildhall_recipes::patterns::MAX_PLAYER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn players(patterns: bool, query: bool) -> Players {
        let known = PlayersSeen::default();
        let names = BTreeSet::from_iter(known.names);
        Players { names, online: None, max: None, at: None, patterns, query, short_answers: 0 }
    }

    fn answer(players: u32, names: &[&str]) -> Answer {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Answer { players: Some(players), max: Some(8), names, version: None, title: None }
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn both_sources_tell_one_joining() {
        let mut both = players(true, true);
        assert!(both.joined("Alex".into(), NOW).is_some());
        assert!(both.joined("Alex".into(), NOW).is_none());
        assert_eq!(both.answered(&answer(1, &["Alex"]), NOW), []);
        assert_eq!(both.seen().online, Some(1));
        assert!(both.left("Alex".into(), NOW).is_some());
        assert!(both.left("Alex".into(), NOW).is_none());
    }

    #[test]
    fn a_joining_counts_before_the_game_is_asked_again() {
        let mut both = players(true, true);
        both.answered(&answer(0, &[]), NOW);
        both.joined("Alex".into(), NOW);
        assert_eq!(both.seen().online, Some(1));
        both.answered(&answer(0, &[]), NOW);
        assert_eq!(both.seen().online, Some(1), "the answer may be older than the joining");
        both.left("Alex".into(), NOW);
        assert_eq!(both.seen().online, Some(0));
    }

    #[test]
    fn a_leaving_that_was_missed_is_made_up_for() {
        let mut both = players(true, true);
        both.joined("Alex".into(), NOW);
        assert_eq!(both.answered(&answer(0, &[]), NOW), [], "the answer may be older than the joining");
        assert_eq!(both.answered(&answer(0, &[]), NOW), [EventKind::Left { player: "Alex".into() }]);
    }

    #[test]
    fn answers_alone_tell_who_comes_and_goes() {
        let mut asked = players(false, true);
        assert_eq!(asked.answered(&answer(1, &["Alex"]), NOW), [EventKind::Joined { player: "Alex".into() }]);
        assert_eq!(asked.answered(&answer(20, &["Sam"]), NOW), [EventKind::Joined { player: "Sam".into() }]);
        assert_eq!(asked.answered(&answer(1, &["Sam"]), NOW), [EventKind::Left { player: "Alex".into() }]);
        assert_eq!(asked.everybody_left(), [EventKind::Left { player: "Sam".into() }]);
    }
}
