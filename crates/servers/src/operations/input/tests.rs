//! How inputs are read.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn settings_come_as_an_object_or_as_words() {
    let read = |value: Value| serde_json::from_value::<Settings>(value).map(|settings| settings.0);
    let wanted: BTreeMap<String, String> = [("motd", "Hello you"), ("max", "20"), ("pvp", "true")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    assert_eq!(read(json!({"motd": "Hello you", "max": 20, "pvp": true})).unwrap(), wanted);
    assert_eq!(read(json!("motd=\"Hello you\" max=20 pvp=true")).unwrap(), wanted);
    assert!(read(json!({"motd": {"a": 1}})).is_err());
    assert!(read(json!("motd")).is_err());
    assert!(read(json!(null)).unwrap().is_empty());
}

#[test]
fn names_come_as_words() {
    let read = |value: Value| serde_json::from_value::<Names>(value).map(|names| names.0);
    let wanted: BTreeSet<String> = ["motd", "port.game"].map(str::to_owned).into();
    assert_eq!(read(json!("port.game,motd  motd")).unwrap(), wanted);
    assert!(read(json!(" , ")).unwrap().is_empty() && read(json!(null)).unwrap().is_empty());
    assert!(read(json!({"motd": true})).is_err());
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    assert!(read(json!(many.join(" "))).is_err());
}

#[test]
fn beginnings_come_first_and_typing_errors_still_find_something() {
    let names = ["creative", "old-survival", "survival", "survival-2"];
    assert_eq!(matching("sur", names.into_iter()), ["survival", "survival-2", "old-survival"]);
    assert_eq!(matching("suvrival", names.into_iter())[0], "survival");
    assert_eq!(matching("", names.into_iter()).len(), 4);
}

proptest! {
    #[test]
    fn any_value_is_read_or_refused(text in any::<String>()) {
        let _ = serde_json::from_value::<Settings>(Value::from(text));
    }
}
