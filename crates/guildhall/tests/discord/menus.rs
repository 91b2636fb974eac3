//! The menus that Discord shows for a person and for a message: every entry that Guildhall puts there is used.

use std::collections::BTreeSet;

use guildhall_sim::{InteractionHandle, Message, MessageId, Place, User, UserId};
use serde_json::{Value, json};

use crate::{
    stage::{Stage, Way},
    support::{PATIENCE, eventually},
};

/// What the entry of a menu is used on.
#[derive(Clone, Copy)]
enum On {
    Person(UserId),
    Message(MessageId),
}

/// Somebody in the channel, with a menu.
struct Hand<'a> {
    stage: &'a Stage,
    place: Place,
    /// What has been used: what it is for, and its words.
    used: &'a mut BTreeSet<(String, String)>,
}

impl Hand<'_> {
    fn uses(&mut self, entry: &str, on: On) -> InteractionHandle {
        let (target, handle) = match on {
            On::Person(id) => ("user", self.place.run_on_user(entry, id)),
            On::Message(id) => ("message", self.place.run_on_message(entry, id)),
        };
        self.used.insert((target.to_owned(), entry.to_owned()));
        handle.expect("an entry of the menu")
    }

    /// Uses an entry that answers at once.
    fn reads(&mut self, entry: &str, on: On) -> Message {
        let handle = self.uses(entry, on);
        self.stage.wait(handle.message(PATIENCE)).expect("an answer")
    }

    /// Uses an entry that asks in a form first.
    fn fills_in(&mut self, entry: &str, on: On, fields: Value) -> Message {
        let handle = self.uses(entry, on);
        let form = self.stage.wait(handle.modal(PATIENCE)).expect("a form");
        let sent = self.place.submit_modal(&form, fields).expect("the form");
        self.stage.wait(sent.message(PATIENCE)).expect("an answer")
    }
}

fn case(stage: &Stage, number: u64) -> Value {
    let shown = stage.guildhall.cli(&["case", "show", &number.to_string(), "--json"]);
    serde_json::from_slice::<Value>(&shown.stdout).unwrap_or_default()["data"].clone()
}

/// Waits until the case is one of this kind about this person.
fn becomes(stage: &Stage, number: u64, kind: &str, about: &User) -> Value {
    eventually("the case is there", || {
        let case = case(stage, number);
        let ours = case["kind"] == kind && case["target"] == about.id().to_string();
        (ours && case["state"] != "pending").then_some(case)
    })
}

#[test]
fn every_entry_of_the_menus_does_what_it_says() {
    let stage = Stage::set(&Way::Gateway, &[]);
    let reports = stage.guild.channel("reports");
    let set = json!({"key": "logs.reports", "value": reports.to_string()});
    stage.command(&stage.ada, "config set", set);
    let reports = stage.ada.in_channel(reports);
    let dora = stage.sim.user("dora");
    stage.guild.join(&dora, &[]);
    let words = stage.ben.in_channel(stage.channel).send_message("buy my coins").expect("a message");
    let ben = On::Person(stage.ben.id());
    let mut used = BTreeSet::new();

    let place = stage.ada.in_channel(stage.channel);
    let mut ada = Hand { stage: &stage, place, used: &mut used };
    let answer = ada.fills_in("Warn", ben, json!({"reason": "spam"}));
    assert!(answer.text().contains("ben: warned"), "{}", answer.text());
    assert_eq!(becomes(&stage, 1, "warn", &stage.ben)["reason"], "spam");

    ada.fills_in("Timeout", ben, json!({"duration": "1h", "reason": "calm down"}));
    assert_eq!(becomes(&stage, 2, "timeout", &stage.ben)["reason"], "calm down");
    let until = || stage.guild.member(stage.ben.id())?.timed_out_until.map(drop);
    eventually("he is silenced", until);

    ada.fills_in("Warn author", On::Message(words), json!({"reason": "adverts"}));
    let warned = becomes(&stage, 3, "warn", &stage.ben);
    assert_eq!(warned["reason"], "adverts");
    let evidence = warned["evidence"].to_string();
    assert!(evidence.contains(&words.to_string()) && evidence.contains("buy my coins"), "{evidence}");

    for (entry, on) in [("Cases", ben), ("Cases of author", On::Message(words))] {
        let listed = ada.reads(entry, on);
        assert!(listed.is_ephemeral(), "{}", listed.text());
        for told in ["spam", "calm down", "adverts"] {
            assert!(listed.text().contains(told), "{entry}: '{told}' is not in: {}", listed.text());
        }
    }

    let place = dora.in_channel(stage.channel);
    let mut dora = Hand { stage: &stage, place, used: &mut used };
    let answer = dora.fills_in("Report", ben, json!({"text": "He is rude."}));
    assert!(answer.is_ephemeral(), "{}", answer.text());
    stage.wait(reports.wait_for_text(PATIENCE, "He is rude.")).expect("the report");
    dora.fills_in("Report message", On::Message(words), json!({"text": "This is an advert."}));
    let report = stage.wait(reports.wait_for_text(PATIENCE, "This is an advert.")).expect("the report");
    assert!(report.text().contains("buy my coins"), "with the message: {}", report.text());

    let operations = stage.guildhall.cli(&["operations", "--json"]);
    let operations: Vec<Value> = serde_json::from_slice(&operations.stdout).expect("JSON");
    let entries = operations.iter().map(|operation| &operation["menu"]).filter(|menu| !menu.is_null());
    let word = |menu: &Value, key: &str| menu[key].as_str().unwrap_or_default().to_owned();
    let entries: BTreeSet<_> = entries.map(|menu| (word(menu, "on"), word(menu, "label"))).collect();
    assert_eq!(used, entries, "every entry is used here");
    stage.finish();
}
