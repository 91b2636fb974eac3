//! Commands as messages: which word goes where when nothing is named.

use std::collections::BTreeMap;

use guildhall_core::words;

/// The inputs that the words become.
fn sorted(operation: &str, line: &str) -> BTreeMap<String, String> {
    let operations = guildhall_moderation::operations();
    let spec = operations.specs().find(|spec| spec.name == operation).unwrap();
    let sorted = words::read(&spec.fields, line, None);
    assert_eq!(sorted.over, None, "{operation} {line}");
    sorted.words.into_iter().map(|(name, words)| (name, words.join(" "))).collect()
}

/// An operation, what is written after its name, and the inputs that it becomes.
type Line<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

#[test]
fn words_without_names_go_where_people_mean_them_to() {
    let (id, other) = ("123456789012345678", "234567890123456789");
    let two = format!("{id} {other}");
    let raid = format!("{id} {other} <@20> a raid");
    let three = format!("{id} {other} <@20>");
    let cases: &[Line<'_>] = &[
        (
            "ban",
            "<@20> <@21> 7d 3 adverts",
            &[("user", "<@20> <@21>"), ("duration", "7d"), ("reason", "3 adverts")],
        ),
        ("softban", "<@20> 2 adverts in a row", &[("user", "<@20>"), ("reason", "2 adverts in a row")]),
        (
            "timeout",
            "<@20> 90 minutes calm down",
            &[("user", "<@20>"), ("duration", "90 minutes"), ("reason", "calm down")],
        ),
        ("warn", &two, &[("user", &two)]),
        ("massban", &raid, &[("users", &three), ("reason", "a raid")]),
        ("nick", "<@20> The New Name", &[("user", "<@20>"), ("nick", "The New Name")]),
        (
            "nick",
            "<@20> The New Name --reason Unreadable",
            &[("user", "<@20>"), ("nick", "The New Name"), ("reason", "Unreadable")],
        ),
        ("nick", "<@20>", &[("user", "<@20>")]),
        ("lock", "<#100>", &[("channel", "<#100>")]),
        ("lock", "<#100> 30m a raid", &[("channel", "<#100>"), ("duration", "30m"), ("reason", "a raid")]),
        ("lock", "30m a raid", &[("duration", "30m"), ("reason", "a raid")]),
        ("unlock", "<#100> it is over", &[("channel", "<#100>"), ("reason", "it is over")]),
        ("slowmode", "30s <#100>", &[("delay", "30s"), ("channel", "<#100>")]),
        ("slowmode", "<#100> 30s", &[("delay", "30s"), ("channel", "<#100>")]),
        (
            "purge",
            "50 <@20> <#100> http",
            &[("count", "50"), ("user", "<@20>"), ("channel", "<#100>"), ("contains", "http")],
        ),
        (
            "role add",
            "<@20> <@&3> won the contest",
            &[("user", "<@20>"), ("role", "<@&3>"), ("reason", "won the contest")],
        ),
        ("case search", "<@20> sold accounts", &[("user", "<@20>"), ("text", "sold accounts")]),
        ("case close", "12 talked about it", &[("number", "12"), ("reason", "talked about it")]),
        ("note", "<@20> asked about it", &[("user", "<@20>"), ("reason", "asked about it")]),
    ];
    for (operation, line, wanted) in cases {
        let wanted: BTreeMap<_, _> =
            wanted.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(sorted(operation, line), wanted, "{operation} {line}");
    }
}
