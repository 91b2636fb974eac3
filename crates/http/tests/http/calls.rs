//! Operations by name and as resources, and what comes back.

use std::time::Duration;

use guildhall_core::{Face, audit::Verdict};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Harness, MEMBER, STARTER, answered};

#[tokio::test]
async fn an_operation_is_called_by_its_name_however_its_blank_is_written() {
    let harness = Harness::start().await;
    for name in ["server.status", "server-status", "server_status", "server%20status"] {
        let answer = harness.call(name, MEMBER, json!({"server": "survival"})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert_eq!(answer.body["data"]["server"], "survival");
        assert_eq!(answer.body["document"]["title"], "It is there");
        assert_eq!(answer.body["follow"], Value::Null);
        let record = harness.records.last();
        assert_eq!(answer.body["call"], record.call.to_string());
        assert_eq!(
            (record.operation.as_str(), record.face, record.verdict),
            ("server status", Face::Rest, Verdict::Done)
        );
    }
}

#[tokio::test]
async fn resources_lead_to_the_same_operations() {
    let harness = Harness::start().await;
    let body = json!({"name": "lobby", "recipe": "bzflag", "max_players": 20, "settings": {"a": "b"}});
    let created = harness.send("POST", "/api/v1/servers", ADMIN, body).await;
    assert_eq!(
        (created.status.as_u16(), &created.body["data"]["server"]),
        (200, &json!("lobby")),
        "{}",
        created.body
    );

    let listed = harness.ask("GET", "/api/v1/servers", MEMBER).await;
    assert_eq!(listed.body["data"]["servers"], json!(["lobby", "survival"]));

    let status = harness.ask("GET", "/api/v1/servers/lobby", MEMBER).await;
    assert_eq!(status.body["data"]["server"], "lobby");

    let console = harness.ask("GET", "/api/v1/servers/lobby/console?lines=7", MEMBER).await;
    assert_eq!(console.body["data"], json!({"server": "lobby", "lines": 7}), "query parameters are typed");

    let started = harness.ask("POST", "/api/v1/servers/lobby/start", MEMBER).await;
    assert_eq!(started.status, 202, "a job goes on");
    assert_eq!(started.body["follow"]["cursor"], 0);

    let deleted = harness.ask("DELETE", "/api/v1/servers/lobby?confirm=true", ADMIN).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    let gone = harness.ask("GET", "/api/v1/servers/lobby", MEMBER).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (404, "server_not_found"));
    assert_eq!(gone.body["error"]["remedy"], "Look at the list.");

    let operations: Vec<String> = harness.records.all().into_iter().map(|record| record.operation).collect();
    let expected = [
        "server create",
        "server list",
        "server status",
        "server console",
        "server start",
        "server delete",
        "server status",
    ];
    assert_eq!(operations, expected, "each of them kept its record");
}

#[tokio::test]
async fn forms_are_typed_like_the_words_of_a_command_line() {
    let harness = Harness::start().await;
    let form = |body: &'static str| {
        let request = harness.request("POST", "/api/v1/operations/server.console", MEMBER);
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let answer = answered(form("server=survival&lines=9")).await;
    assert_eq!(answer.body["data"]["lines"], 9, "{}", answer.body);
    let answer = answered(form("{\"server\": \"survival\", \"lines\": 8}")).await;
    assert_eq!(answer.body["data"]["lines"], 8, "curl calls everything a form");
    let answer = answered(form("server=survival&lines=many")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["error"]["fields"][0]["field"]), (422, &json!("lines")));
}

#[tokio::test]
async fn the_command_line_says_so_and_only_the_label_changes() {
    let harness = Harness::start().await;
    let request = harness.request("GET", "/api/v1/servers", MEMBER).header("guildhall-face", "cli");
    assert_eq!(answered(request).await.status, 200);
    assert_eq!(harness.records.last().face, Face::Cli);
    let request = harness.request("POST", "/api/v1/servers", MEMBER).header("guildhall-face", "system");
    let refused = answered(request.json(&json!({"name": "x", "recipe": "bzflag"}))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "rank_too_low"));
    assert_eq!(harness.records.last().face, Face::Rest);
}

#[tokio::test]
async fn what_cannot_be_undone_asks_first() {
    let harness = Harness::start().await;
    let asked = harness.ask("DELETE", "/api/v1/servers/survival", ADMIN).await;
    assert_eq!((asked.status.as_u16(), asked.code()), (409, "confirmation_required"));
    assert_eq!(asked.body["error"]["question"], "Delete it for good?");
    assert_eq!(asked.body["document"]["title"], "Are you sure?");
    assert_eq!(harness.records.last().verdict, Verdict::Asked);
    assert!(harness.shed.servers.lock().unwrap().contains("survival"));

    let body = json!({"server": "survival"});
    let asked = harness.call("server.delete?confirm=false", ADMIN, body.clone()).await;
    assert_eq!(asked.status, 409);
    let unclear = harness.call("server.delete?confirm=perhaps", ADMIN, body.clone()).await;
    assert_eq!((unclear.status.as_u16(), unclear.code()), (422, "invalid_input"));
    let request = harness
        .request("POST", "/api/v1/operations/server.delete", ADMIN)
        .header("guildhall-confirm", "true");
    assert_eq!(answered(request.json(&body)).await.status, 200);
    assert!(harness.shed.servers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn input_that_does_not_fit_is_explained_for_each_field() {
    let harness = Harness::start().await;
    let answer = harness
        .send("POST", "/api/v1/servers", ADMIN, json!({"name": "", "recipe": "chess", "speed": 1}))
        .await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid_inputs"));
    let fields: Vec<&str> = answer.body["error"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["name", "recipe", "speed"]);

    let answer =
        harness.send("POST", "/api/v1/servers/survival/start", MEMBER, json!({"server": "lobby"})).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["error"]["fields"][0]["field"]),
        (422, &json!("server"))
    );
    let answer = harness.send("POST", "/api/v1/servers/survival/start?lines=1", MEMBER, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "unknown_parameter"));
    let answer = harness.call("server.list", MEMBER, json!([1, 2])).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid_input"));
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused_and_recorded() {
    let harness = Harness::start().await;
    let post = |body: &str, kind: &str| {
        let request = harness.request("POST", "/api/v1/servers", ADMIN);
        request.header("content-type", kind.to_owned()).body(body.to_owned())
    };
    let malformed = answered(post("{\"name\": ", "application/json")).await;
    assert_eq!((malformed.status.as_u16(), malformed.code()), (400, "malformed_json"), "{}", malformed.body);
    let record = harness.records.last();
    assert_eq!((record.operation.as_str(), record.verdict), ("POST /api/v1/servers", Verdict::Refused));
    assert_eq!(record.code.as_deref(), Some("malformed_json"));
    let reference = malformed.body["error"]["reference"].as_str().unwrap();
    assert_eq!(reference, record.call.reference(), "the answer leads to the record");

    let deep = answered(post(&"[".repeat(10_000), "application/json")).await;
    assert_eq!((deep.status.as_u16(), deep.code()), (400, "malformed_json"));
    let latin = answered(post("<name>", "text/xml")).await;
    assert_eq!((latin.status.as_u16(), latin.code()), (415, "not_json"));
    assert_eq!(harness.records.all().len(), 3);
}

#[tokio::test]
async fn failures_show_a_reference_and_nothing_of_the_inside() {
    let harness = Harness::start().await;
    for (how, status, code) in
        [("panic", 500, "internal"), ("bug", 500, "internal"), ("upstream", 502, "broker_gone")]
    {
        let answer = harness.call("server.break", MEMBER, json!({"how": how})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code));
        let text = answer.body.to_string();
        assert!(!text.contains("secret of the inside") && !text.contains("10.0.0.7"), "{text}");
        let record = harness.records.last();
        assert_eq!(record.verdict, Verdict::Failed);
        assert_eq!(answer.body["error"]["reference"], record.call.reference());
        assert!(record.detail.unwrap().len() > 10);
    }
}

#[tokio::test]
async fn too_many_calls_say_when_to_come_back() {
    let harness = Harness::start().await;
    assert_eq!(harness.call("server.poke", MEMBER, json!({})).await.status, 200);
    let limited = harness.call("server.poke", MEMBER, json!({})).await;
    assert_eq!((limited.status.as_u16(), limited.code()), (429, "too_often"));
    assert_eq!(limited.header("retry-after"), "30", "two calls a minute");
    harness.clock.advance(Duration::from_secs(12));
    let limited = harness.call("server.poke", MEMBER, json!({})).await;
    assert_eq!(limited.header("retry-after"), "18");
    assert_eq!(limited.body["error"]["remedy"], "Try again in 18 seconds.", "both say the same");
}

#[tokio::test]
async fn an_address_that_leads_nowhere_names_the_nearest() {
    let harness = Harness::start().await;
    let lost = harness.ask("GET", "/api/v1/server/survival", MEMBER).await;
    assert_eq!((lost.status.as_u16(), lost.code()), (404, "unknown_route"));
    let remedy = lost.body["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("GET /api/v1/servers/{server}"), "{remedy}");
    let record = harness.records.last();
    assert_eq!(
        (record.operation.as_str(), record.actor_name.as_str()),
        ("GET /api/v1/server/survival", "member")
    );

    let outside = harness.ask("GET", "/metric", "").await;
    assert_eq!((outside.status.as_u16(), outside.code()), (404, "unknown_route"));
    assert!(outside.body["error"]["remedy"].as_str().unwrap().contains("GET /metrics"));
    assert_eq!(harness.records.all().len(), 1, "nobody in particular asked");

    let unknown = harness.call("server.strat", MEMBER, json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "unknown_operation"));
    assert!(unknown.body["error"]["remedy"].as_str().unwrap().contains("server start"), "{}", unknown.body);
    assert_eq!(harness.records.last().operation, "server strat");
}

#[tokio::test]
async fn a_method_that_does_not_work_is_told_which_do() {
    let harness = Harness::start().await;
    let wrong = harness.ask("PUT", "/api/v1/servers/survival", ADMIN).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (405, "wrong_method"));
    let allowed = wrong.header("allow").to_owned();
    assert!(allowed.contains("GET") && allowed.contains("DELETE"), "{allowed}");
    assert_eq!(harness.records.last().operation, "PUT /api/v1/servers/survival");
    let wrong = harness.ask("POST", "/healthz", "").await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (405, "wrong_method"));
    let wrong = harness.ask("GET", "/api/v1/operations/server.list", MEMBER).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn a_scope_of_one_operation_covers_that_one() {
    let harness = Harness::start().await;
    assert_eq!(harness.ask("POST", "/api/v1/servers/survival/start", STARTER).await.status, 202);
    let refused = harness.ask("GET", "/api/v1/servers", STARTER).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "out_of_scope"));
}

#[tokio::test]
async fn the_catalogue_lists_each_operation_with_its_addresses() {
    let harness = Harness::start().await;
    let listed = harness.ask("GET", "/api/v1/operations", MEMBER).await;
    let operations = listed.body["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 16);
    let start = operations.iter().find(|operation| operation["name"] == "server start").unwrap();
    assert_eq!(start["path"], "/api/v1/operations/server.start");
    assert_eq!(start["resource"]["path"], "/api/v1/servers/{server}/start");
    assert_eq!((&start["effect"], &start["rank"]), (&json!("change"), &json!(0)));
    let ping = operations.iter().find(|operation| operation["name"] == "ping").unwrap();
    assert_eq!(ping["resource"], Value::Null);
}

#[tokio::test]
async fn people_read_their_language_and_programs_always_the_same_words() {
    let harness = Harness::start().await;
    assert_eq!(guildhall_core::language::gaps(&[guildhall_http::LOCALES]), Vec::<String>::new());
    for (method, path, token, german) in [
        ("GET", "/api/v1/nowhere", MEMBER, "Unter /api/v1/nowhere gibt es nichts."),
        ("PATCH", "/api/v1/servers", MEMBER, "PATCH geht unter /api/v1/servers nicht."),
        ("GET", "/api/v1/servers", "", "Dafür braucht es ein Token."),
        ("GET", "/api/v1/servers", "gh_nobody_0123456789abcdef", "Dieses Token gehört niemandem."),
        ("GET", "/api/v1/servers?page=x", MEMBER, "keine Eingabe"),
        ("GET", "/api/v1/events?subject=x", MEMBER, "ist weder server:ID noch host:NAME noch community."),
        ("POST", "/api/v1/servers/survival/start?a=b", MEMBER, "„a“ ist kein Parameter dieser Adresse."),
    ] {
        let ask = |language: &str| {
            let request = harness.request(method, path, token).header("accept-language", language);
            let request = if method == "POST" { request.json(&json!({})) } else { request };
            answered(request)
        };
        let (english, other) = (ask("fr, en;q=0.8, de;q=0.1").await, ask("en;q=0.5, de-AT;q=0.9").await);
        let said = other.body["document"].to_string();
        assert!(said.contains(german), "{path}: {said}");
        assert!(!english.body["document"].to_string().contains(german), "{path}");
        for word in ["code", "kind", "message"] {
            assert_eq!(english.body["error"][word], other.body["error"][word], "{path}: {word}");
            assert!(english.body["error"][word].is_string(), "{path}: {}", english.body);
        }
    }
}
