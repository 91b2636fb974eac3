//! Members in memory, as they are seen. When there are too many, those go that nobody asked for since the
//! hand of the clock came by last.

use std::{collections::HashMap, mem::size_of};

use guildhall_core::guild::{GuildMember, RoleId, UserId};
use time::OffsetDateTime;

use crate::wire;

/// Somebody was seen since the hand came by.
const SEEN: u8 = 1;
/// It is a program.
const BOT: u8 = 2;
/// Something was done to the member that Discord has not told of yet.
const STALE: u8 = 4;
/// No moment.
const NEVER: i64 = i64::MIN;

/// A member. Moments are microseconds since 1970.
#[derive(Debug)]
pub(crate) struct KnownMember {
    user: u64,
    username: Box<str>,
    global: Option<Box<str>>,
    nick: Option<Box<str>>,
    roles: Box<[u64]>,
    joined: i64,
    timeout: i64,
    flags: u8,
}

fn micros(at: Option<OffsetDateTime>) -> i64 {
    at.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000).ok()).unwrap_or(NEVER)
}

fn moment(micros: i64) -> Option<OffsetDateTime> {
    let nanos = i128::from(micros) * 1_000;
    (micros != NEVER).then(|| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()).flatten()
}

impl KnownMember {
    /// A member as Discord tells it.
    pub(crate) fn told(user: &wire::User<'_>, member: &wire::Member<'_>) -> Self {
        let text = |text: &wire::Text<'_>| text.0.as_ref().into();
        Self {
            user: user.id.0,
            username: text(&user.username),
            global: user.global_name.as_ref().map(text),
            nick: member.nick.as_ref().map(text),
            roles: member.roles.iter().map(|role| role.0).collect(),
            joined: micros(member.joined_at.as_ref().and_then(wire::Text::moment)),
            timeout: micros(member.communication_disabled_until.as_ref().and_then(wire::Text::moment)),
            flags: if user.bot { SEEN | BOT } else { SEEN },
        }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.flags & STALE != 0
    }

    /// The member for everybody else.
    pub(crate) fn member(&self) -> GuildMember {
        let shown = self.nick.as_ref().or(self.global.as_ref()).unwrap_or(&self.username);
        GuildMember {
            user: UserId(self.user),
            username: self.username.to_string(),
            name: shown.to_string(),
            nick: self.nick.as_ref().map(ToString::to_string),
            roles: self.roles.iter().copied().map(RoleId).collect(),
            bot: self.flags & BOT != 0,
            joined: moment(self.joined),
            timeout: moment(self.timeout),
        }
    }

    fn bytes(&self) -> usize {
        let texts = self.username.len()
            + self.global.as_ref().map_or(0, |text| text.len())
            + self.nick.as_ref().map_or(0, |text| text.len());
        texts + self.roles.len() * size_of::<u64>()
    }
}

/// A member as Discord tells it.
pub(crate) fn member_of(user: &wire::User<'_>, member: &wire::Member<'_>) -> GuildMember {
    KnownMember::told(user, member).member()
}

/// The members of a guild that are in memory.
#[derive(Debug, Default)]
pub(crate) struct Members {
    all: Vec<KnownMember>,
    places: HashMap<u64, u32>,
    hand: usize,
    /// The bot itself, who is asked for before every action and always stays.
    me: u64,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Keeps this one whatever comes.
    pub(crate) fn protect(&mut self, me: Option<u64>) {
        self.me = me.unwrap_or(self.me);
    }

    fn place(&self, user: u64) -> Option<usize> {
        self.places.get(&user).and_then(|place| usize::try_from(*place).ok())
    }

    pub(crate) fn has(&self, user: u64) -> bool {
        self.places.contains_key(&user)
    }

    /// The member, who is wanted and stays a while longer.
    pub(crate) fn see(&mut self, user: u64) -> Option<&KnownMember> {
        let place = self.place(user)?;
        let member = self.all.get_mut(place)?;
        member.flags |= SEEN;
        Some(member)
    }

    /// Takes a member over and says how it was.
    pub(crate) fn put(&mut self, member: KnownMember) -> Option<KnownMember> {
        if let Some(known) = self.place(member.user).and_then(|place| self.all.get_mut(place)) {
            return Some(std::mem::replace(known, member));
        }
        // More than four billion members do not fit into the bound of a guild.
        if let Ok(place) = u32::try_from(self.all.len()) {
            self.places.insert(member.user, place);
            self.all.push(member);
        }
        None
    }

    pub(crate) fn remove(&mut self, user: u64) -> Option<KnownMember> {
        let place = self.place(user)?;
        self.places.remove(&user);
        let gone = self.all.swap_remove(place);
        if let Some(moved) = self.all.get(place)
            && let Ok(place) = u32::try_from(place)
        {
            self.places.insert(moved.user, place);
        }
        Some(gone)
    }

    /// Something was done to this member; what is known is not relied on until Discord tells.
    pub(crate) fn doubt(&mut self, user: u64) {
        if let Some(member) = self.place(user).and_then(|place| self.all.get_mut(place)) {
            member.flags |= STALE;
        }
    }

    /// A role is gone, and nobody has it any more.
    pub(crate) fn strip(&mut self, role: u64) {
        for member in self.all.iter_mut().filter(|member| member.roles.contains(&role)) {
            member.roles = member.roles.iter().copied().filter(|known| *known != role).collect();
        }
    }

    /// Lets members go until there are at most so many.
    pub(crate) fn shrink_to(&mut self, most: usize) {
        // One round takes every mark away, and the second finds somebody.
        let mut left = self.all.len() * 2;
        while self.all.len() > most && left > 0 {
            left -= 1;
            if self.hand >= self.all.len() {
                self.hand = 0;
            }
            let Some(member) = self.all.get_mut(self.hand) else { return };
            if member.flags & SEEN == 0 && member.user != self.me {
                let user = member.user;
                // The last one takes this place, and is looked at next.
                self.remove(user);
            } else {
                member.flags &= !SEEN;
                self.hand += 1;
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let heap: usize = self.all.iter().map(KnownMember::bytes).sum();
        self.all.capacity() * size_of::<KnownMember>()
            + self.places.capacity() * (size_of::<(u64, u32)>() + 1)
            + heap
    }
}
