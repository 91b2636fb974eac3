//! The check against Discord's own document finds what is wrong, explains it, and lets pass what Discord lets pass.

use guildhall_sim::conformance::{Checker, exceptions};
use guildhall_sim::{Direction, Exchange};
use serde_json::{Value, json};

fn exchange(method: &str, path: &str, request: Value, status: u16, response: Option<Value>) -> Exchange {
    Exchange {
        direction: Direction::ToDiscord,
        method: method.into(),
        path: path.into(),
        query: String::new(),
        request: Some(request),
        status,
        response,
    }
}

#[test]
fn mistakes_are_found_at_their_place() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/discord/openapi.json");
    if !std::path::Path::new(path).exists() {
        println!("skipped, because Discord's own document is not at {path}");
        return;
    }
    let checker = Checker::load(path).expect("the document can be read");
    let places = |exchange: &Exchange| -> Vec<String> {
        checker.check_request(exchange).into_iter().map(|wrong| wrong.place).collect()
    };
    let message = |body: Value| exchange("POST", "/channels/5/messages", body, 200, None);
    assert_eq!(places(&message(json!({"content": 5}))), ["/content"]);
    assert_eq!(places(&message(json!({"content": "fine"}))), Vec::<String>::new());
    let button = json!({"type": 2, "style": 1, "label": "x".repeat(81), "custom_id": "a"});
    let nested = json!({"components": [{"type": 17, "components": [{"type": 1, "components": [button]}]}]});
    assert_eq!(
        places(&message(nested)),
        ["/components/0/components/0/components/0/label"],
        "through three unions"
    );

    let unknown = exchange("GET", "/channels/5/nothing", Value::Null, 200, Some(json!({})));
    assert_eq!(checker.check_response(&unknown)[0].message, "Discord's document has no such operation");
    let unforeseen = exchange("GET", "/channels/5", Value::Null, 204, None);
    assert_eq!(checker.check_response(&unforeseen)[0].message, "status 204 is not foreseen");
    let poor = exchange("GET", "/users/@me", Value::Null, 200, Some(json!({"id": "x"})));
    assert!(checker.check_exchange(&poor).len() > 5, "most fields are missing, and the id is none");
    let error = exchange("GET", "/users/@me", Value::Null, 404, Some(json!({"message": "no code"})));
    assert_eq!(checker.check_exchange(&error).len(), 1);

    let digits = exchange("POST", "/guilds/5/roles", json!({"permissions": "32"}), 200, None);
    assert_eq!(places(&digits), Vec::<String>::new());
    let words = exchange("POST", "/guilds/5/roles", json!({"permissions": "many"}), 200, None);
    assert_eq!(places(&words), ["/permissions"], "the exception is for digits only");
    assert!(exceptions().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn a_file_that_is_no_document_is_refused() {
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/discordjs/package.json");
    assert!(Checker::load(package).is_err_and(|error| error.to_string().contains("no paths")));
    assert!(Checker::load("/nowhere").is_err());
}
