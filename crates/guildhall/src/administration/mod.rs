//! What staff do with the installation itself: API tokens, the audit record, hosts, jobs.

mod audit;
mod flows;
mod hosts;
mod status;
mod tokens;

use std::sync::Arc;

use guildhall_core::{Operations, Spec, language::Locales};
use guildhall_flows::Handle;
use guildhall_link::Agents;
use guildhall_servers::Servers;
use guildhall_store::{AuditStore, TokenStore};

pub use status::{Status, operations as status};

/// The messages of these operations.
pub const LOCALES: Locales =
    Locales { en: include_str!("../../locales/en.ftl"), de: include_str!("../../locales/de.ftl") };

/// What the operations work on.
pub struct Administration {
    /// API tokens.
    pub tokens: TokenStore,
    /// The audit record.
    pub audit: AuditStore,
    /// The agents of the hosts.
    pub agents: Arc<dyn Agents>,
    /// The jobs under way.
    pub flows: Handle,
    /// What the jobs are about.
    pub servers: Servers,
    /// Every operation of the installation.
    pub specs: Vec<Spec>,
}

/// Every operation on the installation.
pub fn operations() -> Operations<Administration> {
    Operations::new()
        .with::<audit::List>()
        .with::<flows::List>()
        .with::<flows::Resume>()
        .with::<flows::Abandon>()
        .with::<hosts::List>()
        .with::<tokens::Create>()
        .with::<tokens::List>()
        .with::<tokens::Revoke>()
        .completer("stuck_flow", flows::complete_stuck)
}

#[cfg(test)]
mod tests {
    use guildhall_core::language::{Texts, gaps};

    #[test]
    fn the_messages_are_complete_in_both_languages() {
        assert_eq!(gaps(&[super::LOCALES]), Vec::<String>::new());
        let texts = Texts::new(&[super::LOCALES]).unwrap();
        let codes: Vec<&str> = texts.codes().collect();
        assert_eq!(codes, ["not_a_flow", "rank_too_high", "scope_unknown", "token_not_found"]);
    }
}
