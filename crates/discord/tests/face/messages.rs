//! Commands as messages, end to end with the stand-in Discord.

use guildhall_discord::PREFIX;
use guildhall_sim::{Message, MessageId, Place};
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
        town.set.1.fetch_not(std::sync::atomic::Ordering::Relaxed);
    }
    town.set.1.store(true, std::sync::atomic::Ordering::Relaxed);
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
    town.leave().await;
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
    for piece in ["\"", "--", "„", "=", "--reason ", "a:", "<@", "\u{202e}", "7d "] {
        // People write at most 2,000 characters, those who pay 4,000.
        let text = format!("$praise {}", piece.repeat(1_990 / piece.encode_utf16().count()));
        let _ = anna.send_message(&text);
    }
    anna.send_message("$toy make ball").unwrap();
    anna.wait_for_text(SOON, "made `ball`").await.expect("what makes sense is answered all the same");
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
