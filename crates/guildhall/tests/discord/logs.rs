//! The logs, written by the real program: who comes and goes, voice, channels and roles, messages; and nothing of what
//! others should not read.

use guildhall_sim::{Message, Place};
use serde_json::json;

use crate::{
    stage::{Stage, Way},
    support::PATIENCE,
};

/// A channel of its own for one of the logs.
fn log(stage: &Stage, key: &str, name: &str) -> Place {
    let channel = stage.guild.channel(name);
    let set = json!({"key": key, "value": channel.to_string()});
    assert!(stage.command(&stage.ada, "config set", set).text().contains(key));
    stage.ada.in_channel(channel)
}

/// Waits until the log tells all of this.
fn tells(stage: &Stage, log: &Place, words: &[&str]) {
    let told = |all: &[Message]| {
        let text = all.iter().map(Message::text).collect::<Vec<_>>().join("\n");
        words.iter().all(|word| text.contains(word)).then_some(())
    };
    let read = || log.visible_messages().iter().map(Message::text).collect::<Vec<_>>();
    stage.wait(log.wait_until(PATIENCE, told)).unwrap_or_else(|_| panic!("{words:?}: {:#?}", read()));
}

#[test]
fn each_log_tells_what_it_is_for() {
    let stage = Stage::set(&Way::Gateway, &[]);
    let [joins, voice, audit, messages] =
        ["joins", "voice", "audit", "messages"].map(|name| log(&stage, &format!("logs.{name}"), name));
    let keep = json!({"key": "logs.keep_messages", "value": "1h"});
    stage.command(&stage.ada, "config set", keep);
    let staff = stage.olive.in_guild(stage.guild.id());

    let code = staff.create_invite(stage.channel, 0, 0).expect("an invite");
    let robin = stage.sim.user("robin");
    robin.join_by(&code).expect("the guild");
    let (who, by) = (robin.id().to_string(), stage.olive.id().to_string());
    tells(&stage, &joins, &[&who, &code, &by, "account"]);
    let lounge = stage.guild.voice_channel("lounge");
    robin.in_guild(stage.guild.id()).join_voice(lounge).expect("voice");
    tells(&stage, &voice, &[&who, "lounge"]);
    let made = staff.create_channel("garden").expect("a channel");
    staff.rename_channel(made, "orchard").expect("a name");
    tells(&stage, &audit, &["garden", "orchard"]);

    let there = robin.in_channel(stage.channel);
    let said = there.send_message("the kite is blue").expect("a message");
    there.edit_message(said, "the kite is red").expect("an edit");
    tells(&stage, &messages, &[&who, "the kite is blue", "the kite is red"]);
    there.delete_message(said).expect("it goes");
    tells(&stage, &messages, &["deleted"]);
    robin.in_guild(stage.guild.id()).leave();
    tells(&stage, &joins, &["left"]);
    stage.finish();
}

#[test]
fn a_report_that_is_written_as_a_message_is_in_no_log() {
    let stage = Stage::set(&Way::Gateway, &[]);
    let messages = log(&stage, "logs.messages", "messages");
    let reports = log(&stage, "logs.reports", "reports");
    stage.command(&stage.ada, "config set", json!({"key": "logs.keep_messages", "value": "1h"}));
    let ben = stage.ben.in_channel(stage.channel);
    ben.send_message("$report cleo takes all the iron").expect("a message");
    stage.wait(reports.wait_for_text(PATIENCE, "takes all the iron")).expect("the report");
    // What is told of it has been told by the time that this is.
    let other = ben.send_message("the kite is blue").expect("a message");
    ben.delete_message(other).expect("it goes");
    tells(&stage, &messages, &["the kite is blue"]);
    let log = messages.visible_messages().iter().map(Message::text).collect::<Vec<_>>().join("\n");
    assert!(!log.contains("iron") && log.matches("deleted").count() == 1, "{log}");
    stage.finish();
}
