//! The ladder by which a game is stopped: its own way, SIGTERM, SIGKILL.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use guildhall_link::message::Rung;
use guildhall_recipes::{
    Recipe,
    recipe::{ConsoleInput, StopSignal},
};

use crate::{
    game::Conversation,
    shim::protocol::{Ask, Ended, GameSignal, Tell},
};

/// How long a killed game may take to be gone, with all that descends from it.
const AFTER_KILL: Duration = Duration::from_secs(20);
/// How long a game that is stopped by a signal may take to say something after its save command.
const AFTER_SAVE: Duration = Duration::from_secs(5);

/// How a stop went.
pub(crate) struct Stopped {
    /// How the process ended; `None` when its shim could not say.
    pub(crate) ended: Option<Ended>,
    /// The rungs that were taken.
    pub(crate) ladder: Vec<Rung>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Stops a game. Returns when it is gone, with everything that descends from it.
pub(crate) async fn stop(runtime: &Path, recipe: &Recipe) -> io::Result<Stopped> {
    let begun = Instant::now();
    let mut ladder = Vec::new();
    let ended = match climb(runtime, recipe, &mut ladder).await {
        Ok(ended) => Some(ended),
        // The shim has gone in the meantime; what it left is looked at by the caller.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
        Err(_) => None,
    };
    Ok(Stopped { ended, ladder, took: begun.elapsed() })
}

async fn climb(runtime: &Path, recipe: &Recipe, ladder: &mut Vec<Rung>) -> io::Result<Ended> {
    let mut watch = Conversation::begin(runtime).await?;
    watch.ask(&Ask::Wait).await?;
    let mut hand = Conversation::begin(runtime).await?;
    let reads = recipe.console.input == ConsoleInput::Terminal;
    if let (Some(line), true) = (&recipe.save.command, reads) {
        save(runtime, &mut hand, line, recipe.stop.command.is_none(), recipe.stop.wait).await?;
    }
    let own = recipe.stop.signal.map(signal);
    let mut rungs = Vec::new();
    if let (Some(line), true) = (&recipe.stop.command, reads) {
        rungs.push((Rung::Command { line: line.clone() }, write(line), recipe.stop.wait));
    } else if let Some(own) = own {
        rungs.push((named(own), Ask::Signal(own), recipe.stop.wait));
    }
    if own != Some(GameSignal::Term) {
        rungs.push((named(GameSignal::Term), Ask::Signal(GameSignal::Term), recipe.stop.term_wait));
    }
    rungs.push((named(GameSignal::Kill), Ask::Signal(GameSignal::Kill), AFTER_KILL));
    for (rung, ask, wait) in rungs {
        match hand.answer(&ask).await {
            // A console that is full is one rung that does not hold.
            Ok(Tell::Done | Tell::Full) => ladder.push(rung),
            Ok(Tell::NotRunning) => {}
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            // The shim closes when the game has ended; what it said before is still to be read.
            Err(error) => tracing::debug!(%error, "the shim takes no more orders"),
        }
        if let Ok(ended) = tokio::time::timeout(wait, end(&mut watch)).await {
            return ended;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Has the game save. One that is stopped by a signal next is given the time to say that it did.
async fn save(
    runtime: &Path,
    hand: &mut Conversation,
    line: &str,
    wait_for_answer: bool,
    at_most: Duration,
) -> io::Result<()> {
    let mut console = Conversation::begin(runtime).await?;
    console.ask(&Ask::Follow { after: u64::MAX }).await?;
    hand.answer(&write(line)).await?;
    let said =
        async { while !matches!(console.next().await, Ok(Tell::Output { .. } | Tell::Ended(_)) | Err(_)) {} };
    if wait_for_answer {
        // No answer in time is no reason not to stop.
        let _ = tokio::time::timeout(AFTER_SAVE.min(at_most), said).await;
    }
    Ok(())
}

async fn end(watch: &mut Conversation) -> io::Result<Ended> {
    loop {
        if let Tell::Ended(ended) = watch.next().await? {
            return Ok(ended);
        }
    }
}

fn write(line: &str) -> Ask {
    Ask::Write { by: "guildhall".to_owned(), line: line.to_owned() }
}

fn named(signal: GameSignal) -> Rung {
    Rung::Signal { name: signal.name().to_owned() }
}

fn signal(signal: StopSignal) -> GameSignal {
    match signal {
        StopSignal::Int => GameSignal::Int,
        StopSignal::Term => GameSignal::Term,
        StopSignal::Quit => GameSignal::Quit,
        StopSignal::Hup => GameSignal::Hup,
    }
}
