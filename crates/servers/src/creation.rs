//! The making of a server: its row, its first launch configuration and its job, in one transaction.

use std::collections::BTreeMap;

use guildhall_core::{Actor, EventLog as _, Follow, RunId, ServerId, id::fresh};
use guildhall_flows::FlowError;
use guildhall_store::{StoreError, scope};
use sea_orm::{EntityTrait, IntoActiveModel, PaginatorTrait};
use uuid::Uuid;

use crate::{
    Servers,
    change::Change,
    entity::{config, server},
    error::ServersError,
    launch::{self, Launch},
    life::Job,
    servers::Begun,
    state::{Goal, State},
    workflows::{self, JobInput},
    workshop::Tried,
};

impl Servers {
    /// Makes a server and begins its job.
    pub(crate) async fn create(
        &self,
        actor: &Actor,
        name: &str,
        recipe: &str,
        settings: &BTreeMap<String, String>,
        idle_stop: Option<Option<i64>>,
    ) -> Result<Begun, ServersError> {
        let shop = &self.shop;
        let recipe = shop.book.find(recipe)?;
        let (launch, changed) =
            Launch::first(recipe, settings, idle_stop.unwrap_or(shop.config.idle_stop_seconds()))?;
        let cursor = shop.events.newest().await?;
        let server: ServerId = fresh(shop.clock.as_ref());
        let at = shop.clock.now().into();

        let tx = shop.store.begin().await?;
        let has = scope::find::<server::Entity>(&actor.tenant).count(tx.conn()).await?;
        if has >= shop.config.most_servers {
            return Err(ServersError::TooMany(has));
        }
        let row = new_row(server.0, actor, name, &launch, at);
        let inserted =
            server::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await;
        match inserted.map_err(StoreError::from) {
            Ok(_) => {}
            Err(StoreError::Duplicate(_)) => return Err(ServersError::NameTaken(name.to_owned())),
            Err(error) => return Err(error.into()),
        }
        let version = launch::row(&launch, server.0, actor, at, &changed, shop.config.secrets.as_ref())?;
        config::Entity::insert(version.into_active_model()).exec_without_returning(tx.conn()).await?;
        let run: RunId = fresh(shop.clock.as_ref());
        let input = JobInput { server, run, by: crate::text::line(&actor.name, 64), forget: false };
        let key = server.to_string();
        let flow = match workflows::start_in(&shop.flows, &tx, &actor.tenant, Job::Create, &key, &input).await
        {
            Ok(flow) => flow,
            Err(FlowError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(ServersError::Edge(error.into())),
        };
        let mut decide = |change: &mut Change<'_>| {
            change.create(actor, run);
            Ok(change.row.clone())
        };
        let Tried::Done(row, _) = shop.change_in(&tx, &actor.tenant, server, &mut decide).await? else {
            return Err(ServersError::Contended(Some(name.to_owned())));
        };
        tx.commit().await?;
        Ok(Begun { follow: Follow { run, cursor, topic: Some(server.to_string()) }, flow, row })
    }
}

pub(crate) fn new_row(
    id: Uuid,
    actor: &Actor,
    name: &str,
    launch: &Launch,
    at: guildhall_store::Timestamp,
) -> server::Model {
    server::Model {
        id,
        tenant: actor.tenant.to_string(),
        name: name.to_owned(),
        recipe: launch.recipe.name.clone(),
        host: None,
        state: State::Created,
        goal: Goal::Stopped,
        version: 1,
        generation: 0,
        confirmed: 0,
        config: launch.version,
        launched: None,
        busy: None,
        busy_actor: None,
        busy_name: None,
        busy_since: None,
        run: None,
        flow: None,
        session: None,
        since: at,
        deadline: None,
        failure_code: None,
        failure_message: None,
        failure_output: None,
        progress: None,
        online: None,
        max_players: None,
        empty_since: None,
        keep_until: None,
        idle_told: false,
        created_at: at,
        created_by: actor.id.to_string(),
    }
}
