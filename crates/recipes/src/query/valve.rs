//! Valve's A2S, by the query library.

use std::{io, net::SocketAddr, sync::mpsc, thread, time::Duration};

use gamedig::{
    GDErrorKind,
    protocols::{
        types::{GatherToggle, TimeoutSettings},
        valve::{Engine, GatheringSettings, Response, query},
    },
};

use super::{Answer, QueryError, names, some};

/// The library waits this long for each datagram and not for the whole; a server that answers in many parts,
/// slowly, could hold the caller. So it runs on a thread of its own, which ends by itself after at most 255
/// parts, and the caller waits for the whole time only.
pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("valve-query".to_owned()).spawn(move || {
        // Nobody may be listening any more.
        let _ = sender.send(ask_library(address, timeout));
    })?;
    receiver
        .recv_timeout(timeout)
        .map_err(|_| QueryError::Silent(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))?
}

fn ask_library(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let times = TimeoutSettings::new(Some(timeout), Some(timeout), Some(timeout), 0)
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no time was given"))?;
    let gather =
        GatheringSettings { players: GatherToggle::Try, rules: GatherToggle::Skip, check_app_id: false };
    let response = query(&address, Engine::Source(None), Some(gather), Some(times)).map_err(|error| {
        match error.kind {
            GDErrorKind::PacketReceive
            | GDErrorKind::PacketSend
            | GDErrorKind::SocketBind
            | GDErrorKind::SocketConnect => {
                QueryError::Silent(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
            }
            _ => QueryError::Malformed("it does not follow Valve's protocol"),
        }
    })?;
    Ok(answer(&response))
}

fn answer(response: &Response) -> Answer {
    let players = response.players.as_deref().unwrap_or_default();
    Answer {
        players: Some(response.info.players_online.into()),
        max: Some(response.info.players_maximum.into()),
        // A player who is still connecting has no name yet.
        names: names(players.iter().map(|player| player.name.as_str())),
        version: some(&response.info.game_version),
        title: some(&response.info.name),
    }
}
