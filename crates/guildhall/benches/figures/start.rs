//! Start → ready through the whole system, beside the same game run by hand.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use guildhall_core::input::Raw;
use guildhall_http::client::{Client, ClientReply, EventFilter};
use guildhall_recipes::{Patterns, Place, Recipe, Values, render, shipped};
use serde_json::json;

use crate::{
    process::{Process, free_port},
    program::Program,
};

const ROUNDS: usize = 10;
const RECIPE: &str = "teeworlds";

/// Measures both and prints them.
pub async fn measure() {
    if !Path::new("/usr/games/teeworlds-server").exists() {
        println!(
            "start → ready: skipped, because /usr/games/teeworlds-server is missing (Debian: teeworlds-server)"
        );
        return;
    }
    let by_hand = by_hand();
    let through = through().await;
    println!("start → ready, {RECIPE}, {ROUNDS} times, the middle one");
    println!("  by hand                {by_hand:>9.2?}");
    println!("  through guildhall      {through:>9.2?}   from the call to the event that it is ready");
    println!("  more by                {:>9.2?}", through.saturating_sub(by_hand));
}

fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

fn by_hand() -> Duration {
    let text = shipped().iter().find(|(name, _)| *name == RECIPE).map(|(_, text)| *text).expect("it ships");
    let recipe = Recipe::parse(text, RECIPE).expect("a recipe");
    let patterns = Patterns::compile(&recipe).expect("patterns");
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let ports: BTreeMap<String, u16> =
            recipe.ports.keys().map(|name| (name.clone(), free_port())).collect();
        let secret = |_: &str| "benchbenchbench".to_owned();
        let values = Values::resolve(&recipe, &BTreeMap::new(), &ports, secret).expect("values");
        let home = folder.path().to_string_lossy().into_owned();
        let place = Place { server: "bench", folder: &home, address: "127.0.0.1" };
        for file in render::files(&recipe, &values, &place).expect("files") {
            fs::write(folder.path().join(&file.path), file.text(None).expect("a text")).expect("written");
        }
        let launch = render::launch(&recipe, &values, &place).expect("a start line");
        let mut command = Command::new(&launch.argv[0]);
        command
            .args(&launch.argv[1..])
            .current_dir(folder.path())
            .envs(&launch.environment)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let began = Instant::now();
        let mut game = Process::start(&mut command).expect("the game");
        let lines = BufReader::new(game.child().stdout.take().expect("a pipe")).lines();
        let ready = lines.map_while(Result::ok).any(|line| patterns.ready(&line));
        took.push(began.elapsed());
        assert!(ready, "the game became ready");
        game.child().kill().expect("it can be killed");
    }
    middle(took)
}

async fn through() -> Duration {
    let program = Program::start("").await;
    program.wait_for_agent().await;
    let client = program.client();
    call(&client, "server create", json!({"name": "bench", "recipe": RECIPE})).await;
    let mut took = Vec::new();
    for _ in 0..=ROUNDS {
        took.push(call(&client, "server start", json!({"server": "bench"})).await);
        call(&client, "server stop", json!({"server": "bench"})).await;
    }
    // The first start also installs.
    took.remove(0);
    call(&client, "server delete", json!({"server": "bench"})).await;
    middle(took)
}

/// Calls and follows to the end; how long both took.
async fn call(client: &Client, operation: &str, input: serde_json::Value) -> Duration {
    let began = Instant::now();
    let reply = client.call(operation, Raw::Json(input), true).await.expect("an answer");
    let ClientReply::Done { follow: Some(follow), .. } = reply else { return began.elapsed() };
    let filter = EventFilter { run: Some(follow.run), ..EventFilter::default() };
    let mut events = std::pin::pin!(client.events(filter, Some(follow.cursor)));
    while let Some(event) = events.next().await {
        if event.expect("an event").outcome.is_some() {
            return began.elapsed();
        }
    }
    panic!("the events ended before the job did");
}
