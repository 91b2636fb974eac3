//! Intents: what the gateway is asked for, what Discord may refuse of it, and what does not work then.

use std::sync::{Mutex, PoisonError};

use twilight_gateway::Intents;

/// What the face itself needs: to stay shown in its guilds, and to hear messages with a prefix.
pub(crate) const OWN: Intents =
    Intents::GUILDS.union(Intents::GUILD_MESSAGES).union(Intents::MESSAGE_CONTENT);

/// An intent that Discord gives only to applications that may have it, the bits of the application's flags
/// that say so (one for verified applications, one for others), and what does not work without it.
struct Privileged {
    intent: Intents,
    flags: u64,
    off: &'static [&'static str],
}

const PRIVILEGED: [Privileged; 3] = [
    Privileged { intent: Intents::GUILD_PRESENCES, flags: 1 << 12 | 1 << 13, off: &[] },
    Privileged {
        intent: Intents::GUILD_MEMBERS,
        flags: 1 << 14 | 1 << 15,
        off: &[
            "logs of joins, leaves and members' roles: turn on the \"Server Members\" intent in the developer portal",
            "the jail of members who come back: turn on the \"Server Members\" intent in the developer portal",
            "timeouts that are ended by hand: turn on the \"Server Members\" intent in the developer portal",
        ],
    },
    Privileged {
        intent: Intents::MESSAGE_CONTENT,
        flags: 1 << 18 | 1 << 19,
        off: &[
            "commands as messages, but for those that mention the bot: turn on the \"Message Content\" intent in the developer portal",
            "the text in logs of messages: turn on the \"Message Content\" intent in the developer portal",
        ],
    },
];

/// What needs the gateway at all.
const WITHOUT_GATEWAY: [&str; 4] = [
    "commands as messages: turn on the gateway in the configuration",
    "logs of members, messages, channels, roles and voice: turn on the gateway in the configuration",
    "the jail of members who come back, and of channels made later: turn on the gateway in the configuration",
    "what is done in Discord's own menus, such as bans: turn on the gateway in the configuration",
];

/// What is refused now.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Option<Intents>>);

impl Refused {
    pub(crate) fn set(&self, intents: Intents) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(intents);
    }

    /// What does not work, and what would make it work.
    pub(crate) fn features_off(&self, gateway: bool) -> Vec<&'static str> {
        if !gateway {
            return WITHOUT_GATEWAY.to_vec();
        }
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Intents::empty());
        let lost = PRIVILEGED.iter().filter(|one| refused.contains(one.intent));
        lost.flat_map(|one| one.off).copied().collect()
    }
}

/// What is left to ask for after Discord has refused `wanted`: without what the application's flags say it
/// may not have, and without everything privileged where they do not explain it.
pub(crate) fn fewer(wanted: Intents, flags: Option<u64>) -> Intents {
    let all = PRIVILEGED.iter().fold(Intents::empty(), |all, one| all | one.intent);
    let missing = PRIVILEGED.iter().filter(|one| flags.is_some_and(|flags| flags & one.flags == 0));
    let missing = missing.fold(Intents::empty(), |missing, one| missing | one.intent) & wanted;
    wanted - if missing.is_empty() { all } else { missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_flags_lack_is_given_up_and_everything_where_they_explain_nothing() {
        let wanted = OWN | Intents::GUILD_MEMBERS;
        assert_eq!(fewer(wanted, Some(1 << 15)), wanted - Intents::MESSAGE_CONTENT);
        assert_eq!(fewer(wanted, Some(1 << 19)), wanted - Intents::GUILD_MEMBERS);
        let plain = Intents::GUILDS | Intents::GUILD_MESSAGES;
        assert_eq!(fewer(wanted, Some(1 << 15 | 1 << 19)), plain);
        assert_eq!(fewer(wanted, None), plain);
        assert_eq!(fewer(plain, None), plain);
    }

    #[test]
    fn what_is_off_is_said_with_what_turns_it_on() {
        let refused = Refused::default();
        assert!(refused.features_off(true).is_empty());
        refused.set(Intents::MESSAGE_CONTENT);
        assert_eq!(refused.features_off(true).len(), 2);
        let all = [refused.features_off(true), refused.features_off(false)].concat();
        assert!(all.iter().all(|line| line.contains(": turn on")), "{all:?}");
    }
}
