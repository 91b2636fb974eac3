//! The community half, as people on Discord meet it: set-up, ranks, cases from the first word to the appeal, errors.

use guildhall_sim::{Message, Place, User};
use serde_json::{Value, json};

use crate::{
    stage::{Stage, Way},
    support::{GAME, PATIENCE, eventually},
};

fn stage() -> Stage {
    Stage::set(&Way::Gateway, &[])
}

/// Sets something as staff.
fn set(stage: &Stage, key: &str, value: &str) {
    let answer = stage.command(&stage.ada, "config set", json!({"key": key, "value": value}));
    assert!(answer.text().contains(key), "{}", answer.text());
}

/// A log channel for this setting.
fn log(stage: &Stage, key: &str, name: &str) -> Place {
    let channel = stage.guild.channel(name);
    set(stage, key, &channel.to_string());
    stage.ada.in_channel(channel)
}

/// What a person reads in their direct messages.
fn inbox(who: &User, words: &str) -> (Place, Message) {
    eventually("a direct message", || {
        let place = who.inbox().pop()?;
        let message = place.visible_messages().into_iter().rev().find(|m| m.text().contains(words))?;
        Some((place, message))
    })
}

fn banned(stage: &Stage, who: &User) -> bool {
    stage.guild.bans().iter().any(|(user, _)| *user == who.id())
}

fn case(stage: &Stage, number: u64) -> Value {
    let shown = stage.guildhall.cli(&["case", "show", &number.to_string(), "--json"]);
    let answer: Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
    answer["data"].clone()
}

#[test]
fn a_guild_is_set_up_in_one_press_and_changed_on_its_page() {
    let stage = stage();
    let before = stage.guild.channels().len();
    let place = stage.ada.in_channel(stage.channel);
    let plan = stage.command(&stage.ada, "config setup", json!({}));
    assert!(plan.is_ephemeral());
    assert_eq!(stage.guild.channels().len(), before, "a plan makes nothing");
    let done = stage.press(&place, &plan, "Set it up");
    let made = stage.guild.channels().len();
    assert!(made > before, "{}", done.text());
    let jail = stage.command(&stage.ada, "config get", json!({"key": "jail.role"}));
    assert!(jail.text().contains("@Jailed"), "{}", jail.text());

    // Once more makes nothing twice.
    stage.command(&stage.ada, "config setup", json!({"apply": true}));
    assert_eq!(stage.guild.channels().len(), made);

    // The page changes a value at once and shows it.
    let page = stage.command(&stage.ada, "config open", json!({"section": "features"}));
    assert!(page.is_ephemeral() && page.text().contains("features.moderation"), "{}", page.text());
    // The switches stand below their settings, in the same order.
    let text = page.text();
    let above =
        text[..text.find("`features.moderation`").expect("the setting")].matches("`features.").count();
    let switches = page.buttons().into_iter().filter(|button| button.label.starts_with("Turn "));
    let off = switches.into_iter().nth(above).and_then(|button| button.custom_id).expect("a switch");
    let changed = stage.press(&place, &page, &off);
    assert_eq!(changed.id, page.id, "the page itself shows the new value");
    assert!(changed.text().contains("`features.moderation`: **off**"), "{}", changed.text());
    let refused =
        stage.command(&stage.ada, "warn", json!({"user": stage.ben.id().to_string(), "reason": "spam"}));
    assert!(refused.text().contains("off"), "{}", refused.text());
    let ben = stage.ben.in_channel(stage.channel);
    ben.send_message("$config set general.prefix !").expect("a message");
    stage.wait(ben.wait_for_text(PATIENCE, "You need rank 5")).expect("a member sets nothing");
    stage.finish();
}

#[test]
fn a_ban_is_a_case_from_the_message_to_the_appeal() {
    let stage = stage();
    let log = log(&stage, "logs.moderation", "mod-log");
    let appeals = log_of_appeals(&stage);

    // By prefix, with a duration and a reason that tries to get out.
    let asked = stage.ada.in_channel(stage.channel);
    let reason = "spam @everyone **bold** <@&1>";
    asked.send_message(&format!("$ban <@{}> 7d {reason}", stage.ben.id())).expect("a message");
    eventually("he is banned", || banned(&stage, &stage.ben).then_some(()));
    let him = format!("<@{}>", stage.ben.id());
    let answered = |all: &[Message]| all.iter().any(|m| m.author == stage.app.bot()).then_some(());
    stage.wait(asked.wait_until(PATIENCE, answered)).expect("an answer for everybody");
    let entry = stage.wait(log.wait_for_text(PATIENCE, &him)).expect("a line in the log");
    assert!(entry.text().contains("everyone") && !entry.text().contains(" @everyone"), "{}", entry.text());
    eventually("the case holds", || (case(&stage, 1)["state"] == "active").then_some(()));
    let kept = case(&stage, 1);
    assert_eq!(kept["reason"], reason);
    assert!(kept["expires"].is_string(), "{kept}");

    // He was told before, and appeals by the button.
    let (place, message) = inbox(&stage.ben, "spam");
    let pressed = place.press(message.id, "Appeal").expect("a button");
    let form = stage.wait(pressed.modal(PATIENCE)).expect("a form");
    let sent = place.submit_modal(&form, json!({"text": "It was my cat."})).expect("the form");
    let answer = stage.wait(sent.message(PATIENCE)).expect("an answer");
    assert!(!answer.text().is_empty());
    let appeal = stage.wait(appeals.wait_for_text(PATIENCE, "my cat")).expect("the appeal");
    let accepted = appeals.press(appeal.id, "Accept").expect("a button");
    let form = stage.wait(accepted.modal(PATIENCE)).expect("a form");
    appeals.submit_modal(&form, json!({"answer": "Watch the cat."})).expect("the form");
    eventually("the ban is lifted", || (!banned(&stage, &stage.ben)).then_some(()));
    eventually("the case is over", || (case(&stage, 1)["state"] != "active").then_some(()));
    let edited = eventually("the log says so", || {
        let now = log.message(entry.id)?;
        (now.text() != entry.text()).then_some(now)
    });
    let lines = log.visible_messages().iter().filter(|line| line.text().contains("Case 1 ")).count();
    assert_eq!(lines, 1, "the line was changed, not written again: {}", edited.text());
    stage.finish();
}

fn log_of_appeals(stage: &Stage) -> Place {
    log(stage, "logs.appeals", "appeals")
}

#[test]
fn a_timed_ban_ends_on_time_though_everything_was_killed() {
    let mut stage = stage();
    let (ben, user) = (stage.ben.clone(), stage.ben.id().to_string());
    let given = json!({"user": user, "duration": "8s", "reason": "calm down"});
    stage.command(&stage.ada, "ban", given);
    eventually("he is banned", || banned(&stage, &ben).then_some(()));
    stage.guildhall.kill();
    stage.guildhall.start_again();
    eventually("the ban has ended", || (!banned(&stage, &ben)).then_some(()));
    eventually("and the case with it", || (case(&stage, 1)["state"] == "expired").then_some(()));
    stage.finish();
}

#[test]
fn nobody_acts_on_whom_they_may_not_and_is_told_why() {
    let stage = stage();
    let ban = |who: &User, target: u64| {
        stage.command(who, "ban", json!({"user": target.to_string(), "reason": "because"})).text()
    };
    // Discord does not even offer the command to a member; as a message it is refused.
    let place = stage.ben.in_channel(stage.channel);
    place.send_message(&format!("$ban <@{}> because", stage.cleo.id())).expect("a message");
    stage.wait(place.wait_for_text(PATIENCE, "You need rank 3")).expect("an answer");
    for target in [stage.cleo.id().0, stage.ada.id().0, stage.app.bot().0] {
        let text = ban(&stage.ada, target);
        assert!(!text.contains("Case 1"), "{text}");
    }
    assert!(stage.guild.bans().is_empty());

    // The bot's own role too low: it says so, and how to fix it.
    let bot = stage.guild.bot_role(&stage.app).expect("a role of its own");
    let high = stage.guild.role("untouchable", guildhall_sim::Permissions::NONE);
    let dora = stage.sim.user("dora");
    stage.guild.join(&dora, &[high]);
    stage.guild.place_role(bot, 1);
    let text = stage.command(&stage.olive, "kick", json!({"user": dora.id().to_string()})).text();
    assert!(text.contains("role"), "{text}");
    assert!(stage.guild.member(dora.id()).is_some(), "she is still there");
    assert_eq!(
        stage.guildhall.get("/api/v1/cases")["data"]["total"],
        0,
        "nothing happened, so there is no case"
    );
    stage.finish();
}

#[test]
fn errors_are_read_in_the_readers_language_and_rehearsed() {
    let stage = stage();
    stage.ben.set_locale("de").expect("a language");
    let refused = stage.command(&stage.ben, "server create", json!({"name": "x", "recipe": "counter"}));
    assert!(refused.text().contains("brauchst du den Rang"), "{}", refused.text());

    let given =
        ["errors", "simulate", "error", "--operation", "rank whoami", "--code", "internal", "--kind", "bug"];
    let put = stage.guildhall.cli(&given);
    assert!(put.status.success(), "{put:?}");
    let broken = stage.command(&stage.ben, "rank whoami", json!({})).text();
    assert!(broken.contains("E-") && broken.contains("Kennung"), "{broken}");
    let fine = stage.command(&stage.ben, "rank whoami", json!({})).text();
    assert!(!fine.contains("E-"), "the rehearsal was for one time: {fine}");
    let listed = eventually("the error is counted", || {
        let listed = stage.guildhall.cli(&["errors", "list", "--json"]);
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        text.contains("internal").then_some(text)
    });
    assert!(listed.contains("rank whoami"), "{listed}");
    stage.finish();
}

#[test]
fn a_member_reports_and_staff_take_it_up() {
    let stage = stage();
    let reports = log(&stage, "logs.reports", "reports");
    let place = stage.cleo.in_channel(stage.channel);
    let bad = place.send_message("buy my coins").expect("a message");
    let ben = stage.ben.in_channel(stage.channel);
    let asked = ben.run_on_message("Report message", bad).expect("an entry of the menu");
    let form = stage.wait(asked.modal(PATIENCE)).expect("a form");
    let sent = ben.submit_modal(&form, json!({"text": "This is spam."})).expect("the form");
    let answer = stage.wait(sent.message(PATIENCE)).expect("an answer");
    assert!(answer.is_ephemeral());
    let report = stage.wait(reports.wait_for_text(PATIENCE, "This is spam.")).expect("the report");
    let (ben, cleo) = (stage.ben.id().to_string(), stage.cleo.id().to_string());
    assert!(!report.text().contains(&ben), "the reporter is shielded: {}", report.text());
    assert!(report.text().contains(&cleo), "{}", report.text());
    stage.finish();
}

#[test]
fn a_prefix_message_answers_like_the_slash_command_and_nonsense_harms_nobody() {
    let stage = stage();
    let place = stage.ben.in_channel(stage.channel);
    let slash = stage.command(&stage.ben, "rank list", json!({})).text();
    place.send_message("$rank list").expect("a message");
    assert!(slash.lines().count() > 5, "{slash}");
    // A private answer comes by direct message, because a message has no private answer.
    eventually("the same answer", || {
        let inbox = stage.ben.inbox().into_iter().flat_map(|place| place.visible_messages());
        let all: Vec<Message> = inbox.chain(place.visible_messages()).collect();
        all.iter().any(|message| message.author != stage.ben.id() && message.text() == slash).then_some(())
    });
    // Who pays Discord for it writes up to 4,000 characters.
    stage.ben.set_nitro(true);
    let nonsense: String = format!("${}", "ban \"<@ -- = : $ ".repeat(300)).chars().take(4_000).collect();
    let sent = place.send_message(&nonsense).expect("it is delivered");
    let answered = |all: &[Message]| {
        all.iter()
            .find(|m| m.id > sent && m.author == stage.app.bot() && m.text().contains("rank"))
            .map(|m| m.id)
    };
    stage
        .wait(place.wait_until(PATIENCE, answered))
        .expect("nonsense is answered: ben lacks the rank for it");
    place.send_message("$rnak list").expect("a message");
    let suggested = |all: &[Message]| {
        all.iter().find(|m| m.buttons().iter().any(|button| button.label.contains("rank list"))).map(|m| m.id)
    };
    stage.wait(place.wait_until(PATIENCE, suggested)).expect("a button that does what was meant");
    // People are found by their name as well, several of them and in quotes.
    let staff = stage.ada.in_channel(stage.channel);
    staff.send_message("$warn ben spam and more spam").expect("a message");
    eventually("the case names him", || {
        let case = case(&stage, 1);
        (case["kind"] == "warn" && case["reason"] == "spam and more spam").then_some(())
    });
    staff.send_message("$warn nobody-here spam").expect("a message");
    stage.wait(staff.wait_for_text(PATIENCE, "nobody-here")).expect("who is not there is named");
    set(&stage, "general.prefix", "!");
    place.send_message("!rank whoami").expect("a message");
    eventually("the new prefix works", || {
        let records = stage.guildhall.get("/api/v1/audits?operation=rank%20whoami");
        (records["data"].as_array()?.len() == 1).then_some(())
    });
    stage.finish();
}

#[test]
fn status_says_what_is_off_without_the_gateway_and_where_the_time_went() {
    let stage = Stage::set(&Way::Http, &[]);
    stage.command(&stage.ben, "rank whoami", json!({}));
    let text = stage.command(&stage.ada, "status", json!({})).text();
    assert!(text.contains("commands as messages"), "{text}");
    let shown = stage.guildhall.cli(&["status", "--json"]);
    let data: Value = serde_json::from_slice::<Value>(&shown.stdout).expect("JSON")["data"].clone();
    let commands = data["commands"].as_array().expect("commands");
    let whoami = commands.iter().find(|figures| figures["operation"] == "rank whoami").expect("figures");
    assert_eq!(whoami["calls"], 1);
    assert!(whoami["p99_us"].as_u64() >= whoami["p50_us"].as_u64(), "{whoami}");
    let part = |stage: &str| whoami["stages"][stage].as_f64().unwrap_or_default();
    for stage in ["verify", "run", "store", "answer"] {
        assert!(part(stage) > 0.0, "{stage} took some time: {whoami}");
    }
    let all: f64 = ["verify", "rank", "run", "store", "upstream", "answer"].into_iter().map(part).sum();
    assert!((0.2..1.05).contains(&all), "the stages are the most of it, and not more: {whoami}");
    let row = text.lines().find(|line| line.contains("rank whoami")).expect("a line");
    assert!(row.contains('%'), "people read where the time went: {row}");
    // What needs no events works by HTTP alone.
    let given = json!({"user": stage.ben.id().to_string(), "reason": "no gateway"});
    stage.command(&stage.ada, "warn", given);
    eventually("the case is there", || {
        (case(&stage, 1)["state"] == "closed" || case(&stage, 1)["state"] == "active").then_some(())
    });
    stage.finish();
}

#[test]
fn the_audit_record_says_who_needed_no_rank() {
    let stage = stage();
    for words in [&["rank", "create", "8", "Board"][..], &["rank", "require", "server list", "--rank", "8"]] {
        let done = stage.guildhall.cli(words);
        assert!(done.status.success(), "{done:?}");
    }
    let refused = stage.command(&stage.ada, "server list", json!({}));
    assert!(refused.text().contains("rank 8"), "{}", refused.text());
    let let_through = stage.command(&stage.olive, "server list", json!({}));
    assert!(!let_through.text().contains("rank 8"), "{}", let_through.text());
    let records = stage.guildhall.get("/api/v1/audits?operation=server%20list");
    let records = records["data"].as_array().cloned().unwrap_or_default();
    let told: Vec<_> =
        records.iter().map(|record| (record["actor_name"].as_str(), record["bypass"].as_str())).collect();
    assert_eq!(told, [(Some("olive"), Some("owner of the guild")), (Some("ada"), None)]);
    let shown = stage.command(&stage.olive, "audit list", json!({"operation": "server list"})).text();
    assert!(shown.contains("done, as owner of the guild"), "{shown}");

    // Closing a ban's case comes to lifting the ban, which asks for more than closing cases does.
    assert!(stage.guildhall.cli(&["rank", "require", "unban", "--rank", "8"]).status.success());
    stage.command(&stage.ada, "ban", json!({"user": stage.ben.id().to_string()}));
    eventually("the ban", || banned(&stage, &stage.ben).then_some(()));
    let refused = stage.command(&stage.ada, "case close", json!({"number": 1}));
    assert!(refused.text().contains("rank 8"), "{}", refused.text());
    stage.command(&stage.olive, "case close", json!({"number": 1}));
    eventually("the end of the ban", || (!banned(&stage, &stage.ben)).then_some(()));
    let records = stage.guildhall.get("/api/v1/audits?operation=case%20close");
    let bypasses: Vec<_> =
        records["data"].as_array().into_iter().flatten().map(|r| r["bypass"].as_str()).collect();
    assert_eq!(bypasses, [Some("owner of the guild"), None]);
    stage.finish();
}

#[test]
fn jail_survives_leaving_and_coming_back() {
    let stage = stage();
    stage.command(&stage.ada, "config setup", json!({"apply": true}));
    let role = stage.guild.role("painter", guildhall_sim::Permissions::NONE);
    let eve = stage.sim.user("eve");
    stage.guild.join(&eve, &[role]);
    let given = json!({"user": eve.id().to_string(), "reason": "paint everywhere"});
    let answer = stage.command(&stage.olive, "jail", given);
    assert!(answer.text().contains("put in jail"), "{}", answer.text());
    let jailed = || {
        let roles = stage.guild.roles_of(eve.id())?;
        (!roles.contains(&role) && roles.len() == 1).then_some(roles[0])
    };
    let jail = eventually("her roles are taken", jailed);
    stage.guild.leave(&eve);
    stage.guild.join(&eve, &[]);
    eventually("she is in jail again", || stage.guild.roles_of(eve.id())?.contains(&jail).then_some(()));
    stage.command(&stage.olive, "unjail", json!({"user": eve.id().to_string()}));
    eventually("her roles are back", || {
        let roles = stage.guild.roles_of(eve.id())?;
        (roles.contains(&role) && !roles.contains(&jail)).then_some(())
    });
    stage.finish();
}

#[test]
fn edits_and_deletions_are_logged_for_as_long_as_the_guild_says() {
    let stage = stage();
    let log = log(&stage, "logs.messages", "message-log");
    set(&stage, "logs.keep_messages", "1d");
    let place = stage.ben.in_channel(stage.channel);
    let id = place.send_message("the first words").expect("a message");
    place.edit_message(id, "other words").expect("an edit");
    let entry = stage.wait(log.wait_for_text(PATIENCE, "the first words")).expect("a line");
    assert!(entry.text().contains("other words"), "{}", entry.text());
    place.delete_message(id).expect("a deletion");
    stage.wait(log.wait_for_text(PATIENCE, "was deleted")).expect("a line");
    stage.finish();
}

#[test]
fn a_ban_reaches_the_game_that_runs_and_its_end_does_too() {
    let keeps_a_list = "    if word in (\"bar\", \"free\"):\n        open(\"gate\", \"a\").write(line)\n";
    let game = GAME
        .replace("name = \"counter\"", "name = \"guarded\"")
        .replace("    if word == \"leave\":", &format!("{keeps_a_list}    if word == \"leave\":"));
    let game = format!("{game}\n[access]\nban = \"bar {{player}}\"\nunban = \"free {{player}}\"\n");
    let stage = Stage::set(&Way::Gateway, &[game]);
    set(&stage, "moderation.carry", "ban");
    stage.create(json!({"name": "keep", "recipe": "guarded"}));
    let session = stage.start("keep");
    stage.read(&session, "is ready");
    stage.command(&stage.ben, "player link", json!({"name": "Benny", "recipe": "guarded"}));
    let list = stage.guildhall.folder_of("keep").join("gate");
    let reads = |lines: &str| {
        eventually(lines, || (std::fs::read_to_string(&list).ok()? == lines).then_some(()));
    };
    let ben = json!({"user": stage.ben.id().to_string()});
    stage.command(&stage.ada, "ban", ben.clone());
    reads("bar Benny\n");
    stage.command(&stage.ada, "unban", ben);
    reads("bar Benny\nfree Benny\n");
    stage.finish();
}
