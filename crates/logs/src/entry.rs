//! One thing that happened, as a line that staff read.

use guildhall_core::{
    ActorId, Document, Rich,
    document::{Address, Span},
    guild::{
        Channel, ChannelId, Guild, GuildEvent, GuildMember, Message, Overwrite, Role, RoleId, UserId, made_at,
    },
    setting::Setting,
};
use time::OffsetDateTime;

use crate::setting::{AUDIT, JOINS, MESSAGES, VOICE};

/// Characters of a message that are shown; Discord's own limit for one is 4,000, and several share a post.
const SHOWN: usize = 900;
/// Of several messages deleted together, so many are shown.
const SHOWN_TOGETHER: usize = 10;

/// Roles that are named in one line.
const LISTED: usize = 15;

/// A line for one log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Which log.
    pub(crate) log: &'static Setting,
    /// The channels it is about, for the ignore list: with the category of one that Discord has no more.
    pub(crate) about: Vec<ChannelId>,
    /// What happened.
    pub(crate) head: Rich,
    /// More about it, each a line of its own.
    pub(crate) more: Vec<Rich>,
    /// What Discord's audit log calls it: the numbers of its actions and the target. Who did it and why come
    /// from there, a moment later.
    pub(crate) audited: Option<(&'static [u16], u64)>,
}

impl Entry {
    fn new(log: &'static Setting, head: Rich) -> Self {
        Self { log, about: Vec::new(), head, more: Vec::new(), audited: None }
    }

    fn about(mut self, channels: impl IntoIterator<Item = ChannelId>) -> Self {
        self.about.extend(channels);
        self
    }

    pub(crate) fn more(mut self, line: impl Into<Rich>) -> Self {
        self.more.push(line.into());
        self
    }

    fn audited(mut self, actions: &'static [u16], target: u64) -> Self {
        self.audited = Some((actions, target));
        self
    }

    /// A line about a change of the community's own.
    pub(crate) fn change(head: Rich) -> Self {
        Self::new(&AUDIT, head)
    }

    /// Names who did it.
    pub(crate) fn by(&mut self, by: Option<UserId>, reason: Option<&str>) {
        if let Some(by) = by {
            let by = ActorId::discord(by.0);
            self.more.push(Rich::new().text("by ").person(&by, by.as_str()));
        }
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.more.push(Rich::new().text(format!("because: {}", shown(reason))));
        }
    }

    /// How many characters it has, about.
    pub(crate) fn length(&self) -> usize {
        let span = |span: &Span| match span {
            Span::Plain(text) | Span::Strong(text) | Span::Code(text) => text.chars().count(),
            Span::Person { name, .. } | Span::Channel { name, .. } => name.chars().count().max(24),
            Span::Link(address) => address.as_str().chars().count(),
            Span::Time(_) | Span::Ago(_) => 20,
        };
        let line = |line: &Rich| line.0.iter().map(span).sum::<usize>() + 1;
        line(&self.head) + self.more.iter().map(line).sum::<usize>()
    }

    /// Adds the entry to a post.
    pub(crate) fn write(&self, document: Document) -> Document {
        self.more.iter().fold(document.text(self.head.clone()), |document, line| document.text(line.clone()))
    }
}

/// What an event comes to; nothing when no log is about it. `guild` gives the channels their names.
pub(crate) fn of(event: &GuildEvent, guild: Option<&Guild>, now: OffsetDateTime) -> Option<Entry> {
    let place = |id: ChannelId| named(guild, id);
    Some(match event {
        GuildEvent::MemberJoined { member, invite } => joined(member, invite.as_ref(), now),
        GuildEvent::MemberLeft { user, name, before } => left(*user, name, before.as_ref(), guild),
        GuildEvent::VoiceMoved { from, to } => {
            let who = Rich::new().person(&ActorId::discord(to.user.0), to.name.as_str());
            let (head, about) = match (from, to.channel) {
                (None, Some(to)) => (who.text(" entered ").strong(place(to)), to),
                (Some(from), None) => (who.text(" left ").strong(place(*from)), *from),
                (Some(from), Some(to)) if *from != to => {
                    (who.text(" went from ").strong(place(*from)).text(" to ").strong(place(to)), to)
                }
                _ => return None,
            };
            Entry::new(&VOICE, head).about([about])
        }
        GuildEvent::MessageEdited { before, after } if before.as_ref() != Some(&after.content) => {
            edited(before.as_deref(), after, guild, &place(after.channel))
        }
        GuildEvent::MessagesDeleted { channel, messages, known } => {
            deleted(*channel, messages.len(), known, &place(*channel))
        }
        GuildEvent::ChannelCreated(channel) => {
            let head = Rich::new().text("Channel ").strong(hash(channel)).text(" was made");
            Entry::new(&AUDIT, head).about(within(channel)).audited(&[10, 110], channel.id.0)
        }
        GuildEvent::ChannelDeleted(channel) => {
            let head = Rich::new().text("Channel ").strong(hash(channel)).text(" was deleted");
            Entry::new(&AUDIT, head).about(within(channel)).audited(&[12, 112], channel.id.0)
        }
        GuildEvent::ChannelChanged { before: Some(before), after } => channel_changed(before, after, guild)?,
        GuildEvent::RoleCreated(role) => {
            let head = Rich::new().text("Role ").strong(role.name.as_str()).text(" was made");
            Entry::new(&AUDIT, head).audited(&[30], role.id.0)
        }
        GuildEvent::RoleDeleted { role, before } => {
            let name = before.as_ref().map_or_else(|| role.to_string(), |role| role.name.clone());
            let head = Rich::new().text("Role ").strong(name).text(" was deleted");
            Entry::new(&AUDIT, head).audited(&[32], role.0)
        }
        GuildEvent::RoleChanged { before: Some(before), after } => role_changed(before, after)?,
        GuildEvent::MemberChanged { before: Some(before), after } => member_changed(before, after, guild)?,
        _ => return None,
    })
}

fn joined(member: &GuildMember, invite: Option<&(String, Option<UserId>)>, now: OffsetDateTime) -> Entry {
    let made = made_at(member.user.0);
    let head = Rich::new().person(&member.actor(), member.name.as_str()).text(" joined");
    let age = Rich::new().text("account made ").ago(made).text(" (").time(made).text(")");
    let mut entry = Entry::new(&JOINS, head).more(age);
    if now - made < time::Duration::days(7) {
        entry = entry.more(Rich::new().strong("The account is younger than a week."));
    }
    match invite {
        Some((code, by)) => {
            let line = Rich::new().text("by invite ").code(code.as_str());
            entry.more(match by {
                Some(by) => {
                    let by = ActorId::discord(by.0);
                    line.text(" of ").person(&by, by.as_str())
                }
                None => line,
            })
        }
        None => entry,
    }
}

fn left(user: UserId, name: &str, before: Option<&GuildMember>, guild: Option<&Guild>) -> Entry {
    let head = Rich::new().person(&ActorId::discord(user.0), name).text(" left");
    // A kick is action 20 and a ban 22 of Discord's audit log.
    let mut entry = Entry::new(&JOINS, head).audited(&[20, 22], user.0);
    if let Some(joined) = before.and_then(|member| member.joined) {
        entry = entry.more(Rich::new().text("had joined ").ago(joined));
    }
    let roles: Vec<String> = before
        .zip(guild)
        .map(|(member, guild)| {
            member.roles.iter().filter_map(|id| guild.role(*id)).map(|role| role.name.clone()).collect()
        })
        .unwrap_or_default();
    if roles.is_empty() { entry } else { entry.more(format!("had the roles {}", listed(&roles))) }
}

fn edited(before: Option<&str>, after: &Message, guild: Option<&Guild>, place: &str) -> Entry {
    let head = Rich::new()
        .person(&ActorId::discord(after.author.user.0), after.author.name.as_str())
        .text(" edited a message in ")
        .strong(place);
    let before =
        before.map_or_else(|| "before: not known".to_owned(), |before| format!("before: {}", shown(before)));
    Entry::new(&MESSAGES, head)
        .about([after.channel])
        .more(before)
        .more(format!("after: {}", shown(&after.content)))
        .more(link(after, guild))
}

fn deleted(channel: ChannelId, count: usize, known: &[Message], place: &str) -> Entry {
    if let ([one], 1) = (known, count) {
        let author = ActorId::discord(one.author.user.0);
        let head = Rich::new()
            .text("A message of ")
            .person(&author, one.author.name.as_str())
            .text(" was deleted in ")
            .strong(place);
        // Discord's audit log names the author as the target, and only when somebody else deleted it.
        let mut entry = Entry::new(&MESSAGES, head).about([channel]).audited(&[72], one.author.user.0);
        entry = entry.more(Rich::new().text("written ").ago(one.at));
        return attached(entry.more(shown(&one.content)), one);
    }
    let what = if count == 1 { "1 message was".to_owned() } else { format!("{count} messages were") };
    let head = Rich::new().text(format!("{what} deleted in ")).strong(place);
    let mut entry = Entry::new(&MESSAGES, head).about([channel]).audited(&[73], channel.0);
    for one in known.iter().take(SHOWN_TOGETHER) {
        let author = ActorId::discord(one.author.user.0);
        let text: String = shown(&one.content).chars().take(SHOWN / SHOWN_TOGETHER).collect();
        entry = entry.more(Rich::new().person(&author, one.author.name.as_str()).text(format!(": {text}")));
    }
    let shown = known.len().min(SHOWN_TOGETHER);
    match (shown, count.saturating_sub(shown)) {
        (_, 0) => entry,
        (0, 1) => entry.more("what it said is not known"),
        (0, _) => entry.more("what they said is not known"),
        (_, more) => entry.more(format!("and {more} more, not shown or not known")),
    }
}

fn attached(mut entry: Entry, message: &Message) -> Entry {
    for address in message.attachments.iter().take(5) {
        entry = entry.more(Rich::new().text("with the file ").code(shown(address)));
    }
    entry
}

fn channel_changed(before: &Channel, after: &Channel, guild: Option<&Guild>) -> Option<Entry> {
    let mut lines: Vec<Rich> = Vec::new();
    if before.name != after.name {
        lines.push(format!("name: {} → {}", before.name, after.name).into());
    }
    if before.slowmode != after.slowmode {
        lines.push(format!("slow mode: {} s → {} s", before.slowmode, after.slowmode).into());
    }
    if before.parent != after.parent {
        lines.push("it was moved to another category".into());
    }
    lines.extend(overwrites(&before.overwrites, &after.overwrites, guild));
    if lines.is_empty() {
        return None;
    }
    let head = Rich::new().text("Channel ").strong(hash(after)).text(" was changed");
    let entry = Entry::new(&AUDIT, head).about(within(after)).audited(&[11, 13, 14, 15, 111], after.id.0);
    Some(lines.into_iter().fold(entry, Entry::more))
}

fn overwrites(before: &[Overwrite], after: &[Overwrite], guild: Option<&Guild>) -> Vec<Rich> {
    let known = |list: &[Overwrite], target: u64| list.iter().any(|one| one.target == target);
    let changed = after.iter().filter(|one| !before.contains(one));
    let gone = before.iter().filter(|one| !known(after, one.target));
    let line = |one: &Overwrite, done: &str| permissions(one, done, guild);
    changed.map(|one| line(one, "set")).chain(gone.map(|one| line(one, "removed"))).take(10).collect()
}

/// That somebody's or a role's permissions in a channel were set or removed.
fn permissions(one: &Overwrite, done: &str, guild: Option<&Guild>) -> Rich {
    let line = Rich::new().text("permissions for ");
    if !one.role {
        let member = ActorId::discord(one.target);
        return line.person(&member, member.as_str()).text(format!(" were {done}"));
    }
    match guild.and_then(|guild| guild.role(RoleId(one.target))) {
        Some(role) => {
            line.strong(format!("@{}", role.name.trim_start_matches('@'))).text(format!(" were {done}"))
        }
        None => Rich::from(format!("permissions for the role {} were {done}", one.target)),
    }
}

fn role_changed(before: &Role, after: &Role) -> Option<Entry> {
    let mut lines = Vec::new();
    if before.name != after.name {
        lines.push(format!("name: {} → {}", before.name, after.name));
    }
    if before.permissions != after.permissions {
        let (more, less) = (after.permissions & !before.permissions, before.permissions & !after.permissions);
        lines.push(format!("permissions: {} given, {} taken", more.count_ones(), less.count_ones()));
    }
    if before.color != after.color {
        lines.push(format!("colour: #{:06x} → #{:06x}", before.color, after.color));
    }
    if lines.is_empty() {
        return None;
    }
    let head = Rich::new().text("Role ").strong(after.name.as_str()).text(" was changed");
    let entry = Entry::new(&AUDIT, head).audited(&[31], after.id.0);
    Some(lines.into_iter().fold(entry, Entry::more))
}

fn member_changed(before: &GuildMember, after: &GuildMember, guild: Option<&Guild>) -> Option<Entry> {
    let name = |id: &RoleId| {
        guild.and_then(|guild| guild.role(*id)).map_or_else(|| id.to_string(), |role| role.name.clone())
    };
    let given: Vec<String> = after.roles.iter().filter(|id| !before.roles.contains(id)).map(name).collect();
    let taken: Vec<String> = before.roles.iter().filter(|id| !after.roles.contains(id)).map(name).collect();
    let mut lines = Vec::new();
    if !given.is_empty() {
        lines.push(format!("roles given: {}", listed(&given)));
    }
    if !taken.is_empty() {
        lines.push(format!("roles taken: {}", listed(&taken)));
    }
    if before.nick != after.nick {
        let shown = |nick: &Option<String>| nick.clone().unwrap_or_else(|| "none".to_owned());
        lines.push(format!("nickname: {} → {}", shown(&before.nick), shown(&after.nick)));
    }
    if lines.is_empty() {
        return None;
    }
    let head = Rich::new().person(&after.actor(), after.name.as_str()).text(" was changed");
    let entry = Entry::new(&AUDIT, head).audited(&[24, 25], after.user.0);
    Some(lines.into_iter().fold(entry, Entry::more))
}

fn named(guild: Option<&Guild>, id: ChannelId) -> String {
    guild.and_then(|guild| guild.channel(id)).map_or_else(|| format!("the channel {id}"), hash)
}

/// A channel and its category.
fn within(channel: &Channel) -> impl Iterator<Item = ChannelId> {
    std::iter::once(channel.id).chain(channel.parent)
}

fn hash(channel: &Channel) -> String {
    format!("#{}", channel.name)
}

fn link(message: &Message, guild: Option<&Guild>) -> Rich {
    let line = Rich::new().text("message ");
    match guild {
        Some(guild) => line.link(Address::message(guild.id, message.link())),
        None => line.code(message.link().to_string()),
    }
}

/// Names with commas between; a member may have 250 roles.
fn listed(names: &[String]) -> String {
    match names.len().checked_sub(LISTED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..LISTED].join(", ")),
    }
}

/// A text cut to what fits; an empty one is said to be.
fn shown(text: &str) -> String {
    if text.trim().is_empty() {
        return "(no text)".to_owned();
    }
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use guildhall_core::guild::{ChannelKind, MessageId, Person};

    use super::*;

    fn role(id: u64, name: &str) -> Role {
        let name = name.to_owned();
        Role { id: RoleId(id), name, position: 1, permissions: 0, color: 0, managed: false }
    }

    fn guild() -> Guild {
        Guild {
            id: 1,
            name: "Roses".to_owned(),
            owner: UserId(9),
            locale: "en-US".to_owned(),
            roles: vec![role(1, "@everyone"), role(2, "Gardeners")],
            channels: Vec::new(),
        }
    }

    #[test]
    fn an_edit_leads_to_the_message_and_what_was_written_leads_nowhere() {
        let after = Message {
            id: MessageId(7),
            channel: ChannelId(5),
            author: Person { user: UserId(3), username: "ann".into(), name: "Ann".into(), bot: false },
            roles: Vec::new(),
            content: "https://evil.example <#5>".to_owned(),
            attachments: Vec::new(),
            at: OffsetDateTime::UNIX_EPOCH,
        };
        let event = GuildEvent::MessageEdited { before: None, after };
        let entry = of(&event, Some(&guild()), OffsetDateTime::UNIX_EPOCH).unwrap();
        let spans = entry.more.iter().flat_map(|line| &line.0);
        let live: Vec<&Span> = spans.filter(|span| !matches!(span, Span::Plain(_))).collect();
        let there = "https://discord.com/channels/1/5/7".parse().unwrap();
        assert_eq!(live, [&Span::Link(there)]);
    }

    fn said(entry: &Entry) -> String {
        serde_json::to_string(&entry.write(Document::default())).unwrap()
    }

    #[test]
    fn roles_whose_permissions_in_a_channel_change_are_named() {
        let channel = |overwrites| Channel {
            id: ChannelId(5),
            name: "general".to_owned(),
            kind: ChannelKind::Text,
            parent: None,
            slowmode: 0,
            overwrites,
        };
        let guild = guild();
        let own = |target, role| Overwrite { target, role, allow: 0, deny: 1 };
        let after = channel(vec![own(1, true), own(2, true), own(3, true), own(4, false)]);
        let event = GuildEvent::ChannelChanged { before: Some(channel(Vec::new())), after };
        let text = said(&of(&event, Some(&guild), OffsetDateTime::UNIX_EPOCH).unwrap());
        assert!(text.contains("@everyone") && !text.contains("@@everyone"), "{text}");
        assert!(text.contains("@Gardeners") && text.contains("the role 3 were set"), "{text}");
        assert!(text.contains("discord:4"), "a member is named as a person: {text}");
    }

    #[test]
    fn one_message_is_one_and_two_are_two() {
        let text = |count: usize| said(&deleted(ChannelId(5), count, &[], "#general"));
        assert!(
            text(1).contains("1 message was deleted in ") && text(1).contains("what it said is not known")
        );
        assert!(
            text(2).contains("2 messages were deleted in ")
                && text(2).contains("what they said is not known")
        );
    }
}
