//! Requests that Discord would never send, or not for this person: each gets a clear answer and a record, and
//! the program stays as healthy as before.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use ed25519_dalek::{Signer as _, SigningKey};
use guildhall_sim::User;
use guildhall_store::{
    AuditStore, Store,
    audit::{Entry, Filter, Page},
};
use serde_json::{Value, json};

use crate::{
    stage::{Stage, Way},
    support::eventually,
};

/// A body that would make a server if anybody believed it.
const MAKE: [(&str, &str); 2] = [("name", "forged"), ("recipe", "counter")];

/// Somebody with the key of Discord's.
struct Forger {
    stage: Stage,
    key: SigningKey,
    client: reqwest::blocking::Client,
    audit: AuditStore,
}

impl Forger {
    fn set() -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let stage = Stage::set(&Way::Forged(hex::encode(key.verifying_key().to_bytes())), &[]);
        let address = format!("sqlite://{}", stage.guildhall.data().join("guildhall.db").display());
        let audit = stage.wait(async {
            let migrations = [
                guildhall_flows::migrations(),
                guildhall_servers::migrations(),
                guildhall_community::migrations(),
                guildhall_moderation::migrations(),
                guildhall_logs::migrations(),
                guildhall_incidents::migrations(),
                guildhall_telemetry::migrations(),
            ];
            AuditStore::new(
                Store::open(address, migrations.into_iter().flatten().collect()).await.expect("the database"),
            )
        });
        Self { stage, key, client: reqwest::blocking::Client::new(), audit }
    }

    fn post(&self, body: &[u8], headers: &[(&str, String)]) -> (u16, Value) {
        let mut request = self.client.post(self.stage.guildhall.url("/interactions")).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().expect("an answer");
        (answer.status().as_u16(), answer.json().unwrap_or_default())
    }

    fn signed(&self, timestamp: i64, body: &[u8]) -> [(&'static str, String); 2] {
        let timestamp = timestamp.to_string();
        let signature = self.key.sign(&[timestamp.as_bytes(), body].concat());
        [("x-signature-timestamp", timestamp), ("x-signature-ed25519", hex::encode(signature.to_bytes()))]
    }

    /// Sends a body as Discord would sign it.
    fn send_bytes(&self, body: &[u8]) -> (u16, Value) {
        self.post(body, &self.signed(now(), body))
    }

    /// Sends an interaction; what the person reads.
    fn send(&self, interaction: &Value) -> (Value, String) {
        let (status, answer) = self.send_bytes(interaction.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        let text = answer["data"]["components"].to_string();
        (answer, text)
    }

    fn interaction(&self, kind: u8, who: &User, data: &Value) -> Value {
        static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
        let roles: Vec<String> =
            self.stage.guild.roles_of(who.id()).unwrap_or_default().iter().map(ToString::to_string).collect();
        json!({
            "id": NEXT.fetch_add(1, Ordering::Relaxed).to_string(),
            "application_id": self.stage.app.id().to_string(),
            "type": kind, "token": "a-token", "version": 1,
            "guild_id": self.stage.guild.id().to_string(), "channel_id": self.stage.channel.to_string(),
            "member": {"user": {"id": who.id().to_string(), "username": who.name()}, "roles": roles, "permissions": "0"},
            "data": data,
        })
    }

    fn command(&self, who: &User, verb: &str, options: &[(&str, &str)]) -> Value {
        let options: Vec<Value> =
            options.iter().map(|(name, value)| json!({"name": name, "type": 3, "value": value})).collect();
        let data = json!({"id": "1", "name": "server", "type": 1, "options": [{"name": verb, "type": 1, "options": options}]});
        self.interaction(2, who, &data)
    }

    fn press(&self, who: &User, custom_id: &str) -> Value {
        let mut press = self.interaction(3, who, &json!({"custom_id": custom_id, "component_type": 2}));
        press["message"] =
            json!({"id": "70", "channel_id": self.stage.channel.to_string(), "flags": 64 | 32_768});
        press
    }

    /// Fails unless the newest record is of this refusal, and the program is well.
    fn assert_recorded(&self, operation: &str, code: &str) {
        let newest = self.records().into_iter().next().expect("a record");
        assert_eq!(
            (newest.operation.as_str(), newest.verdict.as_str()),
            (operation, "refused"),
            "{newest:?}"
        );
        assert_eq!(newest.code.as_deref(), Some(code), "{newest:?}");
        let health = self.client.get(self.stage.guildhall.url("/readyz")).send().expect("an answer");
        assert!(health.status().is_success());
    }

    /// Every record, newest first, as the database has them.
    fn records(&self) -> Vec<Entry> {
        let page = Page { before: None, limit: 200 };
        self.stage.wait(self.audit.list_all(&Filter::default(), page)).expect("records")
    }

    fn servers(&self) -> Value {
        self.stage.guildhall.get("/api/v1/servers")["data"]["total"].clone()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock")
}

#[test]
fn what_is_not_from_discord_is_answered_recorded_and_never_run() {
    let forger = Forger::set();
    let make = forger.command(&forger.stage.ada, "create", &MAKE).to_string().into_bytes();
    let [timestamp, signature] = forger.signed(now(), &make);
    let for_another = forger.signed(now(), b"{}");
    let zero = ("x-signature-ed25519", "0".repeat(128));
    let cases: [(&str, Vec<(&str, String)>); 8] = [
        ("signature_missing", vec![]),
        ("signature_missing", vec![timestamp.clone()]),
        ("signature_missing", vec![signature]),
        ("signature_unreadable", vec![timestamp.clone(), ("x-signature-ed25519", "not hex".to_owned())]),
        ("signature_wrong", vec![timestamp, zero]),
        ("signature_wrong", for_another.to_vec()),
        ("signature_old", forger.signed(now() - 60, &make).to_vec()),
        ("signature_old", forger.signed(now() + 60, &make).to_vec()),
    ];
    for (code, headers) in cases {
        let (status, answer) = forger.post(&make, &headers);
        assert_eq!((status, answer["code"].as_str()), (401, Some(code)), "{headers:?}");
        forger.assert_recorded("an interaction", code);
    }

    let mut foreign = forger.interaction(1, &forger.stage.ada, &Value::Null);
    foreign["application_id"] = json!("12");
    let bodies: [(u16, &str, Vec<u8>); 6] = [
        (413, "body_too_large", vec![b' '; 300 * 1024]),
        (400, "malformed_interaction", b"{".to_vec()),
        (400, "malformed_interaction", b"\xff\xfe".to_vec()),
        (400, "malformed_interaction", b"{\"type\":9}".to_vec()),
        (400, "malformed_interaction", vec![b'['; 100_000]),
        (400, "foreign_interaction", foreign.to_string().into_bytes()),
    ];
    for (status, code, body) in bodies {
        let (got, answer) = forger.send_bytes(&body);
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)));
        forger.assert_recorded("an interaction", code);
    }
    assert_eq!(forger.servers(), 0, "nothing was run");

    // The same signed request is taken once.
    let list = forger.command(&forger.stage.ada, "list", &[]).to_string().into_bytes();
    let good = forger.signed(now(), &list);
    assert_eq!(forger.post(&list, &good).0, 200);
    let (status, answer) = forger.post(&list, &good);
    assert_eq!((status, answer["code"].as_str()), (409, Some("replayed_interaction")));
    forger.assert_recorded("an interaction", "replayed_interaction");
    let done =
        forger.records().into_iter().filter(|record| record.face == "discord" && record.verdict == "done");
    assert_eq!(done.map(|record| record.operation).collect::<Vec<_>>(), ["server list"]);
    forger.stage.finish();
}

#[test]
fn what_no_client_of_discords_would_send_is_answered_and_recorded() {
    let forger = Forger::set();
    let (ada, ben, cleo) = (forger.stage.ada.clone(), forger.stage.ben.clone(), forger.stage.cleo.clone());
    forger.stage.guildhall.call("server create", &json!({"name": "survival", "recipe": "counter"}));
    forger.stage.new_thread(&[]);

    let (answer, text) = forger.send(&forger.command(&ben, "strat", &[("server", "survival")]));
    assert!(text.contains("There is no operation “server strat”") && text.contains("server start"), "{text}");
    assert_eq!(answer["data"]["flags"].as_u64().map(|flags| flags & 64), Some(64), "for that person alone");
    forger.assert_recorded("server strat", "unknown_operation");

    let (_, text) = forger.send(&forger.command(&ben, "start", &[("server", "survival"), ("speed", "11")]));
    assert!(text.contains("speed") && text.contains("is not an input of this operation"), "{text}");
    forger.assert_recorded("server start", "invalid_input");

    let (_, text) =
        forger.send(&forger.command(&ben, "start", &[("server", "survival"), ("server", "lobby")]));
    assert!(text.contains("is given twice"), "{text}");
    forger.assert_recorded("server start", "invalid_input");

    let (_, text) = forger.send(&forger.command(&ben, "start", &[]));
    assert!(text.contains("server"), "{text}");
    forger.assert_recorded("server start", "invalid_input");

    let (_, text) = forger.send(&forger.command(&ben, "create", &MAKE));
    assert!(text.contains("rank"), "{text}");
    forger.assert_recorded("server create", "rank_too_low");

    let mut elsewhere = forger.command(&ada, "start", &[("server", "survival")]);
    elsewhere["guild_id"] = json!("99");
    let (_, text) = forger.send(&elsewhere);
    assert!(text.contains("is not set up in Guildhall"), "{text}");
    forger.assert_recorded("server start", "unknown_guild");

    for custom_id in ["", "y1:", "a1:server start|{", "a1:=nothing", "p1:9:nothing", "z9:what"] {
        let (_, text) = forger.send(&forger.press(&ben, custom_id));
        assert!(!text.is_empty());
        assert_eq!(forger.records()[0].verdict, "refused", "{custom_id}: {text}");
    }
    // A button may name any operation, and gives nobody a rank or an answer to a question.
    let (_, text) = forger.send(&forger.press(&ben, "c1:server delete|{\"server\":\"survival\"}"));
    assert!(text.contains("rank"), "{text}");
    forger.assert_recorded("server delete", "rank_too_low");

    // Only the one who was asked can say yes.
    let (asked, text) = forger.send(&forger.command(&ada, "delete", &[("server", "survival")]));
    assert!(text.contains("cannot be undone"), "{text}");
    let yes = custom_ids(&asked).into_iter().find(|id| id.starts_with('y')).expect("a yes");
    let (_, text) = forger.send(&forger.press(&cleo, &yes));
    assert!(text.contains("This question is not yours"), "{text}");
    forger.assert_recorded("a button", "not_your_question");
    assert_eq!(forger.servers(), 1);
    let (_, text) = forger.send(&forger.press(&ada, &yes));
    assert!(text.contains("survival is gone"), "{text}");
    eventually("the server is gone", || (forger.servers() == 0).then_some(()));
    forger.stage.finish();
}

/// The custom ids of an answer's buttons.
fn custom_ids(answer: &Value) -> Vec<String> {
    match answer {
        Value::Array(parts) => parts.iter().flat_map(custom_ids).collect(),
        Value::Object(part) => {
            let own = part.get("custom_id").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(part.values().flat_map(custom_ids)).collect()
        }
        _ => Vec::new(),
    }
}
