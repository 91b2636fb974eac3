//! Giving a server a host, and ports on it.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_core::HostId;
use guildhall_flows::{Failure, StepError};
use guildhall_link::message::{FailureCode, Reply, Request};
use guildhall_store::{StoreError, operator, scope};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::errand::{Errand, not_applied, permanent, step_error, superseded};
use crate::{
    entity::{port, server},
    error::ServersError,
    failure::{Code, Trouble},
};

/// The most numbers an agent is asked about at once (`Request::FreePorts`).
const MOST_ASKED: usize = 64;

/// A reservation, as the journal keeps it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Reserved {
    pub(super) ports: BTreeMap<String, u16>,
}

impl Errand {
    /// The server's host: the one it has, or the connected one with the fewest servers. `None` when none is
    /// connected and the server has none yet.
    pub(super) async fn place(&self) -> Result<Option<HostId>, StepError> {
        let has = self.mine(|change| Ok(change.row.host.clone())).await?.ok_or_else(superseded)?;
        if let Some(host) = has {
            return Ok(host.parse().ok());
        }
        let hosts: Vec<HostId> = {
            let hosts = self.shop.agents.hosts();
            let hosts = hosts.borrow();
            let free =
                hosts.iter().filter(|(host, presence)| presence.online && self.shop.config.allows(host));
            free.map(|(host, _)| host.clone()).collect()
        };
        let mut crowds = Vec::new();
        for host in hosts {
            let here: Vec<uuid::Uuid> = operator::find::<server::Entity>()
                .select_only()
                .column(server::Column::Id)
                .filter(server::Column::Host.eq(host.as_str()))
                .into_tuple()
                .all(self.shop.store.reader())
                .await
                .map_err(|error| step_error(error.into()))?;
            crowds.push((here.len(), host));
        }
        let Some((_, host)) = crowds.into_iter().min() else { return Ok(None) };
        self.mine(|change| {
            change.row.host = Some(host.to_string());
            Ok(())
        })
        .await?
        .ok_or_else(superseded)?;
        Ok(Some(host))
    }

    /// The same where a host is needed now.
    pub(super) async fn place_now(&self) -> Result<HostId, StepError> {
        let host = self.place().await?.ok_or_else(|| permanent(&Trouble::new(Code::NoHost, "")))?;
        if self.shop.is_online(host.as_str()) {
            return Ok(host);
        }
        let trouble = Trouble::new(Code::HostOffline, format!("host {host} is not connected"));
        Err(StepError { transient: true, ..permanent(&trouble) })
    }

    /// Reserves a number for each of the recipe's ports. What is reserved already stays, so that players keep
    /// their address; what is missing gets its default number, or the next free one.
    pub(super) async fn reserve_ports(&self, host: HostId) -> Result<Reserved, StepError> {
        let plan = self.mine(|change| {
            let wanted =
                change.launch.recipe.ports.keys().map(|name| {
                    (name.clone(), change.launch.wished_port(name), change.launch.is_wished(name))
                });
            Ok((wanted.collect::<Vec<_>>(), change.ports.clone()))
        });
        let (wanted, has) = plan.await?.ok_or_else(superseded)?;
        let mut ports = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, number, wished) in wanted {
            match (has.get(&name), number) {
                (Some(&kept), Some(number)) if kept == number || !wished => drop(ports.insert(name, kept)),
                (Some(&kept), None) => drop(ports.insert(name, kept)),
                (_, number) => missing.push((name, number)),
            }
        }
        if missing.is_empty() {
            return Ok(Reserved { ports });
        }
        let taken = self.reserved_on(&host).await?;
        let asked: Vec<u16> = missing.iter().filter_map(|(_, number)| *number).take(MOST_ASKED).collect();
        // Stopped servers' numbers are free for the agent and taken for us, so more are asked for than needed.
        let count = u16::try_from((missing.len() + taken.len()).min(MOST_ASKED)).unwrap_or(u16::MAX);
        let request = Request::FreePorts { wanted: asked, count };
        let free = match self.shop.agents.request(&host, request).await {
            Ok(Reply::Ports { free }) => free,
            Ok(Reply::Refused { message, .. }) => {
                return Err(permanent(&Trouble::new(Code::Refused, message)));
            }
            Ok(_) => return Err(permanent(&Trouble::new(Code::Refused, "an answer to something else"))),
            Err(error) => return Err(not_applied(error.into())),
        };
        let mut free: Vec<u16> =
            free.into_iter().filter(|port| *port >= 1024 && !taken.contains(port)).collect();
        let mut new = BTreeMap::new();
        for (name, number) in missing {
            let at = number.and_then(|number| free.iter().position(|port| *port == number)).unwrap_or(0);
            if at >= free.len() {
                return Err(permanent(&Trouble::new(Code::NoPort, format!("port '{name}' on host {host}"))));
            }
            new.insert(name, free.remove(at));
        }
        self.keep_ports(&host, &new).await?;
        ports.extend(new);
        Ok(Reserved { ports })
    }

    /// Gives the ports of this run back. A port that turned out to be another program's is given up for good.
    pub(super) async fn release_ports(&self, cause: &Failure) -> Result<(), StepError> {
        let taken = cause.code == FailureCode::PortTaken.as_str();
        self.shop.release_ports(&self.tenant, self.server, self.run, taken).await.map_err(step_error)
    }

    async fn reserved_on(&self, host: &HostId) -> Result<BTreeSet<u16>, StepError> {
        let rows: Vec<(i32, uuid::Uuid)> = operator::find::<port::Entity>()
            .select_only()
            .column(port::Column::Number)
            .column(port::Column::Server)
            .filter(port::Column::Host.eq(host.as_str()))
            .into_tuple()
            .all(self.shop.store.reader())
            .await
            .map_err(|error| step_error(error.into()))?;
        let others = rows.into_iter().filter(|(_, server)| *server != self.server.0);
        Ok(others.filter_map(|(number, _)| u16::try_from(number).ok()).collect())
    }

    async fn keep_ports(&self, host: &HostId, new: &BTreeMap<String, u16>) -> Result<(), StepError> {
        let kept: Result<(), ServersError> = async {
            let tx = self.shop.store.begin().await?;
            for (name, number) in new {
                scope::delete::<port::Entity>(&self.tenant)
                    .filter(port::Column::Server.eq(self.server.0))
                    .filter(port::Column::Name.eq(name.as_str()))
                    .exec(tx.conn())
                    .await?;
                let row = port::Model {
                    host: host.to_string(),
                    number: i32::from(*number),
                    tenant: self.tenant.to_string(),
                    server: self.server.0,
                    name: name.clone(),
                    run: self.run.0,
                };
                port::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
            }
            tx.commit().await?;
            Ok(())
        }
        .await;
        kept.map_err(|error| match error {
            // Another server was given the number in the same moment; the next try sees that.
            ServersError::Store(StoreError::Duplicate(_)) => {
                let trouble = Trouble::new(Code::NoPort, format!("host {host} gave one number twice"));
                StepError { transient: true, ..permanent(&trouble) }
            }
            error => step_error(error),
        })
    }
}
