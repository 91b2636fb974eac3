//! The gateway, spoken by hand: identify, heartbeats, resume, intents, compression, and every way to be closed.

mod support;

use std::time::Duration;

use guildhall_sim::SimConfig;
use serde_json::{Value, json};
use support::Community;
use support::gateway::intent::{CONTENT, DIRECT, GUILDS, MEMBERS, MESSAGES, PRESENCES};
use support::gateway::{Client, SOON};

#[tokio::test]
async fn a_client_identifies_and_gets_its_guilds() {
    let community = Community::new().await;
    for query in ["", "&compress=zlib-stream"] {
        let mut client = Client::connect(&community, query).await;
        client.identify(&community.app.token(), GUILDS | MEMBERS | PRESENCES).await;
        let ready = client.event("READY").await;
        assert_eq!(ready["guilds"], json!([{"id": community.guild.id(), "unavailable": true}]));
        assert_eq!(ready["resume_gateway_url"], community.sim.gateway_url());
        assert_eq!(ready["application"]["id"], json!(community.app.id()));
        let guild = client.event("GUILD_CREATE").await;
        assert_eq!(guild["name"], "Community");
        assert_eq!(guild["members"].as_array().map(Vec::len), Some(4));
        assert_eq!(guild["channels"][0]["name"], "general");
        client.send(json!({"op": 1, "d": client.sequence})).await;
        assert_eq!(client.payload().await["op"], 11);
    }
}

#[tokio::test]
async fn wrong_clients_are_closed_with_discords_codes() {
    let community = Community::new().await;
    let token = community.app.token();
    let identify = |token: &str, intents: Value| json!({"op": 2, "d": {"token": token, "intents": intents}});
    let cases = [
        ("a wrong token", vec![identify("wrong", json!(1))], 4004),
        ("an unknown intent", vec![identify(&token, json!(1_u64 << 40))], 4013),
        ("no intents", vec![identify(&token, json!(null))], 4013),
        ("identified twice", vec![identify(&token, json!(1)), identify(&token, json!(1))], 4005),
        ("not identified", vec![json!({"op": 3, "d": {}})], 4003),
        ("an unknown opcode", vec![json!({"op": 99, "d": {}})], 4001),
        ("no opcode", vec![json!({"d": {}})], 4002),
        ("a bad shard", vec![json!({"op": 2, "d": {"token": token, "intents": 1, "shard": [2, 2]}})], 4010),
        ("121 payloads", (0..121).map(|n| json!({"op": 1, "d": n})).collect(), 4008),
    ];
    for (name, payloads, code) in cases {
        let mut client = Client::connect(&community, "").await;
        for payload in payloads {
            client.send(payload).await;
        }
        assert_eq!(client.closed().await, Some(code), "{name}");
    }
    community.app.grant_intents(0);
    let mut client = Client::connect(&community, "").await;
    client.identify(&token, GUILDS | CONTENT).await;
    assert_eq!(client.closed().await, Some(4014), "a privileged intent that was not granted");
}

#[tokio::test]
async fn a_silent_client_is_cut_off() {
    let config = SimConfig { heartbeat: Duration::from_millis(50), ..SimConfig::default() };
    let community = Community::with(config).await;
    let mut client = Client::connect(&community, "").await;
    assert_eq!(client.closed().await, Some(4009));
}

#[tokio::test]
async fn a_resumed_client_misses_nothing() {
    let community = Community::new().await;
    let token = community.app.token();
    let here = community.anna.in_channel(community.general);
    let (mut client, ready) = Client::ready(&community, GUILDS | MESSAGES | CONTENT).await;
    client.event("GUILD_CREATE").await;
    here.send_message("one").expect("a message");
    client.event("MESSAGE_CREATE").await;
    let (seen, session) = (client.sequence, ready["session_id"].as_str().expect("an id").to_owned());
    community.sim.sever_gateway();
    client.closed().await;
    here.send_message("two").expect("a message");
    here.send_message("three").expect("a message");

    let mut client = Client::connect(&community, "").await;
    client.resume(&token, &session, seen).await;
    let missed = [client.payload().await, client.payload().await];
    let said: Vec<&str> = missed.iter().filter_map(|event| event["d"]["content"].as_str()).collect();
    assert_eq!(said, ["two", "three"]);
    assert_eq!(client.payload().await["t"], "RESUMED");
    here.send_message("four").expect("a message");
    assert_eq!(client.event("MESSAGE_CREATE").await["content"], "four");

    let mut ahead = Client::connect(&community, "").await;
    ahead.resume(&token, &session, 9999).await;
    assert_eq!(ahead.closed().await, Some(4007), "events that were never sent");
    let mut stranger = Client::connect(&community, "").await;
    stranger.resume(&token, "nothing", 1).await;
    assert_eq!(stranger.payload().await, json!({"op": 9, "d": false, "s": null, "t": null}));
    stranger.identify(&token, GUILDS).await;
    stranger.event("READY").await;

    community.sim.drop_gateway();
    assert_eq!(client.payload().await["op"], 7);
    community.sim.forget_sessions();
    assert_eq!(client.payload().await["op"], 9);
    assert_eq!(client.closed().await, Some(4009));
    let mut late = Client::connect(&community, "").await;
    late.resume(&token, &session, seen).await;
    assert_eq!(late.payload().await["op"], 9, "a forgotten session cannot be resumed");
    assert_eq!((community.app.identified(), community.app.resumed()), (2, 1), "refusals do not count");
}

#[tokio::test]
async fn intents_and_visibility_decide_what_is_heard() {
    let community = Community::new().await;
    let (mut plain, _) = Client::ready(&community, GUILDS | MESSAGES).await;
    let (mut reader, _) = Client::ready(&community, GUILDS | MESSAGES | CONTENT | DIRECT).await;
    let (mut guilds, _) = Client::ready(&community, GUILDS).await;
    let here = community.anna.in_channel(community.general);
    here.send_message("secret").expect("a message");
    here.send_message(&format!("hi <@{}>", community.app.bot())).expect("a message");
    assert_eq!(plain.event("MESSAGE_CREATE").await["content"], "", "no content without the intent");
    assert_ne!(plain.event("MESSAGE_CREATE").await["content"], "", "but with a mention");
    assert_eq!(reader.event("MESSAGE_CREATE").await["content"], "secret");

    let hidden = community.guild.hidden_channel("hidden", &[]);
    community.olive.in_channel(hidden).send_message("unseen").expect("a message");
    community.anna.direct(community.app.bot()).send_message("direct").expect("a message");
    reader.event("MESSAGE_CREATE").await;
    let direct = reader.event("MESSAGE_CREATE").await;
    assert_eq!(direct["content"], "direct", "what the bot cannot see it does not hear");
    assert!(direct["guild_id"].is_null());

    community.guild.join(&community.sim.user("cy"), &[]);
    let last = community.guild.channel("last");
    loop {
        let payload = guilds.payload().await;
        let name = payload["t"].as_str().unwrap_or_default().to_owned();
        assert!(!name.starts_with("MESSAGE_") && name != "GUILD_MEMBER_ADD", "{name} needs an intent");
        if payload["d"]["id"] == json!(last) {
            break;
        }
    }
}

#[tokio::test]
async fn events_carry_the_objects_of_the_rest_api() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/discord/openapi.json");
    if !std::path::Path::new(path).exists() {
        println!("skipped, because Discord's own document is not at {path}");
        return;
    }
    let checker = guildhall_sim::conformance::Checker::load(path).expect("the document can be read");
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, GUILDS | MEMBERS | MESSAGES | CONTENT).await;
    let guild = client.event("GUILD_CREATE").await;
    assert_eq!(checker.check_value("GuildResponse", &guild), []);
    assert_eq!(checker.check_value("GuildChannelResponse", &guild["channels"][0]), []);
    assert_eq!(checker.check_value("GuildMemberResponse", &guild["members"][0]), []);
    let rest = community.rest();
    let messages = format!("/channels/{}/messages", community.general);
    let button = json!({"type": 2, "style": 1, "label": "Go", "custom_id": "go"});
    let body = json!({"flags": 32768, "components": [{"type": 1, "components": [button]}]});
    rest.post(&messages, body).await;
    let message = client.event("MESSAGE_CREATE").await;
    assert_eq!(checker.check_value("MessageResponse", &message), []);
    let start = format!("{messages}/{}/threads", message["id"].as_str().expect("an id"));
    rest.post(&start, json!({"name": "talk"})).await;
    assert_eq!(checker.check_value("ThreadResponse", &client.event("THREAD_CREATE").await), []);
    assert_eq!(checker.check_value("MessageResponse", &client.event("MESSAGE_UPDATE").await), []);
    let id = message["id"].as_str().expect("an id").parse().expect("a snowflake");
    community.anna.in_channel(community.general).press(id, "Go").expect("a button");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(checker.check_value("MessageResponse", &interaction["message"]), []);
    assert_eq!(checker.check_value("GuildMemberResponse", &interaction["member"]), []);
    assert_eq!(checker.check_value("GuildChannelResponse", &interaction["channel"]), []);
}

#[tokio::test]
async fn members_are_asked_for_in_chunks() {
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, GUILDS | MEMBERS).await;
    let told = client.event("GUILD_CREATE").await;
    let told: Vec<&Value> = told["members"].as_array().expect("members").iter().collect();
    assert_eq!(told.len(), 1, "without the presence intent a bot is told of itself only");
    assert_eq!(told[0]["user"]["id"], json!(community.app.bot()));
    let guild = community.guild.id();
    client.send(json!({"op": 8, "d": {"guild_id": guild, "query": "an", "limit": 5, "nonce": "n"}})).await;
    let chunk = client.event("GUILD_MEMBERS_CHUNK").await;
    assert_eq!((&chunk["nonce"], &chunk["chunk_count"]), (&json!("n"), &json!(1)));
    assert_eq!(chunk["members"][0]["user"]["username"], "anna");
    assert_eq!(chunk["members"].as_array().map(Vec::len), Some(1));
    client.send(json!({"op": 8, "d": {"guild_id": guild.0, "user_ids": [5], "limit": 0}})).await;
    assert_eq!(client.event("GUILD_MEMBERS_CHUNK").await["not_found"], json!(["5"]));
    let everybody = json!({"op": 8, "d": {"guild_id": guild, "query": "", "limit": 0}});
    client.send(everybody.clone()).await;
    let chunk = client.event("GUILD_MEMBERS_CHUNK").await;
    assert_eq!(chunk["members"].as_array().map(Vec::len), Some(4));
    let (mut plain, _) = Client::ready(&community, GUILDS).await;
    plain.send(everybody).await;
    assert_eq!(plain.closed().await, Some(4014), "all members need the privileged intent");
}

#[tokio::test]
async fn without_an_endpoint_interactions_come_over_the_gateway() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/applications/{}/commands", community.app.id());
    rest.post(&path, json!({"name": "ping", "description": "d"})).await;
    let (mut client, _) = Client::ready(&community, 0).await;
    let run = community.anna.in_channel(community.general).run("ping", json!({})).expect("a command");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(interaction["data"]["name"], "ping");
    let callback = format!(
        "/interactions/{}/{}/callback",
        interaction["id"].as_str().expect("an id"),
        interaction["token"].as_str().expect("a token")
    );
    let (status, _) = rest.post(&callback, json!({"type": 4, "data": {"content": "pong"}})).await;
    assert_eq!(status, 204);
    assert_eq!(run.message(SOON).await.expect("an answer").text(), "pong");
}
