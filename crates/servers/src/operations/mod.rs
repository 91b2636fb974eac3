//! What people can do with servers. Each operation is one file; all of them answer with documents whose
//! buttons name the next ones.

mod config;
mod console;
mod create;
mod delete;
mod input;
mod keep;
mod list;
mod player_link;
mod player_list;
mod player_unlink;
mod restart;
mod send;
mod start;
mod status;
mod stop;

use std::time::Duration;

use guildhall_core::Operations;
use guildhall_flows::{FlowId, Outcome};

use crate::Servers;

pub use config::{ConfigData, ServerConfig, SettingData, VersionData};
pub use console::{ConsoleData, LineData, ServerConsole};
pub use create::ServerCreate;
pub use delete::{DeleteData, ServerDelete};
pub use input::{Names, RecipeName, ServerName, Settings};
pub use keep::ServerKeep;
pub use list::{ListData, ServerList};
pub use player_link::{LinkData, PlayerLink};
pub use player_list::{BarData, PlayerList, PlayerListData};
pub use player_unlink::{PlayerUnlink, UnlinkData};
pub use restart::ServerRestart;
pub use send::{SendData, ServerSend};
pub use start::ServerStart;
pub use status::ServerStatus;
pub use stop::ServerStop;

/// Every operation on servers, and the completers of `server` and `recipe` inputs.
pub fn operations() -> Operations<Servers> {
    Operations::new()
        .with::<ServerCreate>()
        .with::<ServerList>()
        .with::<ServerStatus>()
        .with::<ServerStart>()
        .with::<ServerStop>()
        .with::<ServerRestart>()
        .with::<ServerConsole>()
        .with::<ServerSend>()
        .with::<ServerConfig>()
        .with::<ServerKeep>()
        .with::<ServerDelete>()
        .with::<PlayerLink>()
        .with::<PlayerUnlink>()
        .with::<PlayerList>()
        .completer("server", input::complete_server)
        .completer("recipe", input::complete_recipe)
}

impl Servers {
    /// Gives a short job the chance to end within the call, so that the answer can say how it ended.
    pub(crate) async fn await_briefly(&self, flow: FlowId) -> Option<Outcome> {
        let wait = self.shop.flows.wait(flow);
        tokio::select! {
            outcome = wait => outcome.ok(),
            () = self.shop.clock.sleep(Duration::from_millis(1_500)) => None,
        }
    }
}
