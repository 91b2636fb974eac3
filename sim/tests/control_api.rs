//! The stand-in driven from outside over HTTP, and its page.

mod support;

use serde_json::{Value, json};
use support::Community;

struct Control {
    http: reqwest::Client,
    base: String,
}

impl Control {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request =
            self.http.request(method.parse().expect("a method"), format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

#[tokio::test]
async fn a_whole_community_is_built_and_used_over_http() {
    let sim = guildhall_sim::Sim::start(guildhall_sim::SimConfig::default()).await.expect("it starts");
    let control = Control { http: reqwest::Client::new(), base: format!("{}/sim", sim.rest_base()) };
    let olive = control.post("/users", json!({"name": "olive"})).await["id"].clone();
    let guild = control.post("/guilds", json!({"name": "G", "owner": olive})).await["id"].clone();
    let guild = guild.as_str().expect("an id");
    let channel =
        control.post(&format!("/guilds/{guild}/channels"), json!({"name": "general"})).await["id"].clone();
    let app = control.post("/applications", json!({"name": "App", "owner": olive})).await;
    control.post(&format!("/guilds/{guild}/applications"), json!({"application": app["id"]})).await;
    let role = control.post(&format!("/guilds/{guild}/roles"), json!({"name": "staff"})).await["id"].clone();
    let anna = control.post("/users", json!({"name": "anna"})).await["id"].clone();
    control.post(&format!("/guilds/{guild}/members"), json!({"user": anna, "roles": [role]})).await;

    let api =
        format!("{}/api/v10/applications/{}/commands", sim.rest_base(), app["id"].as_str().expect("an id"));
    let token = format!("Bot {}", app["token"].as_str().expect("a token"));
    let command = json!({"name": "ping", "description": "d"});
    let made =
        control.http.post(api).header("Authorization", token).json(&command).send().await.expect("an answer");
    assert_eq!(made.status().as_u16(), 201);

    let act = json!({"user": anna, "channel": channel, "command": "/ping", "wait_ms": 0});
    let run = control.post("/interactions", act).await;
    assert_eq!(run["answer"], Value::Null, "nobody answers");
    control.post("/time", json!({"skip_seconds": 5})).await;
    let path = format!(
        "/interactions/{}?user={}",
        run["id"].as_str().expect("an id"),
        anna.as_str().expect("an id")
    );
    let mut failed = control.call("GET", &path, None).await.1;
    let mut version = 0;
    while failed["answer"].is_null() {
        version = control.call("GET", &format!("/changes?since={version}"), None).await.1["version"]
            .as_u64()
            .expect("a number");
        failed = control.call("GET", &path, None).await.1;
    }
    assert_eq!(failed["answer"], json!({"kind": "failed", "text": "The application did not respond"}));

    control.post("/messages", json!({"user": anna, "channel": channel, "content": "hello"})).await;
    let view = format!(
        "/messages?user={}&channel={}",
        anna.as_str().expect("an id"),
        channel.as_str().expect("an id")
    );
    let seen = control.call("GET", &view, None).await.1;
    let texts: Vec<&str> =
        seen.as_array().expect("a list").iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(texts, ["The application did not respond", "hello"]);

    for (path, body) in [
        ("/users", json!({})),
        ("/users", json!({"name": ""})),
        ("/guilds", json!({"name": "x", "owner": "5"})),
        ("/interactions", json!({"user": anna, "channel": channel, "command": "/nothing"})),
        ("/interactions", json!({"user": anna, "channel": channel})),
        ("/interactions", json!({"user": anna, "channel": channel, "nonsense": 1})),
        ("/gateway", json!({"action": "explode"})),
    ] {
        let (status, answer) = control.call("POST", path, Some(body.clone())).await;
        assert!(
            (400..500).contains(&status) && answer["error"].is_string(),
            "{path} {body}: {status} {answer}"
        );
    }
    // Staff by hand, closed doors, invites and faults.
    let bo = control.post("/users", json!({"name": "bo", "age_seconds": 86_400, "locale": "de"})).await["id"]
        .clone();
    let staff = format!("/guilds/{guild}/staff");
    let invite = json!({"user": anna, "act": "create_invite", "channel": channel, "max_uses": 1});
    let code = control.post(&staff, invite).await["id"].clone();
    control.post(&format!("/invites/{}", code.as_str().expect("a code")), json!({"user": bo})).await;
    let (status, refused) =
        control.call("POST", &staff, Some(json!({"user": bo, "act": "ban", "target": anna}))).await;
    assert_eq!((status, refused["error"].is_string()), (400, true));
    control.post(&staff, json!({"user": olive, "act": "ban", "target": bo, "reason": "spam"})).await;
    let audit = control.call("GET", &format!("/guilds/{guild}/audit-log"), None).await.1;
    assert_eq!(audit.as_array().and_then(|log| log.last()).expect("an entry")["reason"], "spam");
    let path = format!("/users/{}", bo.as_str().expect("an id"));
    assert_eq!(control.call("PATCH", &path, Some(json!({"direct_messages": false}))).await.0, 200);
    assert_eq!(control.call("PATCH", &path, Some(json!({"locale": "xx"}))).await.0, 400);
    control
        .post("/faults", json!({"route": "GET /gateway", "fault": {"kind": "status", "status": 503}}))
        .await;
    let gateway = format!("{}/api/v10/gateway", sim.rest_base());
    assert_eq!(control.http.get(&gateway).send().await.expect("an answer").status().as_u16(), 503);
    assert_eq!(control.call("DELETE", "/faults", None).await.1["struck"], 1);
    let hello = seen[1]["id"].as_str().expect("an id");
    let edit = json!({"user": anna, "channel": channel, "content": "hello there"});
    assert_eq!(control.call("PATCH", &format!("/messages/{hello}"), Some(edit)).await.0, 200);
    assert_eq!(control.call("GET", &view, None).await.1[1]["text"], "hello there");
    let long = json!({"user": anna, "channel": channel, "content": "a".repeat(4_000)});
    assert_eq!(control.call("PATCH", &format!("/messages/{hello}"), Some(long.clone())).await.0, 400);
    let path = format!("/users/{}", anna.as_str().expect("an id"));
    assert_eq!(control.call("PATCH", &path, Some(json!({"nitro": true}))).await.0, 200);
    assert_eq!(control.call("PATCH", &format!("/messages/{hello}"), Some(long)).await.0, 200);
    let delete = json!({"user": anna, "channel": channel, "content": null});
    assert_eq!(control.call("PATCH", &format!("/messages/{hello}"), Some(delete)).await.0, 200);
    let voice = json!({"name": "talk", "kind": "voice"});
    let talk = control.post(&format!("/guilds/{guild}/channels"), voice).await["id"].clone();
    control.post(&staff, json!({"user": anna, "act": "join_voice", "channel": talk})).await;

    let state = control.call("GET", "/state", None).await.1;
    assert_eq!(state["guilds"][0]["bans"][0]["reason"], "spam");
    assert_eq!(state["guilds"][0]["members"].as_array().map(Vec::len), Some(3));
    let log = control.call("GET", "/log", None).await.1;
    assert!(!log.to_string().contains(app["token"].as_str().expect("a token")), "no bot token in the log");
    sim.shutdown().await;
}

#[tokio::test]
async fn the_page_shows_what_the_user_sees_and_runs_nothing_that_was_written() {
    let community = Community::new().await;
    let evil = "<script>alert('x')</script> & \"quotes\"";
    community.anna.in_channel(community.general).send_message(evil).expect("a message");
    let rest = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    let button = json!({"type": 2, "style": 1, "label": "<b>Go</b>", "custom_id": "a\"b"});
    rest.post(&path, json!({"content": "press", "components": [{"type": 1, "components": [button]}]})).await;
    let url =
        format!("{}/?user={}&channel={}", community.sim.rest_base(), community.anna.id(), community.general);
    let response = reqwest::get(url).await.expect("the page");
    let policy = response.headers()["content-security-policy"].to_str().expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'nonce-"));
    let html = response.text().await.expect("a text");
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot;"));
    assert!(html.contains("data-press=\"a&quot;b\"") && html.contains("&lt;b&gt;Go&lt;/b&gt;"));
    assert_eq!(html.matches("<script").count(), 1, "only the page's own script");
    let empty = guildhall_sim::Sim::start(guildhall_sim::SimConfig::default()).await.expect("it starts");
    let html = reqwest::get(empty.rest_base()).await.expect("the page").text().await.expect("a text");
    assert!(html.contains("nobody here"));
}
