//! Reports and appeals.

use std::time::Duration;

use guildhall_core::{
    Block, Document, Error, Rank, Rich,
    document::Span,
    guild::{MessageLink, UserId, bits, hierarchy},
};
use serde_json::{Value, json};

use crate::{fake::*, stage::World};

impl World {
    async fn as_member(&self, user: UserId, name: &str, input: Value) -> Result<Value, Error> {
        let actor = self.actor(user, Rank::MEMBER);
        self.call_as(actor, name, input).await.map(|(data, _)| data)
    }

    async fn as_senior(&self, name: &str, input: Value) -> Result<Value, Error> {
        let actor = self.actor(MOD, Rank::SENIOR_MODERATOR);
        self.call_as(actor, name, input).await.map(|(data, _)| data)
    }
}

/// The value of the field that is called so.
fn field<'a>(document: &'a Document, name: &str) -> Option<&'a Rich> {
    let fields = document.blocks.iter().flat_map(|block| match block {
        Block::Fields { fields } => fields.as_slice(),
        _ => &[],
    });
    fields.into_iter().find(|field| field.name == name).map(|field| &field.value)
}

#[tokio::test]
async fn a_report_reaches_the_staff_and_nobody_reads_who_sent_it() {
    let world = World::new().await;
    let at = guildhall_core::Clock::now(world.clock.as_ref());
    let message =
        MessageLink { channel: GENERAL, message: world.guild.write(GENERAL, BOB, "buy @everyone", at) };
    let input = json!({ "message": message, "text": "An advert" });
    world.as_member(ANN, "report-message", input.clone()).await.unwrap();
    world.until("it is posted", async || world.guild.posts(REPORTS).len() == 1).await;
    let post = world.guild.posts(REPORTS).remove(0);
    let shown = format!("{:?}", post.document);
    assert!(shown.contains("An advert") && shown.contains("buy @everyone") && shown.contains("Bob"));
    assert!(!shown.contains("Ann") && !shown.contains(&format!("discord:{ANN}")), "{shown}");
    let names: Vec<_> = post.document.actions().map(|action| action.label.clone()).collect();
    assert_eq!(names, ["Take it", "Warn", "Timeout", "Resolved", "Dismiss"]);

    let error = world.as_member(ANN, "report-message", input).await.unwrap_err();
    assert_eq!(error.code, "reported_already");

    // The button to warn carries the message as evidence.
    let warn = post.document.actions().find(|action| action.label == "Warn").unwrap().clone();
    let (data, _) = world.call(&warn.operation, warn.input).await.unwrap();
    let evidence = data["cases"][0]["evidence"][0]["link"].as_str().unwrap();
    assert!(evidence.starts_with("https://") && evidence.ends_with(&message.to_string()), "{evidence}");
    // The message, the thread and the evidence can be followed.
    let link = Rich::new().link(evidence.parse().unwrap());
    assert_eq!(field(&post.document, "Where"), Some(&link));
    let (_, case) = world.call("case show", json!({ "number": 1 })).await.unwrap();
    assert_eq!(field(&case, "Evidence"), Some(&link));

    let (_, document) = world.call("inbox take", json!({ "report": 1 })).await.unwrap();
    assert!(document.title.unwrap().contains("yours"));
    assert_eq!(world.guild.threads()[0].members, [MOD]);
    let other = world.actor(OTHER_MOD, Rank::MODERATOR);
    let error = world.call_as(other, "inbox take", json!({ "report": 1 })).await.unwrap_err();
    assert_eq!(error.code, "report_handled");
    assert!(error.message.contains("Mia"));
    world.call("inbox resolve", json!({ "report": 1, "answer": "Warned" })).await.unwrap();
    let edited = async || format!("{:?}", world.guild.posts(REPORTS)[0].document).contains("Warned");
    world.until("the message says so", edited).await;

    // Everything that was kept or told but for the row itself and the record of the call is free of the name.
    let reveal = json!({ "report": 1, "reason": "It was a threat" });
    assert_eq!(world.as_senior("inbox reveal", reveal.clone()).await.unwrap_err().code, "rank_too_low");
    let admin = world.actor(OWNER, Rank::ADMIN);
    let (data, _) = world.call_as(admin, "inbox reveal", reveal).await.unwrap();
    assert_eq!(data["reporter"], "discord:20");
}

#[test]
fn all_that_a_report_says_is_a_secret_so_that_no_message_with_it_stays_where_others_read() {
    let operations = guildhall_moderation::operations();
    let reports: Vec<_> = operations.specs().filter(|spec| spec.name.starts_with("report")).collect();
    assert_eq!(reports.len(), 2);
    for spec in reports {
        assert!(spec.private && spec.fields.iter().all(|field| field.secret), "{}", spec.name);
    }
}

fn no_threads() -> Error {
    hierarchy::missing_permission(bits::CREATE_PRIVATE_THREADS)
}

/// What the post about the only report says.
fn posted(world: &World) -> String {
    world.guild.posts(REPORTS).iter().map(|post| format!("{:?}", post.document)).collect()
}

#[tokio::test]
async fn a_report_has_a_private_thread_at_once_and_who_takes_it_is_let_in() {
    let mut world = World::new().await;
    world.as_member(ANN, "report", json!({ "text": "Something is odd", "user": BOB })).await.unwrap();
    let linked = async || {
        world.guild.threads().first().is_some_and(|one| posted(&world).contains(&one.id.to_string()))
    };
    world.until("the post leads to the thread", linked).await;
    let thread = world.guild.threads().remove(0);
    assert!(thread.private && thread.parent == REPORTS && thread.members.is_empty(), "{thread:?}");
    world.until("the thread says what it is about", async || world.guild.posts(thread.id).len() == 1).await;
    let page = world.guild.posts(thread.id).remove(0).document;
    assert!(format!("{page:?}").contains("Something is odd") && !format!("{page:?}").contains("Ann"));

    world.restart().await;
    let (_, document) = world.call("inbox take", json!({ "report": 1 })).await.unwrap();
    let led = field(&document, "Thread").map(|rich| rich.0.as_slice());
    let Some([Span::Channel { id, name }]) = led else { panic!("{document:?}") };
    assert!(*id == thread.id && name.starts_with("https://discord.com/channels/"), "{name}");
    let threads = world.guild.threads();
    assert_eq!((threads.len(), &threads[0].members), (1, &vec![MOD]));
    let taken = async || format!("{:?}", world.guild.posts(thread.id)[0].document).contains("Mia");
    world.until("the page in the thread says so too", taken).await;
}

#[tokio::test]
async fn a_report_whose_thread_may_not_be_made_says_what_is_missing_until_it_may() {
    let world = World::new().await;
    world.guild.trouble("thread", 1, no_threads);
    world.as_member(ANN, "report", json!({ "text": "Something is odd" })).await.unwrap();
    let said = async || posted(&world).contains("Create Private Threads");
    world.until("the post says which permission is missing", said).await;
    assert!(world.guild.threads().is_empty());
    world.call("inbox take", json!({ "report": 1 })).await.unwrap();
    assert_eq!(world.guild.threads()[0].members, [MOD]);
    let linked = async || !posted(&world).contains("Create Private Threads");
    world.until("the post leads to the thread instead", linked).await;
}

#[tokio::test]
async fn a_thread_that_cannot_be_made_now_is_made_later_and_once_whoever_presses_meanwhile() {
    let world = World::new().await;
    world.guild.trouble("thread", 7, unreachable);
    world.as_member(ANN, "report", json!({ "text": "Something is odd" })).await.unwrap();
    let (_, document) = world.patiently("inbox take", json!({ "report": 1 })).await.unwrap();
    assert!(format!("{document:?}").contains("It is being made"), "{document:?}");
    let inside = async || {
        world.clock.advance(Duration::from_secs(1));
        world.guild.threads().first().is_some_and(|one| one.members == [MOD])
    };
    world.until("who took it is in the thread", inside).await;
    assert_eq!(world.guild.count("thread Report 1"), 1);
}

#[tokio::test]
async fn reports_are_few_and_need_a_channel() {
    let world = World::new().await;
    let error = world.as_member(ANN, "report", json!({ "text": "Me", "user": ANN })).await.unwrap_err();
    assert_eq!(error.code, "invalid_input", "a report of two characters says nothing");
    let error = world.as_member(ANN, "report", json!({ "text": "Myself", "user": ANN })).await.unwrap_err();
    assert_eq!(error.code, "reports_themselves");
    for _ in 0..2 {
        world.as_member(BOB, "report", json!({ "text": "Something is odd" })).await.unwrap();
    }
    world.as_member(BOB, "report", json!({ "text": "Something is odd" })).await.unwrap();
    let error = world.as_member(BOB, "report", json!({ "text": "Something is odd" })).await.unwrap_err();
    assert_eq!(error.code, "too_often");
    world.settings.set("logs.reports", Value::Null);
    let error = world.as_member(ANN, "report", json!({ "text": "Something is odd" })).await.unwrap_err();
    assert_eq!(error.code, "reports_off");
}

#[tokio::test]
async fn an_accepted_appeal_lifts_the_ban_and_the_person_is_told() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    let text = "It was my brother";
    let error = world.as_member(BOB, "appeal", json!({ "case": 1, "text": text })).await.unwrap_err();
    assert_eq!(error.code, "case_not_yours");
    world.as_member(ANN, "appeal", json!({ "case": 1, "text": text })).await.unwrap();
    let error = world.as_member(ANN, "appeal", json!({ "case": 1, "text": text })).await.unwrap_err();
    assert_eq!(error.code, "appealed_already");
    world.until("the staff has it", async || world.guild.posts(REPORTS).len() == 1).await;
    let accept = world.guild.posts(REPORTS)[0].document.actions().next().unwrap().clone();
    assert_eq!(accept.operation, "inbox accept");
    assert_eq!(world.call("inbox accept", accept.input.clone()).await.unwrap_err().code, "rank_too_low");
    world.as_senior("inbox accept", json!({ "appeal": 1, "answer": "Welcome back" })).await.unwrap();
    assert!(!world.guild.is_banned(ANN));
    assert_eq!(world.state(1).await, "closed");
    let told = async || {
        world.clock.advance(Duration::from_secs(1));
        world
            .guild
            .lock()
            .letters
            .iter()
            .any(|(to, letter, _)| *to == ANN && format!("{letter:?}").contains("Welcome back"))
    };
    world.until("they are told", told).await;
    let error = world.as_senior("inbox deny", json!({ "appeal": 1 })).await.unwrap_err();
    assert_eq!(error.code, "appeal_decided");
}

#[tokio::test]
async fn a_kick_is_told_before_it_happens_and_an_accepted_appeal_makes_it_void() {
    for measure in ["kick", "softban"] {
        let world = World::new().await;
        let (data, _) = world.call(measure, json!({ "user": [ANN], "reason": "Spam" })).await.unwrap();
        assert_eq!(data["cases"][0]["told"], "delivered", "nobody writes to who shares no server any more");
        assert!(world.guild.member_now(ANN).is_none());
        let letter = world.guild.lock().letters[0].1.clone();
        assert!(format!("{letter:?}").contains("you can appeal once"), "{letter:?}");
        let appeal = letter.actions().next().expect("a button to appeal").clone();
        assert_eq!(appeal.ask, ["text"]);
        let mut input = appeal.input;
        input["text"] = json!("It was my brother");
        world.as_member(ANN, &appeal.operation, input).await.unwrap();
        let done = world.guild.done();
        world.as_senior("inbox accept", json!({ "appeal": 1, "answer": "Sorry" })).await.unwrap();
        let case = world.case(1).await;
        assert_eq!((&case["state"], &case["ended_by"]), (&json!("voided"), &json!("Mia")), "{measure}");
        assert_eq!(case["reason"], "Spam\nAppeal 1 was accepted. Sorry");
        assert_eq!(world.guild.done(), done, "there is nothing to undo on Discord");
        let told = async || {
            world.clock.advance(Duration::from_secs(1));
            let state = world.guild.lock();
            let mut words = state.letters.iter().map(|(_, letter, _)| format!("{letter:?}"));
            words.any(|letter| letter.contains("Sorry") && letter.contains("The case is void."))
        };
        world.until("they are told", told).await;
    }
}

#[tokio::test]
async fn a_report_is_shown_without_its_sender_and_dismissed_with_a_word() {
    let world = World::new().await;
    world.as_member(ANN, "report", json!({ "text": "Something is odd", "user": BOB })).await.unwrap();
    let (data, document) = world.call("inbox show", json!({ "report": 1 })).await.unwrap();
    assert_eq!(data, json!({ "number": 1, "about": "Bob", "state": "open", "text": "Something is odd" }));
    assert!(!format!("{document:?}").contains("Ann"), "{document:?}");
    let dismiss = document.actions().find(|action| action.label == "Dismiss").unwrap().clone();
    assert_eq!(dismiss.operation, "inbox dismiss");
    let mut input = dismiss.input;
    input["answer"] = json!("A joke among friends");
    let (data, _) = world.call(&dismiss.operation, input.clone()).await.unwrap();
    assert_eq!((&data["state"], &data["handler"]), (&json!("dismissed"), &json!("Mia")));
    let said = async || posted(&world).contains("A joke among friends");
    world.until("the post says so", said).await;
    let error = world.call(&dismiss.operation, input).await.unwrap_err();
    assert_eq!(error.code, "report_handled");
    let (data, _) = world.call("inbox list", json!({})).await.unwrap();
    assert_eq!(data["all_reports"], 0);
    // It is over, so the same may be reported anew.
    world.as_member(ANN, "report", json!({ "text": "Again", "user": BOB })).await.unwrap();

    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    world.as_member(BOB, "appeal", json!({ "case": 1, "text": "I did nothing" })).await.unwrap();
    let (data, _) = world.call("inbox show", json!({ "appeal": 1 })).await.unwrap();
    assert_eq!((&data["about"], &data["text"]), (&json!("Bob"), &json!("I did nothing")));
    for (input, code) in [
        (json!({}), "invalid_input"),
        (json!({ "report": 9 }), "report_not_found"),
        (json!({ "appeal": 9 }), "appeal_not_found"),
    ] {
        assert_eq!(world.call("inbox show", input).await.unwrap_err().code, code);
    }
}

#[tokio::test]
async fn accepting_takes_what_the_lifting_takes() {
    let world = World::new().await;
    world.permissions.require("unban", Rank::ADMIN);
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.as_member(ANN, "appeal", json!({ "case": 1, "text": "It was my brother" })).await.unwrap();
    let error = world.as_senior("inbox accept", json!({ "appeal": 1 })).await.unwrap_err();
    assert_eq!(error.code, "rank_too_low");
    assert!(world.guild.is_banned(ANN));
    let admin = world.actor(OWNER, Rank::ADMIN);
    world.call_as(admin, "inbox accept", json!({ "appeal": 1 })).await.unwrap();
    assert!(!world.guild.is_banned(ANN), "the appeal was still open");
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_does() {
    let world = World::new().await;
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    world.as_member(ANN, "appeal", json!({ "case": 1, "text": "I did nothing" })).await.unwrap();
    let (first, second) = tokio::join!(
        world.as_senior("inbox accept", json!({ "appeal": 1 })),
        world.as_senior("inbox deny", json!({ "appeal": 1 })),
    );
    let accepted = first.is_ok();
    assert!(accepted != second.is_ok(), "one of them");
    assert_eq!(world.state(1).await, if accepted { "voided" } else { "active" });
}

#[tokio::test]
async fn an_appeal_whose_lifting_fails_is_open_again() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.as_member(ANN, "appeal", json!({ "case": 1, "text": "It was my brother" })).await.unwrap();
    world.guild.trouble("unban", 1, forbidden);
    let error = world.as_senior("inbox accept", json!({ "appeal": 1 })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert!(world.guild.is_banned(ANN));
    world.as_senior("inbox accept", json!({ "appeal": 1 })).await.unwrap();
    assert!(!world.guild.is_banned(ANN));
}

#[tokio::test]
async fn the_inbox_has_pages_and_loses_nothing() {
    let world = World::new().await;
    for number in 1..=23 {
        // Nobody may send so many at once; members of their own do.
        let user = UserId(5_000 + number);
        world.guild.join(user, "Somebody", &[PLAYER]);
        let text = format!("Thing number {number}");
        world.as_member(user, "report", json!({ "text": text })).await.unwrap();
    }
    let (mut input, mut seen) = (json!({}), Vec::new());
    loop {
        let (data, document) = world.call("inbox list", input).await.unwrap();
        assert_eq!((&data["all_reports"], &data["pages"]), (&json!(23), &json!(3)));
        let reports = data["reports"].as_array().unwrap();
        assert!(reports.len() <= 10);
        seen.extend(reports.iter().map(|report| report["number"].as_i64().unwrap()));
        match document.actions().find(|action| action.label == "Next") {
            Some(next) => input = next.input.clone(),
            None => break,
        }
    }
    assert_eq!(seen, (1..=23).collect::<Vec<_>>());
    let (data, _) = world.call("inbox list", json!({ "page": 99 })).await.unwrap();
    assert_eq!(data["page"], 3, "a page that is gone is the last one");
}

#[tokio::test]
async fn reasons_are_named_changed_and_removed() {
    let world = World::new().await;
    let spam = json!({ "name": "spam", "text": "Adverts" });
    let error = world.call("reason set", spam.clone()).await.unwrap_err();
    assert_eq!(error.code, "rank_too_low");
    world.as_senior("reason set", spam).await.unwrap();
    world.as_senior("reason set", json!({ "name": "{raid}", "text": "Part of a raid" })).await.unwrap();
    let (data, document) = world.call("reason list", json!({})).await.unwrap();
    assert_eq!(data["reasons"], json!({ "raid": "Part of a raid", "spam": "Adverts" }));
    let labels: Vec<_> = document.actions().map(|action| action.label.as_str()).collect();
    assert_eq!(labels, ["Add or change one", "Remove one"]);
    let (data, _) = world.call("warn", json!({ "user": [ANN], "reason": "{raid}" })).await.unwrap();
    assert_eq!(data["cases"][0]["reason"], "Part of a raid");
    world.as_senior("reason remove", json!({ "name": "{raid}" })).await.unwrap();
    let error = world.as_senior("reason remove", json!({ "name": "spm" })).await.unwrap_err();
    assert!(error.code == "reason_not_found" && error.message.contains("spm"), "{error}");
    for (name, text, code) in [
        ("two words", "x", "reason_name"),
        ("a=b", "x", "reason_name"),
        ("{}", "x", "reason_name"),
        ("quote", "say \"hi\"", "reason_quotes"),
    ] {
        let error = world.as_senior("reason set", json!({ "name": name, "text": text })).await.unwrap_err();
        assert_eq!(error.code, code, "{name}");
    }
    let (data, _) = world.call("reason list", json!({})).await.unwrap();
    assert_eq!(data["reasons"], json!({ "spam": "Adverts" }), "nothing else has changed");
}

#[tokio::test]
async fn two_who_name_reasons_at_once_both_get_theirs() {
    let world = World::new().await;
    let set = |name: &'static str| world.as_senior("reason set", json!({ "name": name, "text": name }));
    let (one, two, three) = tokio::join!(set("one"), set("two"), set("three"));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    let (data, _) = world.call("reason list", json!({})).await.unwrap();
    assert_eq!(data["reasons"].as_object().unwrap().len(), 3, "{data}");
}

#[tokio::test]
async fn whoever_cannot_be_told_of_the_decision_is_promised_less_and_the_staff_sees_it() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    let mut promised = Vec::new();
    for (case, user) in [(1, ANN), (2, BOB)] {
        let input = json!({ "case": case, "text": "It was my brother" });
        let (_, receipt) = world.call_as(world.actor(user, Rank::MEMBER), "appeal", input).await.unwrap();
        promised.push(format!("{receipt:?}"));
    }
    assert!(promised[0].contains("Discord may not let me tell you"), "{}", promised[0]);
    assert!(promised[1].contains("You will get a message"), "{}", promised[1]);
    world.guild.lock().closed.insert(ANN);
    for (appeal, told) in [(1, "They could not be reached"), (2, "They got a message")] {
        let (data, _) = world.call("inbox show", json!({ "appeal": appeal })).await.unwrap();
        assert_eq!(data["told"], Value::Null, "nothing is decided");
        world.as_senior("inbox accept", json!({ "appeal": appeal })).await.unwrap();
        let shown = async || {
            world.clock.advance(Duration::from_secs(1));
            let posts = world.guild.posts(REPORTS);
            let title = format!("Appeal {appeal} against");
            let post = posts.iter().find(|post| post.document.title.as_ref().unwrap().starts_with(&title));
            post.is_some_and(|post| format!("{:?}", post.document).contains(told))
        };
        world.until("the post says whether they were told", shown).await;
        let reader = world.actor(OTHER_MOD, Rank::MODERATOR);
        let (data, page) = world.call_as(reader, "inbox show", json!({ "appeal": appeal })).await.unwrap();
        assert!(data["told"].as_str().unwrap().starts_with(told), "{data}");
        assert!(format!("{page:?}").contains(told), "{page:?}");
    }
}

#[tokio::test]
async fn a_reporter_is_promised_only_what_is_kept() {
    let world = World::new().await;
    let input = json!({ "text": "Something is odd", "user": BOB });
    let (_, receipt) = world.call_as(world.actor(ANN, Rank::MEMBER), "report", input).await.unwrap();
    let receipt = format!("{receipt:?}");
    assert!(receipt.contains("The staff does not see that it was you"), "{receipt}");
    assert!(receipt.contains("An administrator can look it up, and that is recorded"), "{receipt}");
}
