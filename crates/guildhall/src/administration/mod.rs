//! What staff do with the installation itself: API tokens, the audit record, hosts, jobs.

mod audit;
mod flows;
mod hosts;
mod tokens;

use std::sync::Arc;

use guildhall_core::Operations;
use guildhall_flows::Handle;
use guildhall_link::Agents;
use guildhall_servers::Servers;
use guildhall_store::{AuditStore, TokenStore};

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
