//! Where messages go, and who may send and read them there.
//!
//! A host writes under its own name only, and reads nothing but what is meant for it. The broker enforces
//! that, embedded or not: [`host_access`] and [`control_access`] feed the embedded one, [`mosquitto_acl`]
//! writes the same rules for Mosquitto.

use std::{fmt, str::FromStr};

use guildhall_core::{
    HostId,
    id::{BadName, check_name},
};

const ROOT: &str = "guildhall/v1";

/// A control plane process, as topics name it. 1 to 32 of `a-z`, `0-9` and `-`, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControlId(String);

impl ControlId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ControlId {
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl FromStr for ControlId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        check_name(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a host receives requests on.
pub fn request(host: &HostId) -> String {
    format!("{ROOT}/host/{host}/request")
}

/// What a host publishes its events on.
pub fn event(host: &HostId) -> String {
    format!("{ROOT}/host/{host}/event")
}

/// What a host publishes watched consoles on.
pub fn console(host: &HostId) -> String {
    format!("{ROOT}/host/{host}/console")
}

/// Where a host's presence is retained.
pub fn presence(host: &HostId) -> String {
    format!("{ROOT}/host/{host}/presence")
}

/// What a host answers a control plane process on. The host is part of it, so that the broker can keep one
/// host from answering for another.
pub fn reply(control: &ControlId, host: &HostId) -> String {
    format!("{ROOT}/control/{control}/reply/{host}")
}

/// Whether `topic` is one that `host` may answer on, whoever asked.
pub fn is_reply(topic: &str, host: &HostId) -> bool {
    let inner = topic
        .strip_prefix(ROOT)
        .and_then(|rest| rest.strip_prefix("/control/"))
        .and_then(|rest| rest.strip_suffix(host.as_str()))
        .and_then(|rest| rest.strip_suffix("/reply/"));
    inner.is_some_and(|control| check_name(control).is_ok())
}

/// What a topic that the control plane reads is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A host's event.
    Event(HostId),
    /// A host's console.
    Console(HostId),
    /// A host's presence.
    Presence(HostId),
    /// A host's answer.
    Reply(HostId),
}

/// Reads a topic that the control plane subscribed to; `None` when it is none of them.
pub fn incoming(topic: &str) -> Option<Incoming> {
    let mut levels = topic.strip_prefix(ROOT)?.strip_prefix('/')?.split('/');
    let (kind, name, what) = (levels.next()?, levels.next()?, levels.next()?);
    let rest = levels.next();
    if levels.next().is_some() {
        return None;
    }
    match (kind, what, rest) {
        ("host", "event", None) => name.parse().ok().map(Incoming::Event),
        ("host", "console", None) => name.parse().ok().map(Incoming::Console),
        ("host", "presence", None) => name.parse().ok().map(Incoming::Presence),
        ("control", "reply", Some(host)) => host.parse().ok().map(Incoming::Reply),
        _ => None,
    }
}

/// What a control plane process subscribes to.
pub fn control_filters(control: &ControlId) -> Vec<String> {
    vec![
        format!("{ROOT}/control/{control}/reply/+"),
        format!("{ROOT}/host/+/event"),
        format!("{ROOT}/host/+/console"),
        // Last, so that whoever turns out to be there can be asked and heard by then.
        format!("{ROOT}/host/+/presence"),
    ]
}

/// Who may do what on the broker, as topic filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The broker's user; its client id is the same word.
    pub user: String,
    /// Filters it may publish within.
    pub publish: Vec<String>,
    /// Filters it may subscribe to, or to something narrower.
    pub subscribe: Vec<String>,
    /// Filters within which it may leave retained messages.
    pub retain: Vec<String>,
}

/// The broker's user for a host.
pub fn host_user(host: &HostId) -> String {
    format!("host-{host}")
}

/// The broker's user for a control plane process.
pub fn control_user(control: &ControlId) -> String {
    format!("control-{control}")
}

/// What a host may do. It may read its own presence, so that it notices when a will that came late says it
/// were gone.
pub fn host_access(host: &HostId) -> Access {
    Access {
        user: host_user(host),
        publish: vec![event(host), console(host), presence(host), format!("{ROOT}/control/+/reply/{host}")],
        subscribe: vec![request(host), presence(host)],
        retain: vec![presence(host)],
    }
}

/// What a control plane process may do.
pub fn control_access(control: &ControlId) -> Access {
    Access {
        user: control_user(control),
        publish: vec![format!("{ROOT}/host/+/request")],
        subscribe: control_filters(control),
        retain: Vec::new(),
    }
}

/// The same rules as a file for Mosquitto's `acl_file`. Mosquitto should also be told
/// `use_username_as_clientid true`, so that no user can take over another's session. It has no rule for who
/// may retain.
pub fn mosquitto_acl(users: &[Access]) -> String {
    let mut text = String::new();
    for access in users {
        text.push_str(&format!("user {}\n", access.user));
        for filter in &access.publish {
            text.push_str(&format!("topic write {filter}\n"));
        }
        for filter in &access.subscribe {
            text.push_str(&format!("topic read {filter}\n"));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostId {
        name.parse().unwrap()
    }

    #[test]
    fn every_topic_a_host_writes_on_is_read_back() {
        let h = host("local");
        let control = ControlId::default();
        assert_eq!(incoming(&event(&h)), Some(Incoming::Event(h.clone())));
        assert_eq!(incoming(&console(&h)), Some(Incoming::Console(h.clone())));
        assert_eq!(incoming(&presence(&h)), Some(Incoming::Presence(h.clone())));
        assert_eq!(incoming(&reply(&control, &h)), Some(Incoming::Reply(h)));
    }

    #[test]
    fn other_topics_are_nobodys() {
        for topic in [
            "",
            "guildhall/v1",
            "guildhall/v1/host/a/event/x",
            "guildhall/v1/host/A/event",
            "guildhall/v2/host/a/event",
        ] {
            assert_eq!(incoming(topic), None, "{topic}");
        }
    }

    #[test]
    fn a_host_answers_under_its_own_name_only() {
        assert!(is_reply("guildhall/v1/control/main/reply/a", &host("a")));
        assert!(!is_reply("guildhall/v1/control/main/reply/b", &host("a")));
        assert!(!is_reply("guildhall/v1/control/x/y/reply/a", &host("a")));
        assert!(!is_reply("guildhall/v1/control//reply/a", &host("a")));
        assert!(!is_reply("guildhall/v1/host/a/request", &host("a")));
    }
}
