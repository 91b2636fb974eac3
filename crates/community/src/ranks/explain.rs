//! Why somebody has a rank, and why they may or may not use a command.

use guildhall_core::{
    Actor, ActorId, Answer, Call, Catalogue, Document, Effect, Error, Operation, Rank, Rich, Spec, Tone,
    guild::{Guild, UserId, hierarchy},
    permission::{self, Member},
    suggest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ladder::name_of,
    permission::Source,
    require::CommandName,
    standing::{Reason, Standing},
};
use crate::{Community, CommunityError, book::Book};

/// Reasons shown; a member has at most 250 roles.
const MOST_REASONS: usize = 12;
/// Commands of a group that are shown.
const MOST_COMMANDS: usize = 25;

/// Who one is to Guildhall.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhoamiData {
    /// The actor's id.
    pub actor: String,
    /// The rank.
    pub rank: u8,
    /// What it is called here.
    pub name: String,
    /// Why the actor may do more than the rank says, if so.
    pub bypass: Option<String>,
}

/// Shows the caller's own rank and where it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankWhoami {}

impl Operation for RankWhoami {
    type Domain = Community;
    type Output = WhoamiData;

    const NAME: &'static str = "rank whoami";
    const SUMMARY: &'static str = "Show your own rank and where it comes from";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const ALIASES: &'static [&'static str] = &["whoami"];
    const EXAMPLES: &'static [&'static str] = &["rank whoami"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<WhoamiData>, Error> {
        let book = community.book(call.tenant()).await?;
        let actor = &call.actor;
        let bypass = community.bypass(actor).await;
        let data = WhoamiData {
            actor: actor.id.to_string(),
            rank: actor.rank.level(),
            name: name_of(&book, actor.rank),
            bypass: bypass.map(str::to_owned),
        };
        let who = Rich::new().person(&actor.id, actor.name.as_str());
        let mut document =
            Document::titled("Your rank").text(who.text(" has rank ").strong(data.name.as_str()).text("."));
        if let (Some(user), Some(guild)) = (actor.id.discord_user(), community.guild(call.tenant()).await)
            && let Some(member) = community.guilds().member(call.tenant(), UserId(user)).await?
        {
            let member = Community::as_member(call.tenant(), &guild, &member);
            let standing = community.standing(&member).await?;
            document = reasons(document, &book, &guild, &standing);
        }
        if let Some(bypass) = bypass {
            document = document.text(format!("Ranks do not hold you up: {bypass}."));
        }
        if let Some(scope) = &actor.scope {
            document = document.text(format!("This token is for: {}.", scope.join(", ")));
        }
        Ok(Answer::new(data, document))
    }
}

/// Whether somebody may use a command, and why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExplainData {
    /// Whether they may; of a group, whether they may use all of it.
    pub allowed: bool,
    /// The command or group.
    pub command: String,
    /// What it asks for; of a group, the most that one of it asks for.
    pub required: u8,
    /// What they have.
    pub rank: u8,
    /// Each step of the decision.
    pub steps: Vec<String>,
}

/// Explains why somebody may or may not use a command.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankExplain {
    /// A command such as `server start`, or a group such as `server`.
    pub command: CommandName,
    /// Whom it is about, for moderators; you when left out.
    #[serde(default)]
    pub member: Option<UserId>,
}

impl Operation for RankExplain {
    type Domain = Community;
    type Output = ExplainData;

    const NAME: &'static str = "rank explain";
    const SUMMARY: &'static str = "Explain why you, or another member, may or may not use a command";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["rank explain command:server start member:@somebody"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ExplainData>, Error> {
        let book = community.book(call.tenant()).await?;
        let catalogue = community.catalogue()?;
        let command = self.command.read();
        let group = || {
            let member = |spec: &&Spec| {
                spec.name.strip_prefix(command.as_str()).is_some_and(|rest| rest.starts_with(' '))
            };
            catalogue.specs().filter(member).collect::<Vec<_>>()
        };
        let specs = catalogue.spec(&command).map_or_else(group, |spec| vec![spec]);
        let Some(spec) = specs.first().copied() else {
            let near = suggest::nearest(&command, catalogue.specs().map(|spec| spec.name), 3);
            return Err(CommunityError::CommandUnknown {
                near: near.into_iter().map(str::to_owned).collect(),
                name: command.chars().take(64).collect(),
                retry: ("rank explain", "command"),
            }
            .into());
        };
        let own = call.actor.id.discord_user().map(UserId);
        let about = self.member.or(own);
        if about != own && call.actor.rank < Rank::MODERATOR && community.bypass(&call.actor).await.is_none()
        {
            return Err(CommunityError::ExplainOthers.into());
        }
        let mut steps = Steps::of(call.actor.name.clone());
        let (rank, bypass) = match about {
            Some(user) => community.explain_member(call, &book, user, about == own, &mut steps).await?,
            None => {
                steps.say(format!("{} has rank {}.", call.actor.name, name_of(&book, call.actor.rank)));
                (call.actor.rank, community.bypass(&call.actor).await)
            }
        };
        if spec.name != command {
            let scoped = call.actor.scope.is_some() && about == own;
            let actor = scoped.then_some(&call.actor);
            return Ok(community.explain_group(&book, command, &specs, (rank, bypass), actor, steps));
        }
        let mut allowed = community.explain_command(&book, spec, rank, bypass, &mut steps);
        if about == own
            && let Some(scope) = &call.actor.scope
        {
            let covers = call.actor.covers(spec.name);
            let word = if covers { "covers" } else { "does not cover" };
            steps.say(format!("Your token {word} it; it is for: {}.", scope.join(", ")));
            allowed &= covers;
        }
        let (seen_by, shown_with) = shown(&catalogue, spec.name);
        let held = steps.permissions.zip(shown_with).is_none_or(|(held, bit)| held & bit != 0);
        steps.say(match held {
            true => "Discord can hide commands on top of that, in Server Settings → Integrations; what it hides \
                     there nobody finds in the menu, whatever their rank."
                .to_owned(),
            false => format!(
                "Discord lists /{} for {seen_by} at first. {} lacks that, and does not find it in the menu until \
                 staff adds one of their roles in Server Settings → Integrations → Guildhall.",
                spec.name, steps.name
            ),
        });
        let (word, tone) = if allowed { ("may", Tone::Good) } else { ("may not", Tone::Bad) };
        let who = match about {
            Some(user) => Rich::new().person(&ActorId::discord(user.0), steps.name.as_str()),
            None => Rich::new().text(call.actor.name.as_str()),
        };
        let verdict = who.text(format!(" {word} use ")).code(spec.name).text(".");
        let mut document = Document::titled("Why, or why not").tone(tone).text(verdict);
        document.blocks.append(&mut steps.document.blocks);
        let required = book.requirement(spec).0.level();
        let command = spec.name.to_owned();
        let data = ExplainData { allowed, command, required, rank: rank.level(), steps: steps.lines };
        Ok(Answer::new(data, document))
    }
}

/// The steps of an explanation, as lines and as a document.
struct Steps {
    document: Document,
    lines: Vec<String>,
    /// What the person is called.
    name: String,
    /// What they may do on Discord, where that is known.
    permissions: Option<u64>,
}

impl Steps {
    fn of(name: String) -> Self {
        Self { document: Document::default(), lines: Vec::new(), name, permissions: None }
    }

    fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        let document = std::mem::take(&mut self.document);
        self.document = document.text(format!("{}. {line}", self.lines.len() + 1));
        self.lines.push(line);
    }
}

impl Community {
    async fn explain_member(
        &self,
        call: &Call,
        book: &Book,
        user: UserId,
        own: bool,
        steps: &mut Steps,
    ) -> Result<(Rank, Option<&'static str>), Error> {
        let tenant = call.tenant();
        let guild = self.guild(tenant).await;
        let member = match &guild {
            Some(_) => self.guilds().member(tenant, user).await?,
            None => None,
        };
        let (Some(guild), Some(member)) = (&guild, &member) else {
            if !own {
                return Err(CommunityError::NotAMember.into());
            }
            // Without a guild to look into there is only what the face has found out.
            steps.say(format!("You have rank {}.", name_of(book, call.actor.rank)));
            return Ok((call.actor.rank, self.bypass(&call.actor).await));
        };
        steps.name.clone_from(&member.name);
        steps.permissions = Some(guild.permissions(member));
        let member: Member = Self::as_member(tenant, guild, member);
        let standing = self.standing(&member).await?;
        for (rank, reason) in standing.reasons.iter().take(MOST_REASONS) {
            steps.say(reason_line(book, guild, *rank, reason));
        }
        if standing.reasons.len() > MOST_REASONS {
            steps.say(format!("… and {} more reasons.", standing.reasons.len() - MOST_REASONS));
        }
        steps.say(format!("The highest of these is rank {}.", name_of(book, standing.rank)));
        let has = |wanted: &Reason| standing.reasons.iter().any(|(_, reason)| reason == wanted);
        let bypass = if has(&Reason::Operator) {
            Some("operator")
        } else {
            has(&Reason::Owner).then_some("owner of the guild")
        };
        Ok((standing.rank, bypass))
    }

    fn explain_command(
        &self,
        book: &Book,
        spec: &Spec,
        rank: Rank,
        bypass: Option<&'static str>,
        steps: &mut Steps,
    ) -> bool {
        let (required, source) = book.requirement(spec);
        let default = name_of(book, spec.rank);
        steps.say(match &source {
            Source::Default => {
                format!("/{} asks for rank {default} by default, and nobody changed that.", spec.name)
            }
            Source::Fixed => {
                format!("/{} is for who runs this installation, and cannot be changed.", spec.name)
            }
            Source::Community(entry) if entry == spec.name => {
                format!(
                    "/{} asks for rank {} here; by default it is {default}.",
                    spec.name,
                    name_of(book, required)
                )
            }
            Source::Community(entry) => format!(
                "All of /{entry} asks for rank {} here, and /{} is one of them; by default it is {default}.",
                name_of(book, required),
                spec.name
            ),
        });
        let mut allowed = rank >= required;
        if !allowed {
            let bypass = bypass.filter(|bypass| source != Source::Fixed || *bypass == "operator");
            allowed = bypass.is_some();
            steps.say(match bypass {
                Some(bypass) => format!("The rank is too low, but does not matter: {bypass}."),
                None => "The rank is too low.".to_owned(),
            });
        }
        if let Some(feature) = spec.feature {
            let off = self.switched_off(book, spec).is_some();
            let word = if off { "off" } else { "on" };
            steps.say(format!(
                "It belongs to the feature {feature}, which is switched {word} here (features.{feature})."
            ));
            allowed &= !off;
        }
        allowed
    }
}

impl Community {
    /// One line for each command of a group. `token` is whose scope counts as well.
    fn explain_group(
        &self,
        book: &Book,
        group: String,
        specs: &[&Spec],
        (rank, bypass): (Rank, Option<&'static str>),
        token: Option<&Actor>,
        mut steps: Steps,
    ) -> Answer<ExplainData> {
        let (mut usable, mut highest) = (0, Rank::MEMBER);
        for (at, spec) in specs.iter().enumerate() {
            let mut aside = Steps::of(steps.name.clone());
            let covers = token.is_none_or(|actor| actor.covers(spec.name));
            let allowed = self.explain_command(book, spec, rank, bypass, &mut aside) && covers;
            let required = book.requirement(spec).0;
            highest = highest.max(required);
            usable += usize::from(allowed);
            let word = if allowed { "yes" } else { "no" };
            if at < MOST_COMMANDS {
                steps.say(format!("/{} asks for rank {}: {word}.", spec.name, name_of(book, required)));
            }
        }
        if let Some(more) = specs.len().checked_sub(MOST_COMMANDS).filter(|more| *more > 0) {
            steps.say(format!("… and {more} more."));
        }
        let tone = match usable {
            0 => Tone::Bad,
            some if some == specs.len() => Tone::Good,
            _ => Tone::Neutral,
        };
        let verdict = format!("{} may use {usable} of the {} commands of /{group}.", steps.name, specs.len());
        let hint = "/rank explain with one of these commands says why.";
        let mut document = Document::titled("Why, or why not").tone(tone).text(verdict);
        document.blocks.append(&mut steps.document.blocks);
        let data = ExplainData {
            allowed: usable == specs.len(),
            command: group,
            required: highest.level(),
            rank: rank.level(),
            steps: steps.lines,
        };
        Answer::new(data, document.text(hint))
    }
}

/// For whom Discord lists a command at first, and the permission that it takes. An operation is listed with its
/// command, which is its first word.
pub(super) fn shown(catalogue: &Catalogue, operation: &str) -> (String, Option<u64>) {
    let command = |name: &str| name.split(' ').next().map(str::to_owned);
    let wanted = command(operation);
    let bit = permission::shown_with(catalogue.specs().filter(|spec| command(spec.name) == wanted));
    match bit.map(hierarchy::permission_names).as_deref() {
        Some([(_, name), ..]) => (format!("members with the permission {name}"), bit),
        _ => ("everybody".to_owned(), None),
    }
}

fn reasons(mut document: Document, book: &Book, guild: &Guild, standing: &Standing) -> Document {
    for (rank, reason) in standing.reasons.iter().take(MOST_REASONS) {
        document = document.text(reason_line(book, guild, *rank, reason));
    }
    document
}

fn reason_line(book: &Book, guild: &Guild, rank: Rank, reason: &Reason) -> String {
    let name = name_of(book, rank);
    match reason {
        Reason::Everybody => format!("Everybody has rank {name}."),
        Reason::Role { role, configured } => {
            let role = guild.role(*role).map_or_else(|| role.to_string(), |role| format!("@{}", role.name));
            let by = if *configured { " (from the configuration file)" } else { "" };
            format!("The role {role} gives rank {name}{by}.")
        }
        Reason::Native(word) => format!("Discord's permission {word} gives rank {name} (ranks.native)."),
        Reason::Owner => format!("Owning the server gives rank {name}."),
        Reason::Operator => format!("Running this installation gives rank {name}."),
    }
}
