//! Which role gives which rank.

use guildhall_core::{
    Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone,
    guild::{RoleId, bits},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ladder::{RankName, find, name_of};
use crate::{
    Community, CommunityError,
    change::{Edit, Expected},
    error::Misfit,
};

/// A role and its rank.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AssignmentData {
    /// The role's id.
    pub role: String,
    /// The rank it gives, if any.
    pub rank: Option<u8>,
}

/// Lets a role give a rank.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankAssign {
    /// Which rank, by number or name.
    pub rank: RankName,
    /// The role that gives it.
    pub role: RoleId,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for RankAssign {
    type Domain = Community;
    type Output = AssignmentData;

    const NAME: &'static str = "rank assign";
    const SUMMARY: &'static str = "Let a role give a rank; members have the highest of their roles' ranks";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["rank assign rank:Moderator role:@Moderators"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<AssignmentData>, Error> {
        let book = community.book(call.tenant()).await?;
        let rank = find(&book, &self.rank.0)?;
        let guild = community.guild(call.tenant()).await;
        if let Some(guild) = &guild {
            let unfit = |misfit| CommunityError::Unfit { field: "role".to_owned(), misfit };
            if guild.role(self.role).is_none() {
                let id = self.role.to_string();
                let message = format!("names the role {id}, which is not in this server.");
                return Err(unfit(Misfit::new("setting_role_gone", message).with("id", id)).into());
            }
            if self.role.0 == guild.id {
                let message = "cannot be @everyone; choose a role that people are given.";
                return Err(unfit(Misfit::new("setting_role_everyone", message)).into());
            }
        }
        let edit = Edit::Role { role: self.role, to: Some(rank) };
        // Whoever gives a rank to a role of the configuration file takes the file's away.
        if let Some((old, true)) = community.rank_of_role(call.tenant(), &book, self.role) {
            let own = community.authority(&call.actor).await;
            if old.level() >= own {
                return Err(CommunityError::RankTooHigh { level: old.level(), own }.into());
            }
        }
        community.apply(call, &[edit], Expected::Anything).await?;
        let data = AssignmentData { role: self.role.to_string(), rank: Some(rank.level()) };
        if let Some(page) = self.page {
            return Ok(Answer::new(data, community.page(call, "ranks", page, Some(rank.level())).await?));
        }
        let role = guild.as_ref().and_then(|guild| guild.role(self.role));
        let name = role.map_or_else(|| data.role.clone(), |role| format!("@{}", role.name));
        let line = Rich::new().strong(name).text(" gives rank ").strong(name_of(&book, rank)).text(" now.");
        let mut document = Document::default().tone(Tone::Good).text(line);
        let trusts = rank >= Rank::MODERATOR;
        if let Some(role) = role.filter(|role| trusts && role.permissions & bits::VIEW_AUDIT_LOG == 0) {
            document = document.text(format!(
                "@{} may do little on Discord itself; what Guildhall does for it, Guildhall does with its own \
                 permissions.",
                role.name
            ));
        }
        Ok(Answer::new(data, document))
    }
}

/// Takes a role's rank away.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankUnassign {
    /// The role that is to give no rank.
    pub role: RoleId,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for RankUnassign {
    type Domain = Community;
    type Output = AssignmentData;

    const NAME: &'static str = "rank unassign";
    const SUMMARY: &'static str = "Let a role give no rank";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["rank unassign role:@Moderators"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<AssignmentData>, Error> {
        let book = community.book(call.tenant()).await?;
        let level = match community.rank_of_role(call.tenant(), &book, self.role) {
            None => {
                let role = community.role_name(call.tenant(), self.role).await;
                return Err(CommunityError::RoleWithoutRank(role).into());
            }
            Some((_, true)) => {
                let role = community.role_name(call.tenant(), self.role).await;
                return Err(CommunityError::RoleFixed(role).into());
            }
            Some((rank, false)) => rank.level(),
        };
        community.apply(call, &[Edit::Role { role: self.role, to: None }], Expected::Anything).await?;
        let after = community.book(call.tenant()).await?;
        let rank = community.rank_of_role(call.tenant(), &after, self.role).map(|(rank, _)| rank);
        let data = AssignmentData { role: self.role.to_string(), rank: rank.map(Rank::level) };
        if let Some(page) = self.page {
            return Ok(Answer::new(data, community.page(call, "ranks", page, Some(level)).await?));
        }
        let role = community.role_name(call.tenant(), self.role).await;
        let text = match rank {
            None => format!("{role} gives no rank any more."),
            Some(rank) => format!(
                "{role} gives rank {} again, which is what the configuration file says.",
                name_of(&after, rank)
            ),
        };
        Ok(Answer::new(data, Document::default().tone(Tone::Good).text(text)))
    }
}
