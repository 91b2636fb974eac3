//! The REST API beside forms and interactions: tokens, limits, messages, threads, members, permissions, files.

mod support;

use std::time::Duration;

use guildhall_sim::{Permissions, RateLimits, SimConfig};
use serde_json::{Value, json};
use support::{Community, check_conformance, mistakes};

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn tokens_paths_and_bodies_are_checked() {
    let community = Community::new().await;
    let rest = community.rest();
    for wrong in [None, Some("wrong")] {
        let (status, answer) = rest.with_token(wrong).get("/users/@me").await;
        assert_eq!((status, answer), (401, json!({"message": "401: Unauthorized", "code": 0})));
    }
    assert_eq!(rest.get("/users/@me").await.1["bot"], true);
    assert_eq!(rest.get("/oauth2/applications/@me").await.1["verify_key"], community.app.public_key());
    assert_eq!(rest.get("/gateway/bot").await.1["url"], community.sim.gateway_url());
    assert_eq!(rest.with_token(None).get("/gateway").await.0, 200);
    assert_eq!(rest.get("/no/such/route").await, (404, json!({"message": "404: Not Found", "code": 0})));
    let (_, answer) = rest.get("/channels/general").await;
    assert_eq!(mistakes(&answer), [("channel_id".to_owned(), "NUMBER_TYPE_COERCE".to_owned())]);
    assert_eq!(rest.get("/channels/5").await.1["code"], 10003);
    let url = format!("{}/v10/channels/{}/messages", community.api(), community.general);
    let broken =
        reqwest::Client::new().post(url).header("Authorization", format!("Bot {}", community.app.token()));
    let answer = broken.header("Content-Type", "application/json").body("{").send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], 50109);
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let limits = RateLimits { per_route: 2, window: Duration::from_secs(60), global: 1000 };
    let community = Community::with(SimConfig { rate_limits: limits, ..SimConfig::default() }).await;
    let rest = community.rest();
    let path = format!("/channels/{}", community.general);
    let first = rest.response("GET", &path, None).await;
    let header =
        |name: &str| first.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-remaining")), ("2", "1"));
    assert!(header("x-ratelimit-reset-after").parse::<f64>().is_ok_and(|after| after > 50.0));
    assert!(!header("x-ratelimit-bucket").is_empty());
    rest.get(&path).await;
    let refused = rest.response("GET", &path, None).await;
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["x-ratelimit-scope"], "user");
    let body: Value = refused.json().await.expect("JSON");
    assert!(body["retry_after"].as_f64().is_some_and(|after| after > 50.0), "{body}");
    assert_eq!(body["global"], false);
    assert_eq!(rest.get("/users/@me").await.0, 200, "another route has its own bucket");
    community.sim.advance(Duration::from_secs(61));
    assert_eq!(rest.get(&path).await.0, 200, "the bucket is full again");

    community.sim.set_rate_limits(RateLimits { per_route: 100, window: Duration::from_secs(1), global: 0 });
    let refused = rest.response("GET", &path, None).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["x-ratelimit-global"]),
        (429, &"true".parse().expect("a value"))
    );
    community.sim.set_rate_limits(RateLimits::generous());
    community.sim.refuse_next(Duration::from_millis(100), true);
    assert_eq!(rest.get(&path).await.1["global"], true, "ordered by the test");
    assert_eq!(rest.get(&path).await.0, 200);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn messages_are_written_listed_edited_and_deleted() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(id(&rest.post(&path, json!({"content": format!("m{n}")})).await.1));
    }
    let listed = |query: String| {
        let (rest, path) = (&rest, &path);
        async move {
            let (_, list) = rest.get(&format!("{path}?{query}")).await;
            let list = list.as_array().expect("a list").iter();
            list.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed("limit=2".into()).await, ["m4", "m3"]);
    assert_eq!(listed(format!("before={}&limit=2", ids[3])).await, ["m2", "m1"]);
    assert_eq!(listed(format!("after={}&limit=2", ids[1])).await, ["m3", "m2"]);
    assert_eq!(listed(format!("around={}&limit=3", ids[2])).await, ["m3", "m2", "m1"]);
    assert_eq!(mistakes(&rest.get(&format!("{path}?limit=101")).await.1)[0].1, "NUMBER_TYPE_MAX");

    let one = format!("{path}/{}", ids[0]);
    let (_, edited) = rest.call("PATCH", &one, Some(json!({"content": "new"}))).await;
    assert_eq!(edited["content"], "new");
    assert!(edited["edited_timestamp"].is_string());
    let theirs = community.anna.in_channel(community.general).send_message("mine").expect("a message");
    let (status, refused) =
        rest.call("PATCH", &format!("{path}/{theirs}"), Some(json!({"content": "x"}))).await;
    assert_eq!((status, &refused["code"]), (403, &json!(50005)));
    assert_eq!(rest.call("PUT", &format!("{one}/reactions/%F0%9F%8E%B2/@me"), None).await.0, 204);
    assert_eq!(rest.get(&one).await.1["reactions"][0]["emoji"]["name"], "🎲");
    assert_eq!(
        rest.call("PUT", &format!("/channels/{}/pins/{}", community.general, ids[0]), None).await.0,
        204
    );
    assert_eq!(rest.get(&format!("{path}/pins")).await.1["items"][0]["message"]["id"], ids[0]);
    assert_eq!(rest.call("DELETE", &one, None).await.0, 204);
    assert_eq!(rest.get(&one).await.1["code"], 10008);
    let (status, _) = rest.post(&format!("{path}/bulk-delete"), json!({"messages": [ids[1], ids[2]]})).await;
    assert_eq!(status, 204);
    let (_, few) = rest.post(&format!("{path}/bulk-delete"), json!({"messages": [ids[3]]})).await;
    assert_eq!(mistakes(&few)[0].0, "messages");
    let quiet = json!({"content": "@everyone <@5>", "allowed_mentions": {"parse": []}});
    let (_, quiet) = rest.post(&path, quiet).await;
    assert_eq!((&quiet["mention_everyone"], &quiet["mentions"]), (&json!(false), &json!([])));
    let mention = json!({"content": format!("<@{}>", community.anna.id())});
    assert_eq!(rest.post(&path, mention).await.1["mentions"][0]["username"], "anna");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn threads_are_started_archived_and_locked() {
    let community = Community::new().await;
    let rest = community.rest();
    let channel = format!("/channels/{}", community.general);
    let anchor = id(&rest.post(&format!("{channel}/messages"), json!({"content": "here"})).await.1);
    let start = format!("{channel}/messages/{anchor}/threads");
    let (_, refused) = rest.post(&start, json!({"name": "x".repeat(101)})).await;
    assert_eq!(mistakes(&refused)[0].0, "name");
    let (status, thread) = rest.post(&start, json!({"name": "survival", "auto_archive_duration": 60})).await;
    assert_eq!((status, id(&thread)), (201, anchor.clone()), "a thread on a message has its number");
    assert_eq!(rest.post(&start, json!({"name": "again"})).await.1["code"], 160004);
    let path = format!("/channels/{}", id(&thread));
    assert_eq!(community.anna.threads(community.general)[0].name, "survival");
    let said = id(&rest.post(&format!("{path}/messages"), json!({"content": "ready"})).await.1);

    // Archived: nothing is changed, but writing wakes it.
    let (_, archived) = rest.call("PATCH", &path, Some(json!({"archived": true}))).await;
    assert_eq!(archived["thread_metadata"]["archived"], true);
    let edit = rest.call("PATCH", &format!("{path}/messages/{said}"), Some(json!({"content": "x"}))).await;
    assert_eq!((edit.0, &edit.1["code"]), (400, &json!(50083)));
    assert_eq!(rest.call("PATCH", &path, Some(json!({"name": "new"}))).await.1["code"], 50083);
    let guild = community.guild.id();
    assert_eq!(rest.get(&format!("/guilds/{guild}/threads/active")).await.1["threads"], json!([]));
    assert_eq!(
        rest.get(&format!("{channel}/threads/archived/public")).await.1["threads"][0]["id"],
        thread["id"]
    );
    rest.post(&format!("{path}/messages"), json!({"content": "awake"})).await;
    assert_eq!(rest.get(&path).await.1["thread_metadata"]["archived"], false);

    // Locked: members cannot write, those who manage threads can.
    let locked = json!({"locked": true, "archived": true});
    assert_eq!(rest.call("PATCH", &path, Some(locked)).await.0, 200);
    let inside = community.anna.in_channel(id(&thread).parse().expect("a snowflake"));
    assert!(inside.send_message("let me in").is_err());
    assert_eq!(rest.post(&format!("{path}/messages"), json!({"content": "closed"})).await.0, 200);

    let (status, private) =
        rest.post(&format!("{channel}/threads"), json!({"name": "private", "type": 12})).await;
    assert_eq!(status, 201);
    let hidden: Vec<String> = community.anna.threads(community.general).into_iter().map(|t| t.name).collect();
    assert!(!hidden.contains(&"private".to_owned()));
    let member = format!("/channels/{}/thread-members/{}", id(&private), community.anna.id());
    assert_eq!(rest.call("PUT", &member, None).await.0, 204);
    assert!(community.anna.threads(community.general).iter().any(|thread| thread.name == "private"));
    assert_eq!(rest.get(&member).await.1["user_id"], json!(community.anna.id()));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn members_roles_bans_and_direct_messages() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let (_, role) = rest.post(&format!("{guild}/roles"), json!({"name": "player", "permissions": "0"})).await;
    let member = format!("{guild}/members/{}", community.anna.id());
    assert_eq!(rest.call("PUT", &format!("{member}/roles/{}", id(&role)), None).await.0, 204);
    assert_eq!(rest.get(&member).await.1["roles"], json!([role["id"]]));
    let (_, changed) = rest.call("PATCH", &member, Some(json!({"nick": "Annie"}))).await;
    assert_eq!(changed["nick"], "Annie");
    assert_eq!(rest.get(&format!("{guild}/members/search?query=ann")).await.1[0]["nick"], "Annie");
    assert_eq!(rest.get(&format!("{guild}/members?limit=1000")).await.1.as_array().map(Vec::len), Some(4));
    let (status, direct) =
        rest.post("/users/@me/channels", json!({"recipient_id": community.anna.id()})).await;
    assert_eq!((status, &direct["recipients"][0]["username"]), (200, &json!("anna")));
    let path = format!("/channels/{}/messages", id(&direct));
    rest.post(&path, json!({"content": "hello"})).await;
    let inbox = community.anna.direct(community.app.bot());
    assert_eq!(inbox.visible_messages()[0].text(), "hello");

    let ban = format!("{guild}/bans/{}", community.anna.id());
    assert_eq!(rest.call("PUT", &ban, Some(json!({}))).await.0, 204);
    assert_eq!(rest.get(&member).await.1["code"], 10007);
    assert_eq!(rest.get(&ban).await.1["user"]["username"], "anna");
    assert_eq!(rest.call("DELETE", &ban, None).await.0, 204);
    assert_eq!(rest.get(&ban).await.1["code"], 10026);
    let owner = format!("{guild}/members/{}", community.olive.id());
    assert_eq!(rest.call("DELETE", &owner, None).await.1["code"], 50013, "nobody kicks the owner");
    let bo = format!("{guild}/members/{}", community.bo.id());
    assert_eq!(rest.call("DELETE", &bo, None).await.0, 204);
    for path in
        [guild.clone(), format!("{guild}/channels"), format!("{guild}/roles"), "/users/@me/guilds".into()]
    {
        assert_eq!(rest.get(&path).await.0, 200, "{path}");
    }
    let (status, made) =
        rest.post(&format!("{guild}/channels"), json!({"name": "Game Servers", "type": 0})).await;
    assert_eq!((status, &made["name"]), (201, &json!("game-servers")));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn a_bot_may_do_only_what_it_was_invited_for() {
    let community = Community::new().await;
    let weak = community.sim.application("Weak", &community.olive);
    community.guild.install_with(&weak, Permissions::NONE);
    let rest = community.rest().with_token(Some(&weak.token()));
    let hidden = community.guild.hidden_channel("hidden", &[]);
    assert_eq!(rest.get(&format!("/channels/{hidden}")).await.1["code"], 50001);
    let general = format!("/channels/{}", community.general);
    assert_eq!(rest.post(&format!("{general}/messages"), json!({"content": "hi"})).await.0, 200);
    let guild = format!("/guilds/{}", community.guild.id());
    for (method, path, body) in [
        ("PATCH", general.clone(), json!({"name": "x"})),
        ("POST", format!("{guild}/roles"), json!({})),
        ("DELETE", format!("{guild}/members/{}", community.bo.id()), Value::Null),
        ("PUT", format!("{guild}/bans/{}", community.bo.id()), json!({})),
        ("POST", format!("{general}/threads"), json!({"name": "x", "type": 12})),
    ] {
        let (status, answer) = rest.call(method, &path, Some(body)).await;
        assert_eq!((status, &answer["code"]), (403, &json!(50013)), "{method} {path}");
    }
    let outside = community.sim.application("Outside", &community.olive);
    let rest = rest.with_token(Some(&outside.token()));
    assert_eq!(rest.get(&guild).await.1["code"], 50001);
    assert_eq!(rest.get(&general).await.1["code"], 50001);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn files_are_taken_shown_and_served() {
    let community = Community::new().await;
    let payload = json!({
        "flags": 32768, "attachments": [{"id": 0, "filename": "console.txt", "description": "the log"}],
        "components": [{"type": 13, "file": {"url": "attachment://console.txt"}}],
    });
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n\
         {payload}\r\n--x\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"console.txt\"\r\n\
         Content-Type: text/plain\r\n\r\nline one\r\n--x--\r\n"
    );
    let url = format!("{}/v10/channels/{}/messages", community.api(), community.general);
    let http = reqwest::Client::new();
    let request = http.post(url).header("Authorization", format!("Bot {}", community.app.token()));
    let answer = request.header("Content-Type", "multipart/form-data; boundary=x").body(body).send().await;
    let message: Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(message["attachments"][0]["description"], "the log", "{message}");
    assert_eq!(message["components"][0]["name"], "console.txt");
    let address = message["attachments"][0]["url"].as_str().expect("an address");
    let file = http.get(address).send().await.expect("an answer");
    assert_eq!(file.headers()["content-type"], "application/octet-stream");
    assert_eq!(file.text().await.expect("a text"), "line one");
    let seen = community.anna.in_channel(community.general).visible_messages();
    assert_eq!(seen[0].text(), "[file console.txt]\n[file console.txt]");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
