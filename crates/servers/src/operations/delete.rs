//! `server delete`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ServerName;
use crate::{Servers, life::Job};

/// Deletes a server and its files.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerDelete {
    /// Which server.
    pub server: ServerName,
    /// Forget it even though its host is away; its files stay on the host.
    #[serde(default)]
    pub forget: Option<bool>,
}

/// A server that is being deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeleteData {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

impl Operation for ServerDelete {
    type Domain = Servers;
    type Output = DeleteData;

    const NAME: &'static str = "server delete";
    const SUMMARY: &'static str = "Delete a server with its world and all its files";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] = &["server delete server:survival"];

    fn question(&self) -> String {
        let name: String = self.server.0.chars().take(32).collect();
        format!(
            "{name} is stopped if it runs, and deleted with its world and all its files. That cannot be undone."
        )
    }

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<DeleteData>, Error> {
        let row = servers.named(call, &self.server.0).await?;
        let begun = servers.begin(&call.actor, &row, Job::Delete, self.forget.unwrap_or(false)).await?;
        servers.await_briefly(begun.flow).await;
        let left = servers.shop.by_id(call.tenant(), row.id.into()).await?;
        let data = DeleteData { id: row.id, name: row.name };
        let document = match left {
            None => Document::titled(format!("{} is gone", data.name)).tone(Tone::Good),
            Some(row) => servers.shop.look(row).await?.view().document(),
        };
        Ok(Answer::new(data, document).following(begun.follow))
    }
}
