//! The first set-up: channels and roles for the settings that want them, proposed first, made on one press.
//!
//! Each thing is made and set before the next one, and what has been made is found again by its name. So a
//! set-up that stopped half-way goes on at the next press, and a repeated press makes nothing twice.

use std::time::Duration;

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone,
    document::Style,
    guild::{
        Channel, ChannelId, ChannelKind, Guild, GuildAction, NewChannel, NewRole, Overwrite, Role, RoleId,
        bits, made_at,
    },
    operation::Limit,
    setting::{Setting, SettingKind},
};
use guildhall_store::{StoreError, Timestamp, scope};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Community, CommunityError,
    book::Book,
    change::{Edit, Expected},
    entity::setup,
};

/// The sections whose channels and roles are set up.
const SECTIONS: [&str; 2] = ["logs", "jail"];
/// The lowest rank that sees what is made for the staff: junior moderators.
const STAFF: u8 = 2;
/// What makes a role one of the staff's where Discord's permissions count: whatever gives rank 2 or above.
const NATIVE_STAFF: u64 =
    bits::MANAGE_GUILD | bits::BAN_MEMBERS | bits::KICK_MEMBERS | bits::MODERATE_MEMBERS;
/// How long a channel or role that was just made may be missing where Discord's events have not arrived yet.
const ARRIVING: Duration = Duration::from_secs(120);
/// How long one set-up may hold others off. A guild has at most 500 channels to close to the jailed.
const LEASE: Duration = Duration::from_secs(600);
/// Permissions of which a role for the jailed has none.
const POWER: u64 = bits::ADMINISTRATOR
    | bits::MANAGE_GUILD
    | bits::MANAGE_ROLES
    | bits::MANAGE_CHANNELS
    | bits::MANAGE_MESSAGES
    | bits::BAN_MEMBERS
    | bits::KICK_MEMBERS
    | bits::MODERATE_MEMBERS;
/// What Discord's audit log says.
const REASON: &str = "Guildhall: first set-up";

/// One thing of the set-up.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SetupStep {
    /// The setting it is for.
    pub setting: String,
    /// What the channel or role is called.
    pub name: String,
    /// Where it comes from.
    pub plan: SetupPlan,
}

/// Where a channel or role comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetupPlan {
    /// It is set already.
    Kept,
    /// There is one that fits; it is used.
    Reused,
    /// It is made.
    Created,
}

/// A set-up.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SetupData {
    /// Whether it has been done; a proposal has not.
    pub applied: bool,
    /// The channels and roles.
    pub steps: Vec<SetupStep>,
    /// Channels that are closed to the jailed.
    pub closed: usize,
}

/// Proposes channels and roles for logs and jail, and makes them.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigSetup {
    /// Make what was proposed.
    #[serde(default)]
    pub apply: Option<bool>,
}

/// A setting and what is to become of it.
struct Proposal {
    setting: &'static Setting,
    name: String,
    plan: SetupPlan,
    /// The channel or role, unless it is to be made.
    id: Option<u64>,
}

impl Operation for ConfigSetup {
    type Domain = Community;
    type Output = SetupData;

    const NAME: &'static str = "config setup";
    const SUMMARY: &'static str =
        "Set up channels and roles for logs and jail; shows them before it makes them";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const LIMIT: Limit = Limit { per_minute: 10, burst: 5 };
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["config setup"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<SetupData>, Error> {
        if self.apply != Some(true) {
            let guild = community.guilds().guild(call.tenant()).await?;
            let book = community.book(call.tenant()).await?;
            let proposals = proposals(community, &book, &guild);
            let closing = to_close(&proposals, &guild).len();
            return Ok(proposed(&proposals, closing));
        }
        let holder = community.begin_setup(call).await?;
        let result = community.set_up(call).await;
        // The lease ends by itself when it cannot be given back.
        if let Err(error) = community.end_setup(call, holder).await {
            tracing::warn!("the end of a set-up could not be noted: {error}");
        }
        let data = result?;
        let made = data.steps.iter().filter(|step| step.plan == SetupPlan::Created).count();
        let text = match (made, data.closed) {
            (0, 0) => "Everything was there already.".to_owned(),
            (made, 0) => format!("{made} made; everything is set."),
            (made, closed) => {
                format!("{made} made, {} closed to the jailed; everything is set.", channels(closed))
            }
        };
        let mut document = table(Document::titled("Set up").tone(Tone::Good).text(text), &data.steps);
        for section in SECTIONS {
            let open = Action::new(format!("Open {section}"), "config open", json!({"section": section}));
            document = document.action(open);
        }
        Ok(Answer::new(data, document))
    }
}

fn proposed(proposals: &[Proposal], closing: usize) -> Answer<SetupData> {
    let steps: Vec<SetupStep> = proposals.iter().map(Proposal::step).collect();
    let mut document = Document::titled("First set-up");
    if steps.is_empty() {
        document = document.text("No part of this installation wants a channel or a role.");
        return Answer::new(SetupData { applied: false, steps, closed: 0 }, document);
    }
    document = table(document, &steps).text(
        "New channels are seen by the staff (roles with rank 2 and above) and by Guildhall only; the jail channel by \
         the jailed as well.",
    );
    let jails = proposals.iter().any(|proposal| is_jail_role(proposal.setting));
    if jails {
        let text = format!("The role for the jailed is shut out of {}.", channels(closing));
        document = document.text(text);
    }
    let all_kept = steps.iter().all(|step| step.plan == SetupPlan::Kept);
    document = match all_kept && closing == 0 {
        true => document.text("Everything is there already."),
        false => {
            let apply = Action::new("Set it up", "config setup", json!({"apply": true}));
            document.text("Nothing has been made yet.").action(apply.style(Style::Primary))
        }
    };
    Answer::new(SetupData { applied: false, steps, closed: closing }, document)
}

fn channels(count: usize) -> String {
    if count == 1 { "1 channel".to_owned() } else { format!("{count} channels") }
}

fn table(document: Document, steps: &[SetupStep]) -> Document {
    let rows = steps.iter().map(|step| {
        let plan = match step.plan {
            SetupPlan::Kept => "set already",
            SetupPlan::Reused => "the one there is",
            SetupPlan::Created => "new",
        };
        vec![Rich::new().code(step.setting.as_str()), step.name.as_str().into(), plan.into()]
    });
    document.table(&["setting", "channel or role", "comes from"], rows.collect())
}

impl Proposal {
    fn step(&self) -> SetupStep {
        let mark = if matches!(self.setting.kind, SettingKind::Role) { '@' } else { '#' };
        let name = format!("{mark}{}", self.name);
        SetupStep { setting: self.setting.key.to_owned(), name, plan: self.plan }
    }
}

fn is_jail_role(setting: &Setting) -> bool {
    setting.section() == "jail" && matches!(setting.kind, SettingKind::Role)
}

/// What a channel or role for a setting is called: `logs.joins` wants `joins-log`.
fn proposed_name(setting: &Setting) -> String {
    let name = setting.key.split_once('.').map_or(setting.key, |(_, name)| name).replace('_', "-");
    match (setting.section(), name.as_str(), setting.kind) {
        ("logs", "moderation", _) => "mod-log".to_owned(),
        ("logs", "reports" | "private", _) => "reports".to_owned(),
        ("logs", _, SettingKind::Channel) if name.ends_with("-log") => name,
        ("logs", _, SettingKind::Channel) => format!("{name}-log"),
        ("jail", _, SettingKind::Role) => "Jailed".to_owned(),
        ("jail", "channel", _) => "jail".to_owned(),
        _ => name,
    }
}

/// The proposals, roles first: channels name them in their overwrites.
fn proposals(community: &Community, book: &Book, guild: &Guild) -> Vec<Proposal> {
    let now = community.clock().now();
    let wanted = community.registry().iter().filter(|setting| {
        SECTIONS.contains(&setting.section())
            && matches!(setting.kind, SettingKind::Channel | SettingKind::Role)
    });
    let mut proposals: Vec<Proposal> = wanted.map(|setting| proposal(setting, book, guild, now)).collect();
    proposals.sort_by_key(|proposal| !matches!(proposal.setting.kind, SettingKind::Role));
    proposals
}

fn proposal(setting: &'static Setting, book: &Book, guild: &Guild, now: OffsetDateTime) -> Proposal {
    let kept: Option<u64> = book.value(setting).as_str().and_then(|id| id.parse().ok());
    let name = proposed_name(setting);
    let (there, fitting) = match setting.kind {
        SettingKind::Role => {
            let there = kept.and_then(|id| guild.role(RoleId(id))).map(|role| (role.id.0, role.name.clone()));
            let harmless =
                |role: &&Role| !role.managed && role.id.0 != guild.id && role.permissions & POWER == 0;
            let fits = |role: &&Role| role.name.eq_ignore_ascii_case(&name) && harmless(role);
            (there, guild.roles.iter().find(fits).map(|role| role.id.0))
        }
        _ => {
            let channel = kept.and_then(|id| guild.channel(ChannelId(id)));
            let there = channel.map(|channel| (channel.id.0, channel.name.clone()));
            // A channel that everybody reads is none for the staff, whatever it is called.
            let fits = |channel: &&Channel| {
                channel.name == name && channel.kind == ChannelKind::Text && is_private(channel, guild)
            };
            (there, guild.channels.iter().find(fits).map(|channel| channel.id.0))
        }
    };
    let arriving = kept.filter(|id| (made_at(*id)..made_at(*id) + ARRIVING).contains(&now));
    let there = there.or_else(|| arriving.map(|id| (id, name.clone())));
    match (there, fitting) {
        (Some((id, name)), _) => Proposal { setting, name, plan: SetupPlan::Kept, id: Some(id) },
        (None, Some(id)) => Proposal { setting, name, plan: SetupPlan::Reused, id: Some(id) },
        (None, None) => Proposal { setting, name, plan: SetupPlan::Created, id: None },
    }
}

fn is_private(channel: &Channel, guild: &Guild) -> bool {
    let everyone = channel.overwrites.iter().find(|overwrite| overwrite.role && overwrite.target == guild.id);
    everyone.is_some_and(|overwrite| overwrite.deny & bits::VIEW_CHANNEL != 0)
}

/// The channels that are still open to the jailed, all but theirs.
fn to_close<'a>(proposals: &[Proposal], guild: &'a Guild) -> Vec<&'a Channel> {
    let Some(role) = proposals.iter().find(|proposal| is_jail_role(proposal.setting)) else {
        return Vec::new();
    };
    let jail = proposals
        .iter()
        .find(|proposal| {
            proposal.setting.section() == "jail" && proposal.setting.kind == SettingKind::Channel
        })
        .and_then(|proposal| proposal.id);
    let open = |channel: &&Channel| {
        let own =
            channel.overwrites.iter().find(|overwrite| overwrite.role && Some(overwrite.target) == role.id);
        channel.kind != ChannelKind::Thread
            && Some(channel.id.0) != jail
            && own.is_none_or(|overwrite| overwrite.deny & bits::DENIED_IN_JAIL != bits::DENIED_IN_JAIL)
    };
    guild.channels.iter().filter(open).collect()
}

impl Community {
    /// Makes and sets one thing after the other.
    async fn set_up(&self, call: &Call) -> Result<SetupData, Error> {
        let tenant = call.tenant();
        let guild = self.guilds().guild(tenant).await?;
        let book = self.book(tenant).await?;
        let mut proposals = proposals(self, &book, &guild);
        let total = proposals.len() + to_close(&proposals, &guild).len();
        let stopped = |done: usize, step: String, why: Error| {
            Error::from(CommunityError::SetupStopped { step, done, total, why: Box::new(why) })
        };
        let bot = self.guilds().myself(tenant).await?.user.0;
        let staff = self.staff_roles(call, &book, &guild);
        let jailed = proposals.iter().position(|proposal| is_jail_role(proposal.setting));
        for at in 0..proposals.len() {
            let jailed_role = jailed.and_then(|jailed| proposals[jailed].id);
            let proposal = &mut proposals[at];
            let step = proposal.step().name;
            if proposal.plan == SetupPlan::Created {
                let made = match proposal.setting.kind {
                    SettingKind::Role => {
                        let role = NewRole { name: proposal.name.clone(), permissions: 0, color: 0 };
                        self.guilds().create_role(tenant, role, REASON).await.map(|id| id.0)
                    }
                    _ => {
                        let jailed = jailed_role.filter(|_| proposal.setting.section() == "jail");
                        let overwrites = overwrites(guild.id, bot, &staff, jailed);
                        let channel = NewChannel {
                            name: proposal.name.clone(),
                            kind: ChannelKind::Text,
                            parent: None,
                            topic: Some(proposal.setting.summary.to_owned()),
                            overwrites,
                        };
                        self.guilds().create_channel(tenant, channel, REASON).await.map(|id| id.0)
                    }
                };
                proposal.id = Some(made.map_err(|why| stopped(at, step.clone(), why))?);
            }
            if let Some(id) = proposal.id.filter(|_| proposal.plan != SetupPlan::Kept) {
                let key = proposal.setting.key.to_owned();
                // Somebody who has set it by hand meanwhile has said what they want.
                let expected = Expected::Version(book.version(&key));
                let edit = Edit::Setting { key, to: Some(Value::from(id.to_string())) };
                self.apply(call, &[edit], expected).await.map_err(|why| stopped(at, step, why.into()))?;
            }
        }
        let closing = to_close(&proposals, &guild);
        if let Some(role) = jailed.and_then(|jailed| proposals[jailed].id) {
            for (at, channel) in closing.iter().enumerate() {
                let own = channel.overwrites.iter().find(|own| own.role && own.target == role);
                let (allow, deny) = own.map_or((0, 0), |own| (own.allow & !bits::DENIED_IN_JAIL, own.deny));
                let overwrite =
                    Overwrite { target: role, role: true, allow, deny: deny | bits::DENIED_IN_JAIL };
                let action = GuildAction::SetOverwrite { channel: channel.id, overwrite };
                let done = self.guilds().act(tenant, action, REASON).await;
                done.map_err(|why| stopped(proposals.len() + at, format!("#{}", channel.name), why))?;
            }
        }
        let steps = proposals.iter().map(Proposal::step).collect();
        Ok(SetupData { applied: true, steps, closed: closing.len() })
    }

    /// The roles that see what is made for the staff.
    fn staff_roles(&self, call: &Call, book: &Book, guild: &Guild) -> Vec<u64> {
        let ranked = self.ranked_roles(call.tenant(), book);
        let high = ranked.iter().filter(|(_, rank, _)| rank.level() >= STAFF).map(|(role, ..)| role.0);
        // A role that is gone cannot be in an overwrite.
        let mut roles: Vec<u64> = high.filter(|role| guild.role(RoleId(*role)).is_some()).collect();
        if book.is_on(&crate::NATIVE) {
            let native = guild.roles.iter().filter(|role| role.permissions & NATIVE_STAFF != 0);
            roles.extend(native.map(|role| role.id.0));
        }
        roles.sort_unstable();
        roles.dedup();
        // Discord takes 100 overwrites a channel in one request.
        roles.truncate(90);
        roles
    }

    async fn begin_setup(&self, call: &Call) -> Result<Uuid, CommunityError> {
        let (now, holder) = (self.clock().now(), self.clock().uuid());
        let tx = self.store().begin().await?;
        // Only one that is over makes room; the insertion finds one that is not, however new it is.
        let over = setup::Column::Until.lte(Timestamp::from(now));
        scope::delete::<setup::Entity>(call.tenant()).filter(over).exec(tx.conn()).await?;
        let row = setup::Model { tenant: call.tenant().to_string(), holder, until: (now + LEASE).into() };
        let inserted = setup::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await;
        match inserted.map_err(StoreError::from) {
            Err(StoreError::Duplicate(_)) => return Err(CommunityError::SetupBusy),
            inserted => inserted?,
        };
        tx.commit().await?;
        Ok(holder)
    }

    async fn end_setup(&self, call: &Call, holder: Uuid) -> Result<(), StoreError> {
        let tx = self.store().begin().await?;
        let own = scope::delete::<setup::Entity>(call.tenant()).filter(setup::Column::Holder.eq(holder));
        own.exec(tx.conn()).await?;
        tx.commit().await
    }
}

fn overwrites(everyone: u64, bot: u64, staff: &[u64], jailed: Option<u64>) -> Vec<Overwrite> {
    let mut overwrites = vec![
        Overwrite { target: everyone, role: true, allow: 0, deny: bits::VIEW_CHANNEL },
        Overwrite { target: bot, role: false, allow: bits::READ_AND_WRITE, deny: 0 },
    ];
    overwrites.extend(staff.iter().map(|role| Overwrite {
        target: *role,
        role: true,
        allow: bits::READ_AND_WRITE,
        deny: 0,
    }));
    overwrites.extend(jailed.map(|role| Overwrite {
        target: role,
        role: true,
        allow: bits::READ_AND_WRITE,
        deny: 0,
    }));
    overwrites
}
