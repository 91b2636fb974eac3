//! The scenes, in order. Each proves what it shows.

use std::{collections::BTreeSet, fs, net::SocketAddr, time::Duration};

use guildhall_recipes::{query, recipe::QueryProtocol};
use guildhall_sim::{ChannelId, ChannelView, Message, Place, User};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Trouble,
    player::Player,
    stage::{Stage, must, must_read, proven, quote, say, survival},
};

/// An installation from npm on a slow line takes minutes.
const INSTALL: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(60);

/// Plays all scenes.
pub async fn play(stage: &mut Stage) -> Result<(), Trouble> {
    create(stage).await?;
    let (thread, port) = start(stage).await?;
    let player = join(stage, thread, port).await?;
    let player = send(stage, player).await?;
    persist(stage, player, thread, port).await?;
    every_face(stage).await
}

async fn create(stage: &Stage) -> Result<(), Trouble> {
    say("\n1. The staff creates a server");
    let options = json!({"name": "survival", "recipe": "minecraft-flying-squid"});
    let refused = stage.command(&stage.ben, "server create", options.clone()).await?;
    must_read(&refused.text(), &["rank"], "a member may not create servers, and is told why")?;
    let answer = stage.command(&stage.ada, "server create", options).await?;
    must_read(&answer.text(), &["survival"], "the server exists")?;
    let announced = stage
        .ben
        .wait_for_channel(SOON, |all| {
            all.iter().find(|channel| is_thread_of(stage, channel)).map(|thread| thread.id)
        })
        .await?;
    let message = stage.ben.in_channel(stage.channel).wait_for_text(SOON, "survival").await?;
    quote(&message.text());
    must(announced != stage.channel, "its thread is announced to the community")
}

async fn start(stage: &Stage) -> Result<(ChannelId, u16), Trouble> {
    say("\n2. A member starts it");
    let before = threads(&stage.ben, stage);
    let answer = stage.command(&stage.ben, "server start", survival()).await?;
    must(answer.is_ephemeral(), "the answer came at once, for Ben's eyes alone")?;
    let thread = new_thread(stage, &before).await?;
    let place = stage.ben.in_channel(thread);
    let (text, shown) = follow_to(&place, "survival is ready", INSTALL).await?;
    for step in ["preparing", "installing"] {
        must(shown.iter().any(|text| text.contains(step)), &format!("the thread said that it is {step}"))?;
    }
    let view = stage.program.wait_for_state("survival", &["ready"]).await?;
    let port = view["ports"]["game"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    must_read(
        &text,
        &[&format!(":{port}")],
        "the session's thread went to ready, with the address to connect to",
    )?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let ask = move || query::ask(QueryProtocol::Minecraft, address, Duration::from_secs(5));
    let status = tokio::task::spawn_blocking(ask).await??;
    let number = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let (playing, most) = (number(status.players), number(status.max));
    say(&format!("    status ping: {}, {playing} of {most} playing", status.title.unwrap_or_default()));
    must(status.players == Some(0), "a Minecraft status ping is answered by the game itself")?;
    Ok((thread, port))
}

async fn join(stage: &Stage, thread: ChannelId, port: u16) -> Result<Player, Trouble> {
    say("\n3. A player joins and chats");
    let mut player = Player::start(&stage.player_folder())?;
    player.join(port, "Alex").await?;
    player.chat("hello from the other side").await?;
    stage.ben.in_channel(thread).wait_for_text(SOON, "Alex").await?;
    let status = until_read(stage, "server status", &["1 of", "Alex"]).await?;
    must_read(&status, &["1 of", "Alex"], "/server status shows one player by name")?;
    let console = until_read(stage, "server console", &["hello from the other side"]).await?;
    must_read(&console, &["hello from the other side"], "/server console shows the chat")?;
    Ok(player)
}

async fn send(stage: &Stage, mut player: Player) -> Result<Player, Trouble> {
    say("\n4. The staff writes to the game's console");
    let line = json!({"server": "survival", "line": "say Welcome, Alex"});
    stage.command(&stage.ada, "server send", line).await?;
    let heard = player.hears("Welcome, Alex").await?;
    say(&format!("    Alex reads in the game: {heard}"));
    proven("the game acted on it: the player sees it");
    let console = until_read(stage, "server console", &["say Welcome, Alex", "ada"]).await?;
    must_read(&console, &["say Welcome, Alex", "ada"], "the console says who sent it")?;
    Ok(player)
}

async fn persist(stage: &Stage, mut player: Player, thread: ChannelId, port: u16) -> Result<(), Trouble> {
    say("\n5. The player changes the world; it survives a restart and a stop");
    let dug = player.dig().await?;
    say(&format!(
        "    Alex digs at {}, {}, {}: {} is now {}",
        dug["x"], dug["y"], dug["z"], dug["before"], dug["after"]
    ));
    must(dug["after"] == "air" && dug["before"] != "air", "the world was changed")?;
    player.leave().await?;
    let place = stage.ben.in_channel(thread);
    place.wait_for_text(SOON, "left the game").await?;

    let first = stage.program.wait_for_state("survival", &["ready"]).await?;
    stage.command(&stage.ben, "server restart", survival()).await?;
    let again = restarted(stage, &first).await?;
    must(again["state"] == "ready", "/server restart stopped it and started it again")?;

    let before = threads(&stage.ben, stage);
    stage.command(&stage.ben, "server stop", survival()).await?;
    stage.program.wait_for_state("survival", &["stopped"]).await?;
    let closed = closed_thread(stage, thread, &before).await?;
    let told = stage.ben.in_channel(closed).visible_messages();
    let summary = told.last().map(Message::text).unwrap_or_default();
    quote(&summary);
    must(names_a_time(&summary), "the summary says for how long the server was open")?;
    must_read(
        &summary,
        &["Alex", "its console command"],
        "the thread is closed with a summary: who played, how long, how it stopped",
    )?;
    must(world_is_saved(stage), "the game stopped by its own command and saved the world")?;

    stage.command(&stage.ben, "server start", survival()).await?;
    stage.program.wait_for_state("survival", &["ready"]).await?;
    let mut player = Player::start(&stage.player_folder())?;
    player.join(port, "Alex").await?;
    let block = player.look(&dug).await?;
    must(block == "air", "after the next start the hole is still there")?;
    player.leave().await
}

async fn every_face(stage: &Stage) -> Result<(), Trouble> {
    say("\n6. The same through REST and the command line");
    let path = "/api/v1/servers/survival/stop";
    say(&format!("\n  POST {path}"));
    let (status, body) = stage.program.rest(Method::POST, path, Some(json!({}))).await?;
    must((200..300).contains(&status), &format!("REST answers {status}"))?;
    quote(body["document"]["title"].as_str().unwrap_or_default());
    stage.program.wait_for_state("survival", &["stopped"]).await?;
    let path = "/api/v1/servers/survival/start";
    say(&format!("\n  POST {path}"));
    stage.program.rest(Method::POST, path, Some(json!({}))).await?;
    stage.program.wait_for_state("survival", &["ready"]).await?;
    proven("stopped and started over REST");

    for verb in ["stop", "start"] {
        say(&format!("\n  $ guildhall server {verb} survival"));
        quote(&stage.program.command_line(&["server", verb, "survival"]).await?);
    }
    stage.program.wait_for_state("survival", &["ready"]).await?;
    proven("stopped and started from the command line, which waits until it is so");

    let (_, records) =
        stage.program.rest(Method::GET, "/api/v1/audits?operation=server%20start", None).await?;
    let records = records["data"].as_array().cloned().unwrap_or_default();
    for record in &records {
        let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        say(&format!(
            "    {}  {:<8} {:<24} rank {:<2} {} {}",
            word("at"),
            word("face"),
            word("actor"),
            record["rank"],
            word("operation"),
            word("verdict")
        ));
    }
    let faces: BTreeSet<&str> = records.iter().filter_map(|record| record["face"].as_str()).collect();
    must(
        faces == BTreeSet::from(["cli", "discord", "rest"]),
        "one audit record holds the starts of all three faces",
    )?;

    let open = stage
        .ben
        .threads(stage.channel)
        .into_iter()
        .filter(|thread| !thread.archived)
        .map(|thread| thread.id);
    for thread in open {
        let place = stage.ben.in_channel(thread);
        let stop = |message: &&Message| message.buttons().iter().any(|button| button.label == "Stop");
        let Some(message) = place.visible_messages().iter().find(stop).cloned() else { continue };
        stage.press(&place, &message, "Stop").await?;
        stage.program.wait_for_state("survival", &["stopped"]).await?;
        proven("the button in the session's thread stops it as well");
        break;
    }
    stage.program.wait_for_state("survival", &["stopped"]).await?;

    let asked = stage.command(&stage.ada, "server delete", survival()).await?;
    must_read(&asked.text(), &["survival"], "deleting asks first; it is left undone here")
}

/// Ben asks again, once a second, until the answer has all the words: what the player did is on its way through
/// the game for a moment.
async fn until_read(stage: &Stage, path: &str, words: &[&str]) -> Result<String, Trouble> {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..20 {
        look.tick().await;
        let text = stage.command(&stage.ben, path, survival()).await?.text();
        if words.iter().all(|word| text.contains(word)) {
            return Ok(text);
        }
    }
    Err(Trouble(format!("/{path} never said {}", words.join(" and "))))
}

/// Whether the summary says for how long the server was open: `**Open for**: 5 min`.
fn names_a_time(summary: &str) -> bool {
    let after = summary.split("Open for").nth(1).unwrap_or_default();
    let mut words = after.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let number = words.next().is_some_and(|word| word.parse::<u64>().is_ok());
    number && words.next().is_some_and(|unit| ["s", "min", "h", "d"].contains(&unit))
}

/// The threads that a person sees in the servers' channel.
fn threads(who: &User, stage: &Stage) -> Vec<ChannelId> {
    who.threads(stage.channel).iter().map(|thread| thread.id).collect()
}

fn is_thread_of(stage: &Stage, channel: &ChannelView) -> bool {
    channel.parent == Some(stage.channel)
}

async fn new_thread(stage: &Stage, before: &[ChannelId]) -> Result<ChannelId, Trouble> {
    let fresh = |all: &[ChannelView]| {
        all.iter()
            .find(|channel| is_thread_of(stage, channel) && !before.contains(&channel.id))
            .map(|thread| thread.id)
    };
    Ok(stage.ben.wait_for_channel(SOON, fresh).await?)
}

/// Shows each change of the thread's messages until one of them says `words`; that text, and all that were
/// shown.
async fn follow_to(
    place: &Place,
    words: &str,
    within: Duration,
) -> Result<(String, BTreeSet<String>), Trouble> {
    let mut shown = BTreeSet::new();
    let look = |messages: &[Message]| {
        for message in messages {
            if shown.insert(message.text()) {
                quote(&message.text());
            }
        }
        messages.iter().map(Message::text).find(|text| text.contains(words))
    };
    let text = place.wait_until(within, look).await?;
    Ok((text, shown))
}

/// Waits until the server is ready again, as another process than before.
async fn restarted(stage: &Stage, before: &Value) -> Result<Value, Trouble> {
    let end = tokio::time::Instant::now() + SOON * 2;
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        look.tick().await;
        let view = stage.program.wait_for_state("survival", &["ready"]).await?;
        if view["since"] != before["since"] {
            return Ok(view);
        }
        if tokio::time::Instant::now() > end {
            return Err(Trouble(format!("the server was never restarted: {view}")));
        }
    }
}

/// The thread of the session that has just ended, once it is closed.
async fn closed_thread(stage: &Stage, thread: ChannelId, known: &[ChannelId]) -> Result<ChannelId, Trouble> {
    let closed = |all: &[ChannelView]| {
        let session = |channel: &&ChannelView| channel.id == thread || known.contains(&channel.id);
        all.iter()
            .filter(session)
            .find(|channel| channel.archived && channel.locked)
            .map(|channel| channel.id)
    };
    Ok(stage.ben.wait_for_channel(SOON, closed).await?)
}

/// Whether the game's world is on the disk.
fn world_is_saved(stage: &Stage) -> bool {
    let mut folders = vec![stage.folder().join("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "mca") {
                return true;
            }
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::names_a_time;

    #[test]
    fn a_summary_says_for_how_long_or_it_does_not() {
        assert!(names_a_time("**Started by**: ben\n**Open for**: 34 s\nWho played"));
        assert!(names_a_time("Open for  5 min"));
        for summary in [
            "",
            "**Open for**: it was never ready",
            "**Open for**:",
            "34 s",
            "**Open for**: few s",
            "**Open for**: 34 players",
        ] {
            assert!(!names_a_time(summary), "{summary}");
        }
    }
}
