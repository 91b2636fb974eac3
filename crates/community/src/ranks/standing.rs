//! Which rank a member has, and why.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Actor, Clock, Error, Rank, TenantId,
    guild::{Guild, GuildEvent, GuildListener, GuildMember, Guilds, RoleId, UserId, bits},
    permission::{Member, Ranking},
};
use moka::sync::Cache;
use time::OffsetDateTime;

use crate::{Community, book::Book, settings};

/// How long a guild's owner and its roles' permissions are believed where no event says that they changed: while the
/// gateway is off or away, and of the owner always.
const BELIEVED: Duration = Duration::from_secs(10);
/// How long it is believed that a guild cannot be reached.
const GIVEN_UP: Duration = Duration::from_secs(2);

/// What Discord's permissions are worth, the highest first.
const NATIVE: [(u64, &str, u8); 4] = [
    (bits::ADMINISTRATOR, "Administrator", 6),
    (bits::MANAGE_GUILD, "Manage Server", 5),
    (bits::BAN_MEMBERS, "Ban Members", 3),
    (bits::MODERATE_MEMBERS | bits::KICK_MEMBERS, "Timeout or Kick Members", 2),
];

/// Why somebody has a rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Everybody is a member.
    Everybody,
    /// A role that the community, or the configuration file, gave the rank.
    Role { role: RoleId, configured: bool },
    /// A permission on Discord.
    Native(&'static str),
    /// Owns the guild.
    Owner,
    /// Runs the installation.
    Operator,
}

/// Every reason why a member has a rank, and the highest of them.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) rank: Rank,
    pub(crate) reasons: Vec<(Rank, Reason)>,
}

/// What matters of a guild for ranks: small enough to be kept for every call.
#[derive(Debug)]
pub(crate) struct Shape {
    id: u64,
    owner: UserId,
    permissions: HashMap<RoleId, u64>,
}

impl Shape {
    pub(crate) fn of(guild: &Guild) -> Self {
        let permissions = guild.roles.iter().map(|role| (role.id, role.permissions)).collect();
        Self { id: guild.id, owner: guild.owner, permissions }
    }

    fn granted(&self, roles: &[u64]) -> u64 {
        let own = roles.iter().chain([&self.id]);
        own.fold(0, |all, role| all | self.permissions.get(&RoleId(*role)).copied().unwrap_or(0))
    }
}

/// The snowflakes of a member's roles.
type Roles = Arc<[u64]>;

/// The shapes of guilds, for a moment.
pub(crate) struct Shapes {
    guilds: Arc<dyn Guilds>,
    clock: Arc<dyn Clock>,
    cache: Cache<TenantId, (Option<Arc<Shape>>, OffsetDateTime)>,
    roles: Cache<(TenantId, UserId), (Roles, OffsetDateTime)>,
    /// Events that made something cached old. What was read before one of them is not kept after it.
    events: AtomicU64,
}

impl Shapes {
    pub(crate) fn new(guilds: Arc<dyn Guilds>, clock: Arc<dyn Clock>) -> Self {
        let (cache, roles) = (Cache::new(10_000), Cache::new(10_000));
        Self { guilds, clock, cache, roles, events: AtomicU64::new(0) }
    }

    /// `None` where the guild cannot be reached.
    pub(crate) async fn get(&self, tenant: &TenantId) -> Option<Arc<Shape>> {
        let now = self.clock.now();
        if let Some((shape, until)) = self.cache.get(tenant)
            && now < until
        {
            return shape;
        }
        let events = self.events.load(Ordering::Acquire);
        let shape = self.guilds.guild(tenant).await.ok().map(|guild| Arc::new(Shape::of(&guild)));
        let believed = if shape.is_some() { BELIEVED } else { GIVEN_UP };
        self.cache.insert(tenant.clone(), (shape.clone(), now + believed));
        if self.events.load(Ordering::Acquire) != events {
            self.cache.invalidate(tenant);
        }
        shape
    }

    /// The roles of somebody in a guild; none when they are no member, or the guild cannot be reached.
    async fn roles(&self, tenant: &TenantId, user: UserId) -> Roles {
        let (now, key) = (self.clock.now(), (tenant.clone(), user));
        if let Some((roles, until)) = self.roles.get(&key)
            && now < until
        {
            return roles;
        }
        let events = self.events.load(Ordering::Acquire);
        let member = self.guilds.member(tenant, user).await;
        let believed = if member.is_ok() { BELIEVED } else { GIVEN_UP };
        let roles = member.ok().flatten().map(|member| member.roles.iter().map(|role| role.0).collect());
        let roles: Roles = roles.unwrap_or_default();
        self.roles.insert(key.clone(), (roles.clone(), now + believed));
        if self.events.load(Ordering::Acquire) != events {
            self.roles.invalidate(&key);
        }
        roles
    }

    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.events.fetch_add(1, Ordering::AcqRel);
        self.cache.invalidate(tenant);
    }

    fn forget_member(&self, tenant: &TenantId, user: UserId) {
        self.events.fetch_add(1, Ordering::AcqRel);
        self.roles.invalidate(&(tenant.clone(), user));
    }

    /// Whether the person owns the guild.
    pub(crate) async fn owns(&self, tenant: &TenantId, user: u64) -> bool {
        self.get(tenant).await.is_some_and(|shape| shape.owner.0 == user)
    }
}

impl Community {
    /// Every reason why a member has a rank.
    pub(crate) async fn standing(&self, member: &Member) -> Result<Standing, Error> {
        let book = self.book(&member.tenant).await?;
        let shape = self.shapes().get(&member.tenant).await;
        let mut reasons = vec![(Rank::MEMBER, Reason::Everybody)];
        for role in member.roles.iter().map(|role| RoleId(*role)) {
            if let Some((rank, configured)) = self.rank_of_role(&member.tenant, &book, role) {
                reasons.push((rank, Reason::Role { role, configured }));
            }
        }
        if book.is_on(&settings::NATIVE) {
            let mut granted = shape.as_ref().map_or(0, |shape| shape.granted(&member.roles));
            if member.administrator {
                granted |= bits::ADMINISTRATOR;
            }
            let native = NATIVE.iter().find(|(bit, ..)| granted & bit != 0);
            if let Some((_, word, level)) = native {
                reasons.push((Rank::new(*level).unwrap_or(Rank::MEMBER), Reason::Native(word)));
            }
        }
        if member.owner || shape.is_some_and(|shape| shape.owner.0 == member.user) {
            reasons.push((Rank::OWNER, Reason::Owner));
        }
        if self.config().operators.contains(&UserId(member.user)) {
            reasons.push((Rank::OPERATOR, Reason::Operator));
        }
        let rank = reasons.iter().map(|(rank, _)| *rank).max().unwrap_or(Rank::MEMBER);
        Ok(Standing { rank, reasons })
    }

    /// The rank that an actor has without running the installation: a call of theirs is judged by that for the
    /// record. Whoever is no member of the community's, and every program that an operator made, has the lowest.
    pub(crate) async fn own_rank(&self, actor: &Actor) -> Result<Rank, Error> {
        if actor.rank < Rank::OPERATOR {
            return Ok(actor.rank);
        }
        let Some(user) = actor.id.discord_user().map(UserId) else { return Ok(Rank::MEMBER) };
        let roles = self.shapes().roles(&actor.tenant, user).await;
        // What the guild's shape says of its owner and administrators is found there.
        let member = Member {
            tenant: actor.tenant.clone(),
            user: user.0,
            roles: roles.to_vec(),
            administrator: false,
            owner: false,
        };
        let reasons = self.standing(&member).await?.reasons.into_iter();
        let own = reasons.filter(|(_, reason)| *reason != Reason::Operator).map(|(rank, _)| rank).max();
        Ok(own.unwrap_or(Rank::MEMBER))
    }

    /// The rank that a role gives, and whether it comes from the configuration file.
    pub(crate) fn rank_of_role(&self, tenant: &TenantId, book: &Book, role: RoleId) -> Option<(Rank, bool)> {
        if let Some(rank) = book.roles.get(&role) {
            return Some((*rank, false));
        }
        let configured = self.config().assigned.get(tenant)?;
        let rank = configured.iter().filter(|(id, _)| *id == role).map(|(_, rank)| *rank).max()?;
        // The file cannot make somebody an operator by a role; those are named in person.
        Some((rank.min(highest()), true))
    }

    /// Every role that gives a rank, and whether that comes from the configuration file.
    pub(crate) fn ranked_roles(&self, tenant: &TenantId, book: &Book) -> Vec<(RoleId, Rank, bool)> {
        let configured = self.config().assigned.get(tenant).into_iter().flatten().map(|(role, _)| *role);
        let mut roles: Vec<RoleId> = book.roles.keys().copied().chain(configured).collect();
        roles.sort_unstable();
        roles.dedup();
        let ranked = roles.into_iter().filter_map(|role| {
            self.rank_of_role(tenant, book, role).map(|(rank, configured)| (role, rank, configured))
        });
        ranked.collect()
    }

    /// A member as `standing` wants them.
    pub(crate) fn as_member(tenant: &TenantId, guild: &Guild, member: &GuildMember) -> Member {
        Member {
            tenant: tenant.clone(),
            user: member.user.0,
            roles: member.roles.iter().map(|role| role.0).collect(),
            administrator: guild.permissions(member) & bits::ADMINISTRATOR != 0,
            owner: guild.owner == member.user,
        }
    }
}

/// The highest rank that a role can give.
pub(crate) fn highest() -> Rank {
    Rank::new(9).unwrap_or(Rank::OWNER)
}

#[async_trait]
impl Ranking for Community {
    async fn rank(&self, member: &Member) -> Result<Rank, Error> {
        Ok(self.standing(member).await?.rank)
    }
}

#[async_trait]
impl GuildListener for Community {
    fn name(&self) -> &'static str {
        "ranks"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "available"
                | "removed"
                | "role_created"
                | "role_changed"
                | "role_deleted"
                | "member_changed"
                | "member_left"
        )
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        match event {
            GuildEvent::MemberChanged { after, .. } => self.shapes().forget_member(tenant, after.user),
            GuildEvent::MemberLeft { user, .. } => self.shapes().forget_member(tenant, *user),
            _ => self.shapes().forget(tenant),
        }
    }
}
