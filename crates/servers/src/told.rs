//! What is told of a server: the events, with the document people read and the conversation they read it in.
//!
//! A server has a conversation of its own (its topic is the server's id), and each session has one, whose
//! status message is kept in step with the server.

use std::time::Duration;

use guildhall_core::{Actor, Document, NewEvent, Outcome, Rich, Subject, Tone, event::Tell};
use guildhall_link::message::Exit;
use serde_json::{Value, json};
use time::macros::format_description;

use crate::{
    change::Change,
    error::{span, spoken},
    failure::Trouble,
    launch::Changed,
    session::{Ending, How, Played, played, process_end},
    view::{self, View},
};

/// Players listed in a summary.
const MOST_PLAYERS: usize = 25;

/// A server has been made: its own conversation begins.
pub(crate) fn created(change: &mut Change<'_>, by: &str) {
    let title = change.row.name.clone();
    let document = Document::titled(format!("{title} is new"))
        .text(format!("{by} made this server. Each of its sessions is told in a conversation of its own."))
        .field("Game", change.launch.recipe.title.as_str())
        .action(view::start(&title));
    let tell = Tell::Announce { topic: change.server().to_string(), title };
    push(change, "server.created", json!({}), Some(document), Some(tell), Some(Outcome::Succeeded));
}

/// A server could not be made.
pub(crate) fn not_created(change: &mut Change<'_>, trouble: &Trouble) {
    let title = format!("{} could not be made", change.row.name);
    let document = view::trouble_in(Document::titled(title).tone(Tone::Bad), trouble);
    push(change, "server.create_failed", failure(trouble), Some(document), None, Some(Outcome::Failed));
}

/// A session begins: its conversation is opened with the status message.
pub(crate) fn opened(change: &mut Change<'_>, actor: &Actor) {
    let day = change.at.time().date().format(format_description!("[year]-[month]-[day]")).unwrap_or_default();
    let Some(topic) = change.topic() else { return };
    let tell = Tell::Open { topic, title: format!("{} · {day}", change.row.name) };
    let document = View::of(change).document();
    push(change, "server.starting", json!({ "by": actor.name }), Some(document), Some(tell), None);
}

/// The status message follows the server.
pub(crate) fn status(change: &mut Change<'_>) {
    let document = View::of(change).document();
    let data = json!({ "progress": change.row.progress.as_deref().and_then(|p| serde_json::from_str::<Value>(p).ok()) });
    let tell = change.topic().map(|topic| Tell::Status { topic });
    push(change, "server.progress", data, Some(document), tell, None);
}

/// Players can join. This ends the job that started it; a game that came back from a crash is also said.
pub(crate) fn ready(change: &mut Change<'_>, took_ms: Option<u64>, after_crash: bool) {
    let document = View::of(change).document();
    let data = json!({
        "took_ms": took_ms,
        "address": View::of(change).address(),
        "connect": View::of(change).connect(),
        "ports": change.ports,
    });
    let tell = change.topic().map(|topic| Tell::Status { topic });
    let outcome = change.run().map(|_| Outcome::Succeeded);
    push(change, "server.ready", data, Some(document), tell, outcome);
    if after_crash {
        let title = format!("{} is ready again", change.row.name);
        say(change, "server.recovered", json!({}), Document::titled(title).tone(Tone::Good));
    }
}

/// Somebody stops it.
pub(crate) fn stopping(change: &mut Change<'_>, actor: &Actor) {
    let document = View::of(change).document();
    let tell = change.topic().map(|topic| Tell::Status { topic });
    push(change, "server.stopping", json!({ "by": actor.name }), Some(document), tell, None);
}

/// Somebody restarts it.
pub(crate) fn restarting(change: &mut Change<'_>, actor: &Actor) {
    status(change);
    let line = Rich::new().person(&actor.id, actor.name.as_str()).text(" restarts the server.");
    say(
        change,
        "server.restarting",
        json!({ "by": actor.name }),
        Document::default().tone(Tone::Working).text(line),
    );
}

/// The first half of a restart is done.
pub(crate) fn down_for_restart(change: &mut Change<'_>, ending: &Ending) {
    let line = format!("{} It is being started again.", ending.sentence());
    say(
        change,
        "server.down",
        json!({ "exit": ending.exit }),
        Document::default().tone(Tone::Working).text(line),
    );
}

/// Somebody deletes it.
pub(crate) fn deleting(change: &mut Change<'_>, actor: &Actor) {
    let document = View::of(change).document();
    push(change, "server.deleting", json!({ "by": actor.name }), Some(document), None, None);
}

/// It is gone: its own conversation ends.
pub(crate) fn deleted(change: &mut Change<'_>, by: &str) {
    let document = Document::titled(format!("{} is gone", change.row.name))
        .text(format!("{by} deleted this server and its files."));
    let tell = Tell::Close { topic: change.server().to_string() };
    push(change, "server.deleted", json!({ "by": by }), Some(document), Some(tell), Some(Outcome::Succeeded));
}

/// The job at work was overtaken by a newer operation.
pub(crate) fn superseded(change: &mut Change<'_>, why: &str) {
    let document =
        Document::titled(format!("{} was not started", change.row.name)).tone(Tone::Warning).text(why);
    push(change, "server.superseded", json!({ "reason": why }), Some(document), None, Some(Outcome::Failed));
}

/// A session, or a job without one, has ended. With a session the status message is set right, and the
/// conversation closed with the summary.
pub(crate) fn ended(change: &mut Change<'_>, ending: &Ending, outcome: Option<Outcome>) {
    let kind = if ending.how == How::Failed { "server.failed" } else { "server.stopped" };
    let players = played(&change.visits, change.at.time());
    let document = summary(change, ending, &players);
    let mut data = json!({ "how": ending.how, "by": ending.by, "exit": ending.exit, "players": players });
    if let (Some(trouble), Some(data)) = (&ending.trouble, data.as_object_mut()) {
        data.extend(failure(trouble).as_object().cloned().unwrap_or_default());
    }
    let tell = match change.topic() {
        Some(topic) => {
            status(change);
            Tell::Close { topic }
        }
        None => Tell::Say { topic: change.server().to_string() },
    };
    push(change, kind, data, Some(document), Some(tell), outcome);
}

/// It could not be stopped or removed.
pub(crate) fn unstopped(change: &mut Change<'_>, trouble: &Trouble) {
    status(change);
    let title = format!("{} could not be stopped", change.row.name);
    let document = view::trouble_in(Document::titled(title).tone(Tone::Bad), trouble);
    let document = View::of(change).actions().into_iter().fold(document, Document::action);
    let tell = Some(Tell::Say { topic: conversation(change) });
    push(change, "server.stop_failed", failure(trouble), Some(document), tell, Some(Outcome::Failed));
}

/// It crashed, and is started again after a while.
pub(crate) fn crashed(
    change: &mut Change<'_>,
    exit: &Exit,
    wait: Duration,
    crashes: u32,
    last_lines: &[String],
) {
    status(change);
    let seconds = i64::try_from(wait.as_secs().max(1)).unwrap_or(i64::MAX);
    let document = Document::titled(format!("{} crashed", change.row.name)).tone(Tone::Bad).text(format!(
        "Its process ended with {}. It is started again in {} (crash {crashes} in a row).",
        process_end(exit),
        spoken(seconds)
    ));
    let document = match last_lines {
        [] => document,
        lines => document.text("Its last lines:").code(lines.join("\n")),
    };
    let document = document.action(view::console(&change.row.name)).action(view::stop(&change.row.name));
    say(
        change,
        "server.crashed",
        json!({
            "exit": exit,
            "restart_in_ms": wait.as_millis(),
            "crashes": crashes,
            "output": last_lines,
        }),
        document,
    );
}

/// Somebody joined.
pub(crate) fn joined(change: &mut Change<'_>, player: &str) {
    let document = Document::default().text(Rich::new().strong(player).text(" joined the game."));
    say(change, "server.player_joined", json!({ "player": player, "online": change.row.online }), document);
}

/// Somebody left.
pub(crate) fn left(change: &mut Change<'_>, player: &str) {
    let document = Document::default().text(Rich::new().strong(player).text(" left the game."));
    say(change, "server.player_left", json!({ "player": player, "online": change.row.online }), document);
}

/// Its host went away; the session stays open, because the game may run on.
pub(crate) fn host_lost(change: &mut Change<'_>, trouble: &Trouble, outcome: Option<Outcome>) {
    status(change);
    let title = format!("{} is out of sight", change.row.name);
    let document = view::trouble_in(Document::titled(title).tone(Tone::Bad), trouble);
    let tell = Some(Tell::Say { topic: conversation(change) });
    push(change, "server.host_lost", failure(trouble), Some(document), tell, outcome);
}

/// Its host is back, and the game ran on.
pub(crate) fn found_again(change: &mut Change<'_>) {
    status(change);
    let title = format!("{} is back", change.row.name);
    let document =
        Document::titled(title).tone(Tone::Good).text("Its host is connected again; the game ran on.");
    say(change, "server.host_back", json!({}), document);
}

/// Nobody plays, and it will be stopped soon.
pub(crate) fn idle_soon(change: &mut Change<'_>, left_seconds: i64) {
    let name = change.row.name.clone();
    let document = Document::titled(format!("{name} stops soon"))
        .tone(Tone::Warning)
        .text(format!("Nobody plays. It is stopped in {} if nobody joins.", spoken(left_seconds)))
        .action(view::keep(&name));
    say(change, "server.idle_soon", json!({ "seconds": left_seconds }), document);
}

/// Somebody put the idle stop off.
pub(crate) fn kept(change: &mut Change<'_>, actor: &Actor) {
    let Some(until) = change.row.keep_until else { return };
    let line = Rich::new()
        .person(&actor.id, actor.name.as_str())
        .text(" keeps it running until ")
        .time(until.time());
    say(change, "server.kept", json!({ "by": actor.name }), Document::default().text(line.text(".")));
}

/// Somebody changed its launch configuration.
pub(crate) fn configured(change: &mut Change<'_>, actor: &Actor, version: i64, changed: &[Changed]) {
    let who = Rich::new()
        .person(&actor.id, actor.name.as_str())
        .text(format!(" changed the launch configuration (version {version})."));
    let document = changes_in(Document::default().text(who), changed);
    let tell = Some(Tell::Say { topic: change.server().to_string() });
    let data = json!({ "by": actor.name, "version": version, "changes": changed });
    push(change, "server.configured", data, Some(document), tell, None);
}

/// Changes of a launch configuration inside of a document.
pub(crate) fn changes_in(document: Document, changed: &[Changed]) -> Document {
    changed.iter().take(25).fold(document, |document, change| {
        let line = match &change.from {
            Some(from) => Rich::new().code(from.as_str()).text(" → ").code(change.to.as_str()),
            None => Rich::new().code(change.to.as_str()),
        };
        document.field(change.name.as_str(), line)
    })
}

fn summary(change: &Change<'_>, ending: &Ending, players: &[Played]) -> Document {
    let name = change.row.name.as_str();
    let failed = ending.how == How::Failed;
    let title = if failed { format!("{name} does not work") } else { format!("{name} has stopped") };
    let mut document = Document::titled(title).tone(if failed { Tone::Bad } else { Tone::Neutral });
    document = match &ending.trouble {
        Some(trouble) => view::trouble_in(document, trouble),
        None => document.field("How it stopped", ending.sentence()),
    };
    if let Some(by) = &ending.by {
        document = document.field("Stopped by", by.as_str());
    }
    if let Some(session) = &change.session {
        document = document.field("Started by", session.actor_name.as_str());
        document = match session.ready_at {
            Some(ready) => document.field("Open for", span(ready.time(), change.at.time())),
            None => document.field("Open for", "it was never ready"),
        };
        document = match players {
            [] => document.field("Who played", "nobody"),
            players => {
                let rows = players.iter().take(MOST_PLAYERS).map(|played| {
                    vec![Rich::new().strong(played.player.as_str()), Rich::from(spoken(played.seconds))]
                });
                document.heading("Who played").table(&["Player", "For"], rows.collect())
            }
        };
        if players.len() > MOST_PLAYERS {
            document = document.text(format!("and {} more.", players.len() - MOST_PLAYERS));
        }
    }
    document.action(view::start(name))
}

fn failure(trouble: &Trouble) -> Value {
    json!({ "code": trouble.code, "message": view::explained(trouble), "remedy": trouble.code.remedy() })
}

/// The session's conversation, or the server's own between sessions.
fn conversation(change: &Change<'_>) -> String {
    change.topic().unwrap_or_else(|| change.server().to_string())
}

fn say(change: &mut Change<'_>, kind: &str, data: Value, document: Document) {
    let tell = Some(Tell::Say { topic: conversation(change) });
    push(change, kind, data, Some(document), tell, None);
}

fn push(
    change: &mut Change<'_>,
    kind: &str,
    mut data: Value,
    document: Option<Document>,
    tell: Option<Tell>,
    outcome: Option<Outcome>,
) {
    if let Some(data) = data.as_object_mut() {
        data.insert("name".to_owned(), json!(change.row.name));
        data.insert("state".to_owned(), json!(change.row.state));
        data.insert("session".to_owned(), json!(change.row.session));
    }
    change.told.push(NewEvent {
        tenant: change.tenant.clone(),
        subject: Subject::Server(change.server()),
        kind: kind.to_owned(),
        run: change.run(),
        outcome,
        data,
        document,
        tell,
    });
}
