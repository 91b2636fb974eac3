//! Who may act on whom: Discord's hierarchy of roles, and the community's own ranks.

use guildhall_core::{
    Actor, Rank, TenantId,
    guild::{
        UserId, bits,
        hierarchy::{self, Checked},
    },
    permission::Member,
};

use crate::{Moderation, error::ModerationError};

/// The member whose roles count for what an actor does. Who runs the installation stands outside of every
/// server's hierarchy, and so do programs, whose rank alone counts.
pub(crate) fn acting(actor: &Actor) -> Option<UserId> {
    if actor.rank >= Rank::OPERATOR { None } else { actor.id.discord_user().map(UserId) }
}

impl Moderation {
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
