//! Which rank a Discord member has, from the configuration: who owns the guild, and who has which role.

use async_trait::async_trait;
use guildhall_core::{
    Error, Rank,
    permission::{Member, Ranking},
};

use crate::configuration::CommunitySection;

/// Ranks as the configuration has them.
pub struct ConfiguredRanks(pub Vec<CommunitySection>);

#[async_trait]
impl Ranking for ConfiguredRanks {
    async fn rank(&self, member: &Member) -> Result<Rank, Error> {
        let Some(community) = self.0.iter().find(|community| community.tenant == member.tenant) else {
            return Ok(Rank::MEMBER);
        };
        let has = |roles: &[u64]| member.roles.iter().any(|role| roles.contains(role));
        Ok(if community.operators.contains(&member.user) {
            Rank::OPERATOR
        } else if member.administrator {
            Rank::OWNER
        } else if has(&community.admin_roles) {
            Rank::ADMIN
        } else if has(&community.moderator_roles) {
            Rank::MODERATOR
        } else {
            Rank::MEMBER
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_highest_reason_counts() {
        let community = CommunitySection {
            tenant: "roses".parse().unwrap(),
            guild: Some(1),
            channel: Some(2),
            admin_roles: vec![50],
            moderator_roles: vec![30],
            operators: vec![9],
        };
        let ranks = ConfiguredRanks(vec![community]);
        let cases = [
            (1, vec![], false, Rank::MEMBER),
            (1, vec![30], false, Rank::MODERATOR),
            (1, vec![30, 50], false, Rank::ADMIN),
            (1, vec![], true, Rank::OWNER),
            (9, vec![], false, Rank::OPERATOR),
        ];
        for (user, roles, administrator, expected) in cases {
            let member = Member { tenant: "roses".parse().unwrap(), user, roles, administrator };
            assert_eq!(ranks.rank(&member).await.unwrap(), expected, "{member:?}");
        }
        let stranger =
            Member { tenant: "lilies".parse().unwrap(), user: 9, roles: vec![50], administrator: true };
        assert_eq!(
            ranks.rank(&stranger).await.unwrap(),
            Rank::MEMBER,
            "another community's roles count for nothing"
        );
    }
}
