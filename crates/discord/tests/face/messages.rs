//! Commands as messages, end to end with the stand-in Discord.

use std::sync::{Arc, atomic::Ordering};

use guildhall_core::{
    TenantId,
    guild::{GuildEvent, GuildListener},
};
use guildhall_discord::PREFIX;
use guildhall_sim::{Message, MessageId, Permissions, Place};
use serde_json::json;

use crate::town::{SOON, Town};

impl Town {
    /// Waits for what the bot says after a message.
    async fn answer_to(&self, place: &Place, id: MessageId) -> Message {
        let bot = self.app.bot();
        let found = |all: &[Message]| all.iter().find(|m| m.id > id && m.author == bot).cloned();
        place.wait_until(SOON, found).await.expect("an answer")
    }

    async fn ask(&self, place: &Place, text: &str) -> Message {
        let id = place.send_message(text).unwrap();
        self.answer_to(place, id).await
    }

    /// Messages of the bot there.
    fn answers(&self, place: &Place) -> usize {
        place.visible_messages().iter().filter(|message| message.author == self.app.bot()).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_can_be_called_as_a_message() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let olive = town.olive.id();

    let praised = town.ask(&anna, &format!("$praise <@{olive}> 7d being  \"very\" kind --silent")).await;
    assert!(praised.text().contains("being  \"very\" kind"), "{}", praised.text());
    let made = town.toys.made.lock().unwrap().last().unwrap().clone();
    assert_eq!(
        made,
        json!({"people": [olive.to_string()], "duration": "7d", "reason": "being  \"very\" kind", "silent": true})
    );

    // The answer is the slash command's, in every part of it.
    let slash =
        anna.run("toy make", json!({"name": "kite", "size": 2})).unwrap().message(SOON).await.unwrap();
    let typed = town.ask(&anna, "$toy make kite --size 2").await;
    assert!(slash.text().contains("made `kite`") && !slash.buttons().is_empty(), "{}", slash.text());
    assert_eq!(
        (typed.components, typed.embeds, typed.content),
        (slash.components, slash.embeds, slash.content)
    );

    let alias = town.ask(&anna, &format!("$PR {olive} kind")).await;
    assert!(alias.text().contains("Praised"), "{}", alias.text());
    let mentioned = town.ask(&anna, &format!("<@{}> toy make name:ball size=3", town.app.bot())).await;
    assert!(mentioned.text().contains("made `ball`"), "{}", mentioned.text());

    let over = town.ask(&anna, "$mark 1/2 3").await;
    assert!(over.text().contains("one word too many"), "{}", over.text());
    let wrong = town.ask(&anna, &format!("$praise {olive} 99999y kind")).await;
    assert!(wrong.text().contains("longer than ten years"), "{}", wrong.text());
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prefix_is_the_communitys_and_nothing_else_is_answered() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    town.set.set(&PREFIX, json!("!!"));
    // Half of them find the prefix at hand, the others have to wait for it.
    let silent =
        ["$toy list", "hello", "!! what is this", "!!5", "!!", "<@1> toy list", "so !!toy make ball"];
    for text in silent.into_iter().chain(silent) {
        anna.send_message(text).unwrap();
        town.set.1.fetch_not(Ordering::Relaxed);
    }
    town.set.1.store(true, Ordering::Relaxed);
    // Another program is not listened to, whatever it says.
    let other = town.sim.application("Parrot", &town.olive);
    town.guild.install(&other);
    let said = reqwest::Client::new()
        .post(format!("{}/api/v10/channels/{}/messages", town.sim.rest_base(), town.general))
        .header("authorization", format!("Bot {}", other.token()))
        .json(&json!({"content": "!!toy make doll"}))
        .send();
    assert!(said.await.unwrap().status().is_success());
    let last = town.ask(&anna, "!!toy make ball").await;
    assert!(last.text().contains("made `ball`"), "{}", last.text());
    // The stand-in writes a request down once it is answered, which may be after the answer is seen.
    let replied = async {
        let is_reply = |body: &serde_json::Value| body["message_reference"]["message_id"].is_string();
        while !town.sim.log().iter().any(|exchange| exchange.request.as_ref().is_some_and(is_reply)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, replied).await.expect("the answer names the message");
    assert_eq!(town.toys.made.lock().unwrap().len(), 1);
    assert_eq!(town.answers(&anna), 1, "everything before was for nobody");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_is_answered_with_a_button_that_does_it() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let near = town.ask(&anna, &format!("$prasie {} being kind", town.olive.id())).await;
    assert!(near.text().contains("Did you mean: praise?"), "{}", near.text());
    let done = anna.press(near.id, "praise").unwrap().message(SOON).await.unwrap();
    assert!(done.text().contains("being kind"), "{}", done.text());
    // Without what it needs, the button asks for it.
    let near = town.ask(&anna, "$prasie").await;
    let form = anna.press(near.id, "praise").unwrap().modal(SOON).await.unwrap();
    let id = town.olive.id().to_string();
    let done = anna.submit_modal(&form, json!({"people": id})).unwrap().message(SOON).await.unwrap();
    assert!(done.text().contains("Praised"), "{}", done.text());
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_twice_is_refused_as_a_slash_command_refuses_it() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let olive = town.olive.id();
    for (inputs, field) in [
        ("--duration 1h --duration 2h", "duration"),
        ("1h --duration 1h", "duration"),
        ("reason:first --reason second", "reason"),
        ("kind --reason very kind", "reason"),
    ] {
        let refused = town.ask(&anna, &format!("$praise <@{olive}> {inputs}")).await;
        assert!(
            refused.text().contains(&format!("`{field}` is given twice")),
            "{inputs}: {}",
            refused.text()
        );
    }
    assert!(town.toys.made.lock().unwrap().is_empty(), "no two of them were made one");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_is_answered_with_what_its_writer_may_use_and_nothing_else() {
    let town = Town::build(true).await;
    let (anna, olive) = (town.anna.in_channel(town.general), town.olive.in_channel(town.general));
    let labels = |message: &Message| -> Vec<String> {
        message.buttons().into_iter().map(|button| button.label).collect()
    };
    let near = town.ask(&anna, "$toy braek ball").await;
    assert!(near.text().contains("There is no command") && labels(&near).is_empty(), "{}", near.text());
    assert!(!near.text().contains("toy break") && near.text().contains("help"), "{}", near.text());
    let near = town.ask(&olive, "$toy braek ball").await;
    assert_eq!(labels(&near), ["toy break"]);

    // Of a whole group comes first what shows something and asks for nothing.
    let group = labels(&town.ask(&anna, "$toy").await);
    assert_eq!(group[0], "toy list");
    assert!(
        group.iter().any(|name| name == "toy make") && !group.iter().any(|name| name == "toy break"),
        "{group:?}"
    );
    let staff = labels(&town.ask(&olive, "$TOY").await);
    assert!(staff[0] == "toy list" && staff.iter().any(|name| name == "toy break"), "{staff:?}");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_answered_by_the_one_who_was_asked_and_once() {
    let town = Town::build(true).await;
    let (anna, olive) = (town.anna.in_channel(town.general), town.olive.in_channel(town.general));
    let refused = town.ask(&anna, "$toy break ball").await;
    assert!(refused.text().contains("You need rank"), "{}", refused.text());
    let asked = town.ask(&olive, "$toy break ball").await;
    assert!(asked.text().contains("Break ball?"), "{}", asked.text());
    for button in ["Yes, do it", "No"] {
        let other = anna.press(asked.id, button).unwrap().message(SOON).await.unwrap();
        assert!(other.is_ephemeral() && other.text().contains("not yours"), "{}", other.text());
    }
    olive.press(asked.id, "Yes, do it").unwrap().message(SOON).await.unwrap();
    assert_eq!(*town.toys.broken.lock().unwrap(), ["ball"]);
    let now = olive.message(asked.id).unwrap();
    assert!(
        now.text().contains("Broken") && now.buttons().is_empty(),
        "the question made way: {}",
        now.text()
    );
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_answer_comes_as_a_direct_message_or_says_that_it_cannot() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let told = town.ask(&anna, "$toy list").await;
    assert!(told.text().contains("direct messages") && !told.text().contains("Made"), "{}", told.text());
    let direct = town.anna.direct(town.app.bot());
    let list = direct.wait_for_text(SOON, "Toys").await.unwrap();
    let again = direct.press(list.id, "Again").unwrap().message(SOON).await.unwrap();
    assert!(again.text().contains("Toys"), "{}", again.text());

    town.anna.take_direct_messages(false);
    let told = town.ask(&anna, "$toy list").await;
    assert!(told.text().contains("you take no direct messages"), "{}", told.text());
    town.leave_after(&[50_007]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_names_the_message_that_it_answers() {
    let town = Town::build(true).await;
    let (anna, olive) = (town.anna.in_channel(town.general), town.olive.in_channel(town.general));
    let said = anna.send_message("something rude").unwrap();
    let id = olive.reply(said, "$mark").unwrap();
    town.answer_to(&olive, id).await;
    let marked = town.toys.made.lock().unwrap().last().unwrap().clone();
    assert_eq!(marked, json!(format!("{}/{said}", town.general)));
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_of_four_thousand_characters_is_answered_or_left_and_breaks_nothing() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    assert!(anna.send_message(&"x".repeat(2_001)).is_err(), "people write at most 2,000 characters");
    town.anna.set_nitro(true);
    assert!(anna.send_message(&"x".repeat(4_001)).is_err(), "those who pay write at most 4,000");
    let nonsense = ["\"", "--", "„", "=", "--reason ", "a:", "<@", "<@42> ", "<#", "\u{202e}", "7d ", ", "];
    for piece in nonsense {
        let text: String = format!("$praise {}", piece.repeat(4_000)).chars().take(4_000).collect();
        let answer = town.ask(&anna, &text).await;
        assert!(!answer.text().is_empty() && answer.text().chars().count() < 2_000, "{piece}: {answer:?}");
    }
    let answered = town.answers(&anna);
    for piece in ["x", "praise", "$", "<@&1>", "\u{202e}"] {
        let text: String = format!("${}", piece.repeat(4_000)).chars().take(4_000).collect();
        anna.send_message(&text).expect("it is delivered");
    }
    let last = town.ask(&anna, "$toy make ball").await;
    assert!(
        last.text().contains("made `ball`"),
        "what makes sense is answered all the same: {}",
        last.text()
    );
    assert_eq!(town.answers(&anna), answered + 1, "what is no command is left");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_else_should_read_is_taken_away_and_answered_in_private() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let direct = town.anna.direct(town.app.bot());
    let about = town.olive.id();
    let gone =
        |id: MessageId| move |all: &[Message]| (!all.iter().any(|message| message.id == id)).then_some(());

    // Done, refused, and mistyped.
    let cases = [
        (format!("$whisper the red ball was stolen <@{about}>"), "Heard", "was deleted"),
        ("$whisper --about nobody the red ball was stolen".to_owned(), "about", "was deleted"),
        ("$wihsper the red ball was stolen".to_owned(), "Did you mean: whisper?", "Use `/whisper`"),
    ];
    for (text, answer, note) in cases {
        let seen = direct.visible_messages().last().map(|message| message.id);
        let id = anna.send_message(&text).unwrap();
        let fresh = |all: &[Message]| {
            all.iter().find(|one| Some(one.id) > seen && one.author == town.app.bot()).cloned()
        };
        let told = direct.wait_until(SOON, fresh).await.expect("an answer in private");
        assert!(told.text().contains(answer) && told.text().contains(note), "{}", told.text());
        anna.wait_until(SOON, gone(id)).await.expect("the message is gone");
    }
    assert_eq!(
        *town.toys.made.lock().unwrap(),
        [json!({"heard": "the red ball was stolen", "about": about.to_string()})]
    );
    // Its button acts for the guild that it was typed in.
    let near = direct.visible_messages().into_iter().next_back().unwrap();
    let form = direct.press(near.id, "whisper").unwrap().modal(SOON).await.unwrap();
    direct.submit_modal(&form, json!({"text": "the ball is back"})).unwrap().message(SOON).await.unwrap();

    // Who takes no messages is told that, and nothing else, where everybody reads.
    town.anna.take_direct_messages(false);
    let told = town.ask(&anna, "$whisper the red ball was stolen").await;
    assert!(told.text().contains("It is done.") && told.text().contains("`/whisper`"), "{}", told.text());
    let public = anna.visible_messages();
    assert_eq!(public.len(), 1, "{public:?}");
    assert!(!public[0].text().contains("ball"), "{}", public[0].text());
    town.leave_after(&[50_007]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_the_bot_may_not_delete_is_said_to_be_readable() {
    let town = Town::build(true).await;
    let bot = town.app.bot();
    let deny = Permissions::MANAGE_MESSAGES;
    let staff = town.olive.in_guild(town.guild.id());
    staff.overwrite_member(town.general, bot, Permissions::NONE, deny).unwrap();
    let anna = town.anna.in_channel(town.general);
    let id = anna.send_message("$whisper the red ball was stolen").unwrap();
    let told = town.anna.direct(bot).wait_for_text(SOON, "Heard").await.unwrap();
    assert!(told.text().contains("delete it") && told.text().contains("Manage Messages"), "{}", told.text());
    let seen: Vec<MessageId> = anna.visible_messages().iter().map(|message| message.id).collect();
    assert_eq!(seen, [id], "the bot says nothing there");
    town.leave_after(&[50_013]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_listens_hears_of_a_secret() {
    #[derive(Default)]
    struct Ears(std::sync::Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl GuildListener for Ears {
        fn name(&self) -> &'static str {
            "ears"
        }

        fn wants(&self, _kind: &str) -> bool {
            true
        }

        async fn notice(&self, _tenant: &TenantId, event: &GuildEvent) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    let ears = Arc::new(Ears::default());
    let town = Town::build(true).await;
    town.guilds.listen(ears.clone());
    let listening = tokio::spawn(town.guilds.clone().run(std::future::pending()));
    let anna = town.anna.in_channel(town.general);
    let mut secrets = Vec::new();
    // The second time the prefix is not at hand when the message comes.
    for (slow, told) in [(false, 1), (true, 2)] {
        town.set.1.store(slow, Ordering::Relaxed);
        secrets.push(anna.send_message("$whisper the red ball was stolen").unwrap().to_string());
        let heard = |all: &[Message]| {
            (all.iter().filter(|message| message.text().contains("Heard")).count() == told).then_some(())
        };
        town.anna.direct(town.app.bot()).wait_until(SOON, heard).await.unwrap();
    }
    town.set.1.store(false, Ordering::Relaxed);
    // Both are deleted by now; whatever is told of that has come by the time that this is heard.
    anna.send_message("the kite is blue").unwrap();
    let heard = async {
        while !ears.0.lock().unwrap().iter().any(|event| event.contains("kite")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, heard).await.expect("what is no secret is heard");
    let all = ears.0.lock().unwrap().join("\n");
    assert!(!all.contains("stolen"), "{all}");
    assert!(!secrets.iter().any(|id| all.contains(id)), "not even that something was deleted: {all}");
    listening.abort();
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_can_make_the_bot_flood_a_channel() {
    let town = Town::build(true).await;
    let (anna, olive) = (town.anna.in_channel(town.general), town.olive.in_channel(town.general));
    for _ in 0..75 {
        anna.send_message("$prasie").unwrap();
    }
    let near = |all: &[Message]| {
        let answered = all.iter().filter(|message| message.text().contains("Did you mean")).count();
        (answered >= 60).then_some(answered)
    };
    anna.wait_until(SOON, near).await.unwrap();
    // Whatever is still to come has come by the time that somebody else is answered.
    olive.send_message("$toy make bear").unwrap();
    olive.wait_for_text(SOON, "made `bear`").await.unwrap();
    assert_eq!(near(&anna.visible_messages()), Some(60));
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_is_known_to_have_begun_with_the_command_that_was_asked_about() {
    let town = Town::build(true).await;
    let olive = town.olive.in_channel(town.general);
    let command = olive.send_message("$toy break ball").unwrap();
    let question = town.answer_to(&olive, command).await;
    assert!(question.text().contains("Break ball?"), "{}", question.text());
    let done = olive.press(question.id, "Yes, do it").unwrap().message(SOON).await.unwrap();
    assert!(done.text().contains("Broken"), "{}", done.text());
    let command = Some(guildhall_core::guild::MessageId(command.0));
    assert_eq!(*town.toys.beginnings.lock().unwrap(), [command, command]);
    town.leave().await;
}
