//! How long commands take, as Guildhall's own traces have it: signed interactions from the stand-in, a few at
//! once, and then what `status` says of them.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use guildhall_sim::{Answer, ChannelId, User};
use serde_json::{Value, json};

use crate::{
    program::{NO_AGENT, Program},
    stage::Stage,
};

const AT_ONCE: usize = 8;
/// People, half of them moderators; each uses every command this often.
const PEOPLE: usize = 20;
const EACH: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures and prints it.
pub async fn measure() {
    let stage = Stage::new().await;
    let app = stage.app("Guildhall");
    let program = Program::start(&format!("{NO_AGENT}{}", stage.configuration(&app))).await;
    let endpoint = format!("{}/interactions", program.url());
    app.set_interactions_url(Some(&endpoint)).await.expect("it checks signatures");
    app.wait_for_command("warn", PATIENCE).await.expect("the commands are registered");
    app.wait_connected(PATIENCE).await.expect("the gateway");
    let moderators = stage.people("moderator", PEOPLE, &[stage.moderators]);
    let members = stage.people("member", PEOPLE, &[]);
    let mut commands = Vec::new();
    for round in 0..EACH {
        for (moderator, member) in moderators.iter().zip(&members) {
            let target = member.id().to_string();
            let reason = format!("spam, round {round}");
            commands.push((moderator, "warn", json!({"user": target, "reason": reason})));
            commands.push((moderator, "case list", json!({})));
            commands.push((moderator, "rank whoami", json!({})));
            commands.push((member, "help", json!({})));
            commands.push((member, "server list", json!({})));
        }
    }
    let total = commands.len();
    let used: BTreeMap<&str, ()> = commands.iter().map(|(_, name, _)| (*name, ())).collect();
    futures::stream::iter(commands)
        .for_each_concurrent(AT_ONCE, |(who, name, options)| run(who, stage.general, name, options))
        .await;
    println!(
        "commands by the traces: {total} signed interactions, {AT_ONCE} at once, as `status` tells of them"
    );
    let status = program.call("status", json!({})).await;
    for command in status["commands"].as_array().into_iter().flatten() {
        let name = command["operation"].as_str().unwrap_or_default();
        if used.contains_key(name) {
            println!("{}", line(name, command));
        }
    }
    drop(program);
    stage.sim.shutdown().await;
}

async fn run(who: &User, channel: ChannelId, name: &str, options: Value) {
    let handle = who.in_channel(channel).run(name, options).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Answer::Failed(why) = handle.answer().await {
        panic!("{name} was not answered: {why}");
    }
    handle.message(PATIENCE).await.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn line(name: &str, command: &Value) -> String {
    let millis = |key: &str| command[key].as_u64().unwrap_or(0) as f64 / 1_000.0;
    let mut stages: Vec<(&str, f64)> = command["stages"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(stage, part)| (stage.as_str(), part.as_f64().unwrap_or(0.0)))
        .filter(|(_, part)| *part >= 0.01)
        .collect();
    stages.sort_by(|a, b| b.1.total_cmp(&a.1));
    let stages: Vec<String> =
        stages.iter().map(|(stage, part)| format!("{stage} {:.0} %", part * 100.0)).collect();
    format!(
        "  {name:<14} {:>5} calls   p50 {:>6.1} ms   p95 {:>6.1} ms   p99 {:>6.1} ms   {}",
        command["calls"],
        millis("p50_us"),
        millis("p95_us"),
        millis("p99_us"),
        stages.join(", ")
    )
}
