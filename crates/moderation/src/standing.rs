//! Who may act on whom: Discord's hierarchy of roles, the community's own ranks, and what it asks for each
//! operation, also where another one comes to the same.

use std::sync::LazyLock;

use guildhall_core::{
    Actor, Call, Error, Rank, Spec, TenantId,
    guild::{
        Guild, UserId, bits,
        hierarchy::{self, Checked},
    },
    permission::{self, Member},
};
use guildhall_store::Timestamp;

use crate::{Moderation, case::CaseKind, entity::case, error::ModerationError, operations};

/// What is known of this crate's operations.
static SPECS: LazyLock<Vec<Spec>> = LazyLock::new(|| operations().specs().cloned().collect());

/// The member whose roles count for what an actor does. Who runs the installation stands outside of every
/// server's hierarchy, and so do programs, whose rank alone counts.
pub(crate) fn acting(actor: &Actor) -> Option<UserId> {
    if actor.rank >= Rank::OPERATOR { None } else { actor.id.discord_user().map(UserId) }
}

impl Moderation {
    /// Whether the caller may call this operation too: asked where another one comes to the same.
    pub(crate) async fn may_call(&self, call: &Call, operation: &str) -> Result<(), ModerationError> {
        let Some(spec) = SPECS.iter().find(|spec| spec.name == operation) else {
            return Err(Error::bug(format!("no operation is called {operation}")).into());
        };
        let required = self.seams.permissions.required(&call.actor, spec).await?;
        call.bypass.note(permission::check(&call.actor, &required, spec.name)?);
        Ok(())
    }

    /// Whether the caller may move a case's end to there. An earlier end lifts the measure, a later one takes it
    /// anew, so each takes what that takes: the operation's rank, and a standing above the person's.
    pub(crate) async fn may_move_end(
        &self,
        call: &Call,
        row: &case::Model,
        end: Option<Timestamp>,
    ) -> Result<(), ModerationError> {
        let later = match (row.expires_at, end) {
            (before, after) if before == after => return Ok(()),
            (Some(before), Some(after)) => after > before,
            (_, after) => after.is_none(),
        };
        let operation = match row.kind {
            kind if !later => kind.lifted_by().unwrap_or(kind.word()),
            CaseKind::Ban | CaseKind::Tempban if end.is_none() => CaseKind::Ban.word(),
            kind => kind.word(),
        };
        self.may_call(call, operation).await?;
        if let Some(user) = row.user() {
            self.may_act_on(call.tenant(), acting(&call.actor), call.actor.rank, user, 0).await?;
        }
        Ok(())
    }

    /// The guild, when the bot has these permissions there.
    pub(crate) async fn able(&self, tenant: &TenantId, needs: u64) -> Result<Guild, Error> {
        let guild = self.seams.guilds.guild(tenant).await?;
        let myself = self.seams.guilds.myself(tenant).await?;
        hierarchy::able(&guild, &myself, None, needs)?;
        Ok(guild)
    }

    /// Whether somebody with this rank may act on `target`, and whether the bot can do it for them. Looked at
    /// before anything happens.
    pub(crate) async fn may_act_on(
        &self,
        tenant: &TenantId,
        acting: Option<UserId>,
        rank: Rank,
        target: UserId,
        needs: u64,
    ) -> Result<Checked, ModerationError> {
        let checked = hierarchy::check(self.seams.guilds.as_ref(), tenant, acting, target, needs).await?;
        let Some(member) = &checked.target else { return Ok(checked) };
        let owner = checked.actor.as_ref().is_some_and(|actor| actor.user == checked.guild.owner);
        if owner || rank >= Rank::OPERATOR {
            return Ok(checked);
        }
        let theirs = self
            .seams
            .ranking
            .rank(&Member {
                tenant: tenant.clone(),
                user: member.user.0,
                roles: member.roles.iter().map(|role| role.0).collect(),
                administrator: checked.guild.permissions(member) & bits::ADMINISTRATOR != 0,
                owner: false,
            })
            .await?;
        // Plain members have no rank that anybody could be below of.
        if theirs >= rank && theirs > Rank::MEMBER {
            let (name, theirs) = (member.name.clone(), theirs.to_string());
            return Err(ModerationError::RankNotBelow { name, theirs });
        }
        Ok(checked)
    }
}
