//! What Discord shows of the commands, and to whom: the list that a member sees when typing a slash.

use std::collections::BTreeMap;

use serde_json::json;

use crate::stage::{Stage, Way};

#[test]
fn discord_shows_each_command_to_those_who_have_the_rank_by_a_permission_of_discords() {
    let stage = Stage::set(&Way::Http, &[]);
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for command in stage.app.commands() {
        let permission = command["default_member_permissions"].as_str().unwrap_or("everybody").to_owned();
        shown.entry(permission).or_default().push(command["name"].as_str().unwrap_or_default().to_owned());
    }
    shown.values_mut().for_each(|names| names.sort_unstable());
    // Kick Members, Ban Members, Administrator, Manage Server, Timeout Members.
    let expected = json!({
        "everybody": [
            "Report", "Report message", "appeal", "help", "player", "rank", "report", "report-message", "server",
        ],
        "2": ["kick"],
        "4": ["ban", "massban", "softban", "tempban", "unban"],
        "8": ["flow", "token"],
        "32": ["audit", "config", "logs"],
        "1099511627776": [
            "Cases", "Cases of author", "Timeout", "Warn", "Warn author", "case", "cases-author", "errors", "host", "inbox", "jail", "lock", "nick",
            "note", "purge", "reason", "role", "slowmode", "status", "timeout", "unjail", "unlock", "untimeout",
            "warn", "warn-author",
        ],
    });
    assert_eq!(json!(shown), expected);
    stage.finish();
}
