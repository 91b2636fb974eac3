//! Start → ready through the whole system, beside the same game run by hand.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use guildhall_core::input::Raw;
use guildhall_http::client::{Client, ClientReply, EventFilter};
use guildhall_recipes::{Patterns, Place, Recipe, Values, render, shipped};
use serde_json::json;

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
        let began = Instant::now();
        let mut child = Command::new(&launch.argv[0])
            .args(&launch.argv[1..])
            .current_dir(folder.path())
            .envs(&launch.environment)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the game");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = lines.map_while(Result::ok).any(|line| patterns.ready(&line));
        took.push(began.elapsed());
        assert!(ready, "the game became ready");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }
    middle(took)
}

async fn through() -> Duration {
    let folder = tempfile::Builder::new().prefix("guildhall-bench-").tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("permissions");
    let (http, broker) = (free_port(), free_port());
    let data = folder.path().join("data");
    let config = folder.path().join("guildhall.toml");
    let text = format!(
        "data = {data:?}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[mqtt]\nlisten = \"127.0.0.1:{broker}\"\n[log]\nlevel = \"warn\"\n"
    );
    fs::write(&config, text).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .spawn()
        .expect("guildhall");
    let client = connect(http, &data).await;
    call(&client, "server create", json!({"name": "bench", "recipe": RECIPE})).await;
    let mut took = Vec::new();
    for _ in 0..=ROUNDS {
        took.push(call(&client, "server start", json!({"server": "bench"})).await);
        call(&client, "server stop", json!({"server": "bench"})).await;
    }
    // The first start also installs.
    took.remove(0);
    call(&client, "server delete", json!({"server": "bench"})).await;
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    child.wait().expect("it is gone");
    middle(took)
}

async fn connect(port: u16, data: &Path) -> Client {
    let end = Instant::now() + Duration::from_secs(60);
    let mut look = tokio::time::interval(Duration::from_millis(50));
    loop {
        look.tick().await;
        assert!(Instant::now() < end, "guildhall did not become ready");
        let Ok(token) = fs::read_to_string(data.join("secrets/operator")) else { continue };
        let client = Client::new(&format!("http://127.0.0.1:{port}"), token.trim()).expect("a client");
        let Ok(ClientReply::Done { data, .. }) = client.call("host list", Raw::Json(json!({})), false).await
        else {
            continue;
        };
        if data.as_array().is_some_and(|hosts| hosts.iter().any(|host| host["online"] == true)) {
            return client;
        }
    }
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
