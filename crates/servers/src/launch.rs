//! The launch configuration as the store keeps it and as the agent is told of it.

use std::collections::BTreeMap;

use guildhall_core::{Actor, TenantId};
use guildhall_link::message::{Desired, Want};
pub use guildhall_recipes::configuration::Changed;
pub(crate) use guildhall_recipes::configuration::{Asked, Configuration as Launch, read_idle_stop};
use guildhall_recipes::secrets::{Owner, SecretsKey};
use guildhall_store::Timestamp;
use uuid::Uuid;

use crate::{
    entity::{config, server},
    error::ServersError,
    text,
};

/// A version as a row.
pub(crate) fn row(
    launch: &Launch,
    server: Uuid,
    actor: &Actor,
    at: Timestamp,
    changed: &[Changed],
    key: Option<&SecretsKey>,
) -> Result<config::Model, ServersError> {
    Ok(config::Model {
        server,
        version: launch.version,
        tenant: actor.tenant.to_string(),
        at,
        actor: actor.id.to_string(),
        actor_name: text::line(&actor.name, 64),
        changes: serde_json::to_string(changed)?,
        variables: variables(launch, &actor.tenant, server, key)?,
        recipe: serde_json::to_string(&launch.recipe)?,
        ports: serde_json::to_string(launch.wished())?,
        idle_stop: launch.idle_stop,
    })
}

/// The variables as a row keeps them.
pub(crate) fn variables(
    launch: &Launch,
    tenant: &TenantId,
    server: Uuid,
    key: Option<&SecretsKey>,
) -> Result<String, ServersError> {
    Ok(serde_json::to_string(&launch.kept(Owner { tenant: tenant.as_str(), server }, key))?)
}

/// A version read from its row.
pub(crate) fn read(row: &config::Model, key: Option<&SecretsKey>) -> Result<Launch, ServersError> {
    let recipe = serde_json::from_str(&row.recipe)?;
    let bare = Launch::bare(row.version, recipe, row.idle_stop, serde_json::from_str(&row.ports)?);
    let owner = Owner { tenant: &row.tenant, server: row.server };
    Ok(bare.with_kept(serde_json::from_str(&row.variables)?, owner, key))
}

/// What the agent is told.
pub(crate) fn desired(
    launch: &Launch,
    row: &server::Model,
    want: Want,
    ports: BTreeMap<String, u16>,
    address: &str,
) -> Result<Desired, ServersError> {
    if want == Want::Running {
        launch.check_unlocked()?;
    }
    Ok(Desired {
        tenant: row.tenant.parse().map_err(guildhall_core::Error::bug)?,
        server: row.id.into(),
        name: row.name.clone(),
        generation: u64::try_from(row.generation).unwrap_or_default(),
        want,
        session: row.session.map(Into::into),
        recipe: launch.recipe.clone(),
        variables: launch.variables().clone(),
        ports,
        address: address.to_owned(),
    })
}
