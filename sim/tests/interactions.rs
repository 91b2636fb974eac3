//! Interactions, over HTTP with signatures and by the callback route: the rules of answering, and who sees what.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use guildhall_sim::{ActError, Answer, SimConfig};
use serde_json::{Value, json};
use support::{Community, Rest, check_conformance, mistakes, patient};
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(20);

/// An application's endpoint: verifies what comes, hands interactions to the test, and answers what the test decided.
struct Endpoint {
    url: String,
    received: mpsc::UnboundedReceiver<Value>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Endpoint {
    async fn start(public_key: &str, verifies: bool) -> Self {
        let bytes: [u8; 32] = hex::decode(public_key).expect("hex").try_into().expect("32 bytes");
        let key = VerifyingKey::from_bytes(&bytes).expect("a key");
        let (sender, received) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new((202, String::new())));
        let current = Arc::clone(&answer);
        let handler = move |headers: HeaderMap, body: Bytes| {
            let header =
                |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let mut signed = header("x-signature-timestamp").into_bytes();
            signed.extend_from_slice(&body);
            let signature = hex::decode(header("x-signature-ed25519")).ok();
            let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
            let good = signature.is_some_and(|signature| key.verify(&signed, &signature).is_ok());
            let interaction: Value = serde_json::from_slice(&body).unwrap_or_default();
            let reply = if !good && verifies {
                (401, String::new())
            } else if interaction["type"] == 1 {
                (200, json!({"type": 1}).to_string())
            } else {
                let _ = sender.send(interaction);
                current.lock().expect("the answer").clone()
            };
            let status = StatusCode::from_u16(reply.0).expect("a status");
            async move { (status, [("content-type", "application/json")], reply.1) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/interactions", listener.local_addr().expect("an address"));
        let router = Router::new().route("/interactions", post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received, answer }
    }

    fn will_answer(&self, body: &Value) {
        *self.answer.lock().expect("the answer") = (200, body.to_string());
    }

    async fn next(&mut self) -> Value {
        tokio::time::timeout(SOON, self.received.recv())
            .await
            .expect("an interaction")
            .expect("an interaction")
    }
}

/// A community whose bot takes interactions over HTTP and has some commands.
async fn community(config: SimConfig) -> (Community, Endpoint, Rest) {
    let community = Community::with(config).await;
    let endpoint = Endpoint::start(&community.app.public_key(), true).await;
    community.app.set_interactions_url(Some(&endpoint.url)).await.expect("the endpoint verifies signatures");
    let rest = community.rest();
    let commands = json!([
        {"name": "server", "description": "Servers", "options": [
            {"type": 1, "name": "start", "description": "Start one", "options": [
                {"type": 3, "name": "server", "description": "Which", "required": true, "autocomplete": true},
                {"type": 4, "name": "slots", "description": "How many", "min_value": 1, "max_value": 8},
                {"type": 6, "name": "host", "description": "Who"},
            ]},
        ]},
        {"name": "admin", "description": "For staff", "default_member_permissions": "32"},
        {"type": 2, "name": "Inspect"},
        {"type": 3, "name": "Report"},
    ]);
    let path = format!("/applications/{}/commands", community.app.id());
    assert_eq!(rest.call("PUT", &path, Some(commands)).await.0, 200);
    (community, endpoint, rest)
}

fn message(content: &str, ephemeral: bool) -> Value {
    json!({"type": 4, "data": {"content": content, "flags": if ephemeral { 64 } else { 0 }}})
}

fn callback(interaction: &Value) -> String {
    format!(
        "/interactions/{}/{}/callback",
        interaction["id"].as_str().expect("an id"),
        interaction["token"].as_str().expect("a token")
    )
}

fn webhook(community: &Community, interaction: &Value) -> String {
    format!("/webhooks/{}/{}", community.app.id(), interaction["token"].as_str().expect("a token"))
}

#[tokio::test]
async fn an_endpoint_that_does_not_verify_signatures_is_not_accepted() {
    let community = Community::new().await;
    let careless = Endpoint::start(&community.app.public_key(), false).await;
    let refused = community.app.set_interactions_url(Some(&careless.url)).await.expect_err("refused");
    assert!(refused.to_string().contains("401"), "{refused}");
    let rest = community.rest();
    let body = json!({"interactions_endpoint_url": careless.url});
    let (status, answer) = rest.call("PATCH", "/applications/@me", Some(body)).await;
    assert_eq!(status, 400);
    assert_eq!(mistakes(&answer)[0].1, "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID");
    let careful = Endpoint::start(&community.app.public_key(), true).await;
    let body = json!({"interactions_endpoint_url": careful.url});
    let (status, answer) = rest.call("PATCH", "/applications/@me", Some(body)).await;
    assert_eq!((status, &answer["interactions_endpoint_url"]), (200, &json!(careful.url)));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn a_command_is_posted_signed_and_answered_in_the_body() {
    let (community, mut endpoint, _) = community(patient()).await;
    endpoint.will_answer(&message("Starting", true));
    let here = community.anna.in_channel(community.general);
    let run = here.type_command("/server start server:my world slots:4").expect("a command");
    let sent = endpoint.next().await;
    assert_eq!(sent["type"], 2);
    assert_eq!(sent["data"]["options"][0]["name"], "start");
    assert_eq!(
        sent["data"]["options"][0]["options"],
        json!([{"name": "server", "type": 3, "value": "my world"}, {"name": "slots", "type": 4, "value": 4}])
    );
    assert_eq!(sent["member"]["user"]["username"], "anna");
    let answer = run.message(SOON).await.expect("an answer");
    assert!(answer.is_ephemeral());
    assert!(here.message(answer.id).is_some(), "anna sees it");
    assert!(!community.bo_sees(&answer), "bo does not");
    let rest = community.rest();
    let path = format!("/channels/{}/messages/{}", community.general, answer.id);
    assert_eq!(rest.get(&path).await.1["code"], 10008, "the channel does not know an ephemeral message");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_user_could_not_type_is_refused() {
    let (community, _endpoint, _) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    let refused = |command: &str, options: Value| here.run(command, options).err().expect("refused");
    assert!(
        matches!(refused("server stop", json!({})), ActError::UnknownCommand { known, .. } if known.contains("server start"))
    );
    assert!(
        matches!(refused("server start", json!({})), ActError::MissingOption { option, .. } if option == "server")
    );
    assert!(matches!(
        refused("server start", json!({"server": "x", "no": 1})),
        ActError::UnknownOption { .. }
    ));
    assert!(matches!(
        refused("server start", json!({"server": "x", "slots": "many"})),
        ActError::BadValue { .. }
    ));
    assert!(matches!(refused("server start", json!({"server": "x", "slots": 9})), ActError::BadValue { .. }));
    assert!(matches!(
        refused("server start", json!({"server": "x", "host": "5"})),
        ActError::BadValue { .. }
    ));
    assert_eq!(refused("admin", json!({})), ActError::NotAllowed);
    community.guild.join(&community.anna, &[community.staff]);
    assert!(here.run("admin", json!({})).is_ok(), "staff may");
    let hidden = community.guild.hidden_channel("staff-only", &[community.staff]);
    let outside = community.bo.in_channel(hidden);
    assert_eq!(outside.run("admin", json!({})).err(), Some(ActError::CannotSee("channel")));
}

#[tokio::test]
async fn three_seconds_are_the_limit_and_then_the_interaction_is_unknown() {
    let (community, mut endpoint, rest) = community(SimConfig::default()).await;
    let here = community.anna.in_channel(community.general);
    let run = here.run("server start", json!({"server": "x"})).expect("a command");
    let sent = endpoint.next().await;
    community.sim.advance(Duration::from_secs(4));
    let Answer::Failed(text) = run.answer().await else { panic!("it must fail") };
    assert_eq!(text, "The application did not respond");
    let seen = here.wait_for_text(SOON, "did not respond").await.expect("a notice");
    assert!(seen.notice && !community.bo_sees(&seen));
    let (status, late) = rest.post(&callback(&sent), message("late", false)).await;
    assert_eq!((status, &late["code"]), (404, &json!(10062)));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn a_broken_endpoint_fails_the_interaction() {
    let (community, endpoint, _) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    for broken in
        [(500, String::new()), (200, "no json".into()), (200, message(&"x".repeat(2001), false).to_string())]
    {
        *endpoint.answer.lock().expect("the answer") = broken;
        let run = here.run("server start", json!({"server": "x"})).expect("a command");
        assert!(matches!(run.answer().await, Answer::Failed(_)));
    }
}

#[tokio::test]
async fn a_deferral_is_filled_edited_followed_up_and_expires() {
    let (community, mut endpoint, rest) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    let run = here.run("server start", json!({"server": "x"})).expect("a command");
    let sent = endpoint.next().await;
    let hook = webhook(&community, &sent);
    let early = rest.post(&hook, json!({"content": "early"})).await;
    assert_eq!((early.0, &early.1["code"]), (404, &json!(10015)), "nothing to follow up yet");
    let with_response = format!("{}?with_response=true", callback(&sent));
    let (status, answer) = rest.post(&with_response, json!({"type": 5, "data": {"flags": 64}})).await;
    assert_eq!(status, 200);
    assert_eq!(answer["interaction"]["response_message_loading"], true);
    let again = rest.post(&callback(&sent), message("twice", false)).await;
    assert_eq!((again.0, &again.1["code"]), (400, &json!(40060)));
    let Answer::Deferred(thinking) = run.answer().await else { panic!("deferred") };
    assert!(thinking.is_loading() && thinking.is_ephemeral());
    assert_eq!(thinking.text(), "Guildhall is thinking...");

    // The webhook needs no bot token. The first follow-up fills the deferral.
    let nobody = rest.with_token(None);
    let (status, filled) = nobody.post(&hook, json!({"content": "Ready"})).await;
    assert_eq!((status, &filled["id"]), (200, &json!(thinking.id)));
    assert_eq!(run.message(SOON).await.expect("filled").text(), "Ready");
    let (_, second) = nobody.post(&hook, json!({"content": "for all"})).await;
    let second = second["id"].as_str().expect("an id").to_owned();
    let followups = run.followups();
    assert_eq!(followups.len(), 1);
    assert!(community.bo_sees(&followups[0]), "a follow-up without the flag is public");
    let original = format!("{hook}/messages/@original");
    let v2 = json!({"content": "", "flags": 32768, "components": [{"type": 10, "content": "**Ready**"}]});
    let (status, _) = nobody.call("PATCH", &original, Some(v2)).await;
    assert_eq!(status, 200);
    assert_eq!(run.message(SOON).await.expect("edited").text(), "**Ready**");
    assert_eq!(nobody.call("DELETE", &format!("{hook}/messages/{second}"), None).await.0, 204);
    assert_eq!(nobody.get(&format!("{hook}/messages/{second}")).await.1["code"], 10008);

    community.sim.advance(Duration::from_secs(15 * 60));
    let expired = nobody.call("PATCH", &original, Some(json!({"components": []}))).await;
    assert_eq!((expired.0, &expired.1["code"]), (401, &json!(50027)));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn buttons_menus_and_forms_come_back() {
    let (community, mut endpoint, rest) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    let body = json!({"flags": 32768, "components": [
        {"type": 10, "content": "survival"},
        {"type": 1, "components": [
            {"type": 2, "style": 4, "label": "Stop", "custom_id": "stop:1"},
            {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": true},
        ]},
        {"type": 1, "components": [{"type": 3, "custom_id": "pick", "max_values": 2, "options": [
            {"label": "One", "value": "1"}, {"label": "Two", "value": "2"},
        ]}]},
        {"type": 1, "components": [{"type": 5, "custom_id": "who"}]},
    ]});
    let path = format!("/channels/{}/messages", community.general);
    let (_, posted) = rest.post(&path, body).await;
    let id = posted["id"].as_str().expect("an id").parse().expect("a snowflake");

    assert_eq!(here.press(id, "Off").err(), Some(ActError::Disabled("Off".into())));
    assert!(
        matches!(here.press(id, "Go"), Err(ActError::NoSuchComponent { known, .. }) if known == "Stop, Off")
    );
    assert!(here.select(id, "pick", &["Three"]).is_err() && here.select(id, "pick", &[]).is_err());

    // A form comes of the button.
    let pressed = here.press(id, "Stop").expect("a button");
    let sent = endpoint.next().await;
    assert_eq!((&sent["type"], &sent["data"]["custom_id"]), (&json!(3), &json!("stop:1")));
    assert_eq!(sent["message"]["id"], posted["id"]);
    let wrong = json!({"type": 9, "data": {"custom_id": "f", "title": "x".repeat(46), "components": []}});
    let (_, refused) = rest.post(&callback(&sent), wrong).await;
    let places: Vec<String> = mistakes(&refused).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["data.title", "data.components"]);
    let form = json!({"type": 9, "data": {"custom_id": "f", "title": "Really?", "components": [
        {"type": 18, "label": "Why", "component": {"type": 4, "custom_id": "why", "style": 1, "min_length": 3}},
        {"type": 18, "label": "Whom", "component": {"type": 5, "custom_id": "whom", "required": false}},
    ]}});
    assert_eq!(rest.post(&callback(&sent), form).await.0, 204);
    let modal = pressed.modal(SOON).await.expect("a form");
    assert!(here.submit_modal(&modal, json!({"why": "no"})).is_err(), "too short");
    let submitted =
        here.submit_modal(&modal, json!({"why": "late", "whom": [community.bo.id()]})).expect("sent");
    let sent = endpoint.next().await;
    assert_eq!(sent["type"], 5);
    assert_eq!(sent["data"]["components"][0]["component"]["value"], "late");
    assert_eq!(sent["data"]["components"][1]["component"]["values"], json!([community.bo.id()]));
    assert_eq!(sent["message"]["id"], posted["id"], "the form came of a message");
    let update = json!({"type": 7, "data": {"components": [{"type": 10, "content": "stopped"}]}});
    assert_eq!(rest.post(&callback(&sent), update).await.0, 204);
    assert_eq!(submitted.message(SOON).await.expect("an update").text(), "stopped");

    let gone = here.press(id, "Stop");
    assert!(matches!(gone, Err(ActError::NoSuchComponent { .. })), "the update took the buttons");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn menus_name_what_was_chosen_and_quiet_acknowledgements_change_nothing() {
    let (community, mut endpoint, rest) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    let body = json!({"content": "choose", "components": [
        {"type": 1, "components": [{"type": 3, "custom_id": "pick", "max_values": 2, "options": [
            {"label": "One", "value": "1"}, {"label": "Two", "value": "2"},
        ]}]},
        {"type": 1, "components": [{"type": 5, "custom_id": "who"}]},
    ]});
    let path = format!("/channels/{}/messages", community.general);
    let (_, posted) = rest.post(&path, body).await;
    let id = posted["id"].as_str().expect("an id").parse().expect("a snowflake");
    endpoint.will_answer(&json!({"type": 6}));
    let chosen = here.select(id, "pick", &["Two", "1"]).expect("a choice");
    assert!(matches!(chosen.answer().await, Answer::DeferredUpdate));
    assert_eq!(endpoint.next().await["data"]["values"], json!(["2", "1"]));
    let bo = community.bo.id().to_string();
    here.select(id, "who", &[&bo]).expect("a choice").answer().await;
    let sent = endpoint.next().await;
    assert_eq!(sent["data"]["resolved"]["users"][&bo]["username"], "bo");
    assert!(sent["data"]["resolved"]["members"][&bo]["roles"].is_array());
    assert_eq!(here.message(id).expect("still there").content, "choose");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn suggestions_and_context_menus() {
    let (community, mut endpoint, _) = community(patient()).await;
    let here = community.anna.in_channel(community.general);
    endpoint
        .will_answer(&json!({"type": 8, "data": {"choices": [{"name": "Survival", "value": "survival"}]}}));
    let typing = here.autocomplete("server start", json!({"server": "su"}), "server").expect("typing");
    let sent = endpoint.next().await;
    assert_eq!(
        sent["data"]["options"][0]["options"],
        json!([{"name": "server", "type": 3, "value": "su", "focused": true}])
    );
    assert_eq!(typing.choices(SOON).await.expect("suggestions")[0].name, "Survival");
    endpoint.will_answer(&message("no choices", false));
    let typing = here.autocomplete("server start", json!({"server": "su"}), "server").expect("typing");
    assert!(matches!(typing.answer().await, Answer::Failed(_)), "a message does not answer an autocomplete");
    endpoint.next().await;

    let written = community.bo.in_channel(community.general).send_message("spam").expect("a message");
    endpoint.will_answer(&message("noted", true));
    here.run_on_message("Report", written).expect("a command").answer().await;
    let sent = endpoint.next().await;
    assert_eq!(sent["data"]["resolved"]["messages"][written.to_string()]["content"], "spam");
    here.run_on_user("Inspect", community.bo.id()).expect("a command").answer().await;
    let sent = endpoint.next().await;
    assert_eq!(sent["data"]["target_id"], community.bo.id().to_string());
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
