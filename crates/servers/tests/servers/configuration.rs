//! The launch configuration: versions, who changed what, and secrets that stay secret.

use guildhall_core::{EventLog, Kind, Outcome, event::Filter};
use guildhall_servers::{SecretsKey, ServersConfig};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::json;

use crate::world::{World, world, worlds, worlds_with};

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

#[tokio::test]
async fn a_setting_gets_its_default_again() {
    let config =
        ServersConfig { idle_stop: Some(std::time::Duration::from_secs(3_600)), ..Default::default() };
    for world in worlds_with(config).await {
        let server = world.create("survival").await;
        let set =
            json!({"motd": "Welcome", "max_players": 30, "port.game": 27015, "password": "hunter2-hunter2"});
        let input = json!({"server": "survival", "set": set, "idle_stop": "off"});
        world.data("server config", input).await;
        let reset = json!({"server": "survival", "reset": "motd, port.game idle_stop password"});
        let answer = world.document("server config", reset).await;
        assert!(answer.contains("motd: `Welcome` → `Hello`"), "{answer}");
        assert!(answer.contains("idle_stop: `off` → `60m`"), "{answer}");
        assert!(answer.contains("port.game: `27015` → `(gone)`"), "{answer}");
        assert!(answer.contains("password: `[secret]` → `[secret]`"), "{answer}");
        assert!(!answer.contains("max_players"), "{answer}");
        world.start("survival").await;
        let desired = world.agent.desired(server).unwrap();
        assert_eq!((desired.variables["motd"].as_str(), desired.ports["game"]), ("Hello", 25565));
        assert_eq!(desired.variables["max_players"], "30", "what was not named stays");
        assert!(desired.variables["password"].len() >= 20, "a secret's default is a new one");
        let again = world.document("server config", json!({"server": "survival", "reset": "motd"})).await;
        assert!(again.starts_with("# Nothing changed"), "{again}");

        for (input, field) in [
            (json!({"server": "survival", "reset": "mott"}), "mott"),
            (json!({"server": "survival", "reset": "port.gane"}), "port.gane"),
            (json!({"server": "survival", "reset": "motd", "set": {"motd": "x"}}), "motd"),
            (json!({"server": "survival", "reset": "idle_stop", "idle_stop": "15m"}), "idle_stop"),
        ] {
            let error = world.call(world.admin(), "server config", input).await.unwrap_err();
            assert_eq!((error.kind, error.fields[0].field.as_str()), (Kind::User, field), "{error}");
        }
    }
}

/// What the store keeps of a server's variables, a version a line.
async fn kept(world: &World) -> Vec<String> {
    column(world, "SELECT variables AS text FROM servers_config ORDER BY version").await
}

/// The column `text` of what a query finds.
#[expect(clippy::unwrap_used, reason = "what goes wrong here is to fail the test")]
#[expect(clippy::disallowed_methods, reason = "what is in the column is looked at, whoever's it is")]
pub async fn column(world: &World, query: &str) -> Vec<String> {
    let store = world.store.store();
    let reader = store.reader();
    let rows =
        reader.query_all_raw(Statement::from_string(reader.get_database_backend(), query)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
}

#[tokio::test]
async fn secrets_are_sealed_in_the_store_and_old_ones_with_the_next_change() {
    let secret = "correct-horse-battery";
    for store in guildhall_store::testkit::stores(crate::world::migrations).await {
        // Before there was a key.
        let world = World::new(store, ServersConfig::default()).await;
        let input = json!({"name": "survival", "recipe": "testgame", "set": {"password": secret}});
        assert_eq!(world.finish(world.admin(), "server create", input).await, Outcome::Succeeded);
        assert!(kept(&world).await[0].contains(secret), "without a key there is nothing to seal it with");

        let key = SecretsKey::generate();
        let world = world.again(ServersConfig { secrets: Some(key), ..Default::default() }).await;
        let server = world.id("survival").await;
        world.start("survival").await;
        assert_eq!(world.agent.desired(server).unwrap().variables["password"], secret, "the old one is read");
        world.data("server config", json!({"server": "survival", "set": {"motd": "Welcome"}})).await;
        let rows = kept(&world).await;
        assert_eq!(rows.len(), 2);
        for row in &rows {
            assert!(!row.contains(secret) && row.contains("\"password\":{\"sealed\":"), "{row}");
            assert!(row.contains("\"motd\":\""), "what is no secret can be read: {row}");
        }
        let restart = world.finish(world.member(), "server restart", json!({"server": "survival"})).await;
        assert_eq!(restart, Outcome::Succeeded);
        assert_eq!(world.agent.desired(server).unwrap().variables["password"], secret);
        let shown = world.document("server config", json!({"server": "survival"})).await;
        assert!(shown.contains("`password` | `[secret]`"), "{shown}");
    }
}

#[tokio::test]
async fn with_another_key_a_start_says_so_and_a_new_secret_mends_it() {
    for store in guildhall_store::testkit::stores(crate::world::migrations).await {
        let keyed = || ServersConfig { secrets: Some(SecretsKey::generate()), ..Default::default() };
        let world = World::new(store, keyed()).await;
        world.create("survival").await;
        let world = world.again(keyed()).await;
        assert_eq!(world.start("survival").await, Outcome::Failed);
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["failure"]["code"], "secrets_locked", "{status}");
        let set = |set: serde_json::Value| json!({"server": "survival", "set": set});
        let error = world.call(world.admin(), "server config", set(json!({"motd": "x"}))).await.unwrap_err();
        assert_eq!((error.code, error.message.contains("password")), ("secrets_locked", true), "{error}");
        world.data("server config", set(json!({"password": "another-one"}))).await;
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
        let server = world.id("survival").await;
        assert_eq!(world.agent.desired(server).unwrap().variables["password"], "another-one");
    }
}
