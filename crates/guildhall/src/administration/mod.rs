//! What staff do with the installation itself: API tokens, the audit record, hosts.

mod audit;
mod hosts;
mod tokens;

use std::sync::Arc;

use guildhall_core::Operations;
use guildhall_link::Agents;
use guildhall_store::{AuditStore, TokenStore};

/// What the operations work on.
pub struct Administration {
    /// API tokens.
    pub tokens: TokenStore,
    /// The audit record.
    pub audit: AuditStore,
    /// The agents of the hosts.
    pub agents: Arc<dyn Agents>,
}

/// Every operation on the installation.
pub fn operations() -> Operations<Administration> {
    Operations::new()
        .with::<audit::List>()
        .with::<hosts::List>()
        .with::<tokens::Create>()
        .with::<tokens::List>()
        .with::<tokens::Revoke>()
}
