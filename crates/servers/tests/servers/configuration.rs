//! The launch configuration: versions, who changed what, and secrets that stay secret.

use guildhall_core::{EventLog, Kind, Outcome, event::Filter};
use serde_json::json;

use crate::world::{world, worlds};

#[tokio::test]
async fn changes_are_kept_with_who_made_them_and_hold_from_the_next_start_on() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        let input = json!({"server": "survival", "set": {"motd": "Welcome", "max_players": 30}});
        let answer = world.document("server config", input).await;
        assert!(
            answer.contains("motd: `Hello` → `Welcome`") && answer.contains("max_players: `20` → `30`"),
            "{answer}"
        );
        assert!(answer.contains("It holds from the next start on; a restart applies it now."), "{answer}");
        assert_eq!(world.agent.desired(server).unwrap().variables["motd"], "Hello");
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["config_pending"], true);

        let restart = world.finish(world.member(), "server restart", json!({"server": "survival"})).await;
        assert_eq!(restart, Outcome::Succeeded);
        assert_eq!(world.agent.desired(server).unwrap().variables["motd"], "Welcome");

        let shown = world.data("server config", json!({"server": "survival"})).await;
        assert_eq!(shown["version"], 2);
        assert_eq!(shown["history"][0]["by"], "Ada");
        let changes = &shown["history"][0]["changes"];
        assert_eq!(changes[1], json!({"name": "motd", "from": "Hello", "to": "Welcome"}));
        let same =
            world.document("server config", json!({"server": "survival", "set": "motd=Welcome"})).await;
        assert!(same.starts_with("# Nothing changed"), "{same}");
    }
}

#[tokio::test]
async fn values_that_do_not_fit_are_named_each() {
    let world = world().await;
    world.create("survival").await;
    let set = json!({"max_players": 1000, "mott": "x", "motd": "y".repeat(41), "port.game": 80});
    let error = world
        .call(world.admin(), "server config", json!({"server": "survival", "set": set}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::User);
    assert_eq!(error.fields.len(), 1, "ports first: {:?}", error.fields);
    let set = json!({"max_players": 1000, "mott": "x", "motd": "y".repeat(41)});
    let error = world
        .call(world.admin(), "server config", json!({"server": "survival", "set": set}))
        .await
        .unwrap_err();
    let mut fields: Vec<&str> = error.fields.iter().map(|field| field.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["max_players", "motd", "mott"]);
    let error =
        world.call(world.admin(), "server config", json!({"server": "survival", "idle_stop": "1s"})).await;
    assert_eq!(error.unwrap_err().fields[0].field, "idle_stop");
    assert_eq!(world.data("server config", json!({"server": "survival"})).await["version"], 1);
}

#[tokio::test]
async fn secrets_are_given_to_the_host_and_shown_to_nobody() {
    for world in worlds().await {
        let secret = "correct-horse-battery";
        let set = json!({"password": secret});
        let input = json!({"name": "survival", "recipe": "testgame", "set": set});
        assert_eq!(world.finish(world.admin(), "server create", input).await, Outcome::Succeeded);
        let server = world.id("survival").await;
        world.start("survival").await;
        assert_eq!(world.agent.desired(server).unwrap().variables["password"], secret);
        world.agent.print(server, &format!("started with --password {secret}"));
        let second = "another-very-secret-one";
        let mut answers = String::new();
        let input = json!({"server": "survival", "set": {"password": second}});
        for (operation, input) in [
            ("server config", input),
            ("server config", json!({"server": "survival"})),
            ("server status", json!({"server": "survival"})),
            ("server list", json!({})),
            ("server console", json!({"server": "survival"})),
        ] {
            let reply = world.call(world.admin(), operation, input).await.unwrap();
            answers.push_str(&serde_json::to_string(&reply).unwrap());
        }
        let bad = json!({"server": "survival", "set": {"password": second, "max_players": second}});
        let error = world.call(world.admin(), "server config", bad).await.unwrap_err();
        answers.push_str(&format!("{error:?}"));
        world.stop("survival").await;
        let events = world.events.after(0, &Filter::default(), 500).await.unwrap();
        answers.push_str(&serde_json::to_string(&events).unwrap());
        answers.push_str(&serde_json::to_string(&*world.records.0.lock().unwrap()).unwrap());
        for leaked in [secret, second] {
            assert!(!answers.contains(leaked), "a secret is shown: {answers}");
        }
        assert!(answers.contains("password"), "that it changed is shown");
    }
}

#[tokio::test]
async fn a_secret_that_nobody_set_is_made_up() {
    let world = world().await;
    let one = world.create("one").await;
    let two = world.create("two").await;
    world.start("one").await;
    world.start("two").await;
    let password = |server| world.agent.desired(server).unwrap().variables["password"].clone();
    assert!(password(one).len() >= 20);
    assert_ne!(password(one), password(two));
}

#[tokio::test]
async fn a_wished_port_is_given_at_the_next_start() {
    let world = world().await;
    let server = world.create("survival").await;
    world.data("server config", json!({"server": "survival", "set": {"port.game": 27015}})).await;
    world.start("survival").await;
    assert_eq!(world.agent.desired(server).unwrap().ports["game"], 27015);
}
