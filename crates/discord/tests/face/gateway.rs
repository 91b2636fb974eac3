//! End to end with the stand-in Discord, over the gateway and over HTTP: it has Discord's own rules, so what
//! it takes, Discord takes.

use std::{sync::Arc, time::Duration};

use guildhall_core::{Clock, Document, EventLog, SystemClock, event::Tell};
use guildhall_discord::{DiscordConfig, GatewayState};
use guildhall_sim::{Fault, FaultOrder, Guild, Sim, SimConfig};
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    stage::{Props, event, put_up},
    town::{SOON, Town},
};

impl Town {
    /// A command, its buttons, a form, suggestions and a slow operation.
    async fn a_visit(&self) {
        let anna = self.anna.in_channel(self.general);
        let made =
            anna.run("toy make", json!({"name": "ball", "size": 3})).unwrap().message(SOON).await.unwrap();
        assert!(made.text().contains("made `ball`"), "{}", made.text());
        assert!(!made.is_ephemeral());

        let refused = anna.press(made.id, "Break it").unwrap().message(SOON).await.unwrap();
        assert!(refused.is_ephemeral() && refused.text().contains("You need rank"), "{}", refused.text());

        let olive = self.olive.in_channel(self.general);
        let asked = olive.press(made.id, "Break it").unwrap().message(SOON).await.unwrap();
        assert!(asked.text().contains("Break ball?"), "{}", asked.text());
        let broken = olive.press(asked.id, "Yes, do it").unwrap().message(SOON).await.unwrap();
        assert!(broken.text().contains("Broken"), "{}", broken.text());
        assert_eq!(*self.toys.broken.lock().unwrap(), ["ball"]);

        let form = anna.press(made.id, "Another").unwrap().modal(SOON).await.unwrap();
        let another = anna.submit_modal(&form, json!({"name": "bear"})).unwrap().message(SOON).await.unwrap();
        assert!(another.text().contains("made `bear`"), "{}", another.text());

        let typing = olive.autocomplete("toy break", json!({"toy": "be"}), "toy").unwrap();
        let choices = typing.choices(SOON).await.unwrap();
        assert_eq!(choices.iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>(), ["The bear"]);

        let slow = anna.run("toy slow", json!({})).unwrap();
        self.toys.gate.add_permits(1);
        assert!(slow.message(SOON).await.unwrap().text().contains("Slowly done"));
    }

    /// A session's thread from its opening to its end, and the way to it in the answer.
    async fn a_session(&self) {
        let anna = self.anna.in_channel(self.general);
        let wound = anna.run("toy wind", json!({"topic": "s1"})).unwrap();
        wound.message(SOON).await.unwrap();
        let topic = || "s1".to_owned();
        let open = Tell::Open { topic: topic(), title: "survival".to_owned() };
        self.log.append(event(open, Document::titled("Preparing"))).await.unwrap();
        let find =
            |all: &[guildhall_sim::ChannelView]| all.iter().find(|c| c.name == "survival").map(|c| c.id);
        let thread = self.anna.wait_for_channel(SOON, find).await.unwrap();
        let inside = self.anna.in_channel(thread);
        inside.wait_for_text(SOON, "Preparing").await.unwrap();
        self.log.append(event(Tell::Status { topic: topic() }, Document::titled("Ready"))).await.unwrap();
        inside.wait_for_text(SOON, "Ready").await.unwrap();
        self.log.append(event(Tell::Say { topic: topic() }, Document::titled("anna joined"))).await.unwrap();
        inside.wait_for_text(SOON, "anna joined").await.unwrap();
        self.log.append(event(Tell::Close { topic: topic() }, Document::titled("The end"))).await.unwrap();
        inside.wait_for_text(SOON, "The end").await.unwrap();

        let way = format!("<#{thread}>");
        let shown = async {
            while !wound.message(SOON).await.unwrap().text().contains(&way) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, shown).await.expect("the answer shows the way to the thread");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_over_http() {
    let town = Town::build(false).await;
    town.a_visit().await;
    town.a_session().await;
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_over_the_gateway() {
    let town = Town::build(true).await;
    town.a_visit().await;
    town.a_session().await;
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_resumed_and_what_was_said_meanwhile_is_answered_once() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    assert_eq!((town.app.identified(), town.app.resumed()), (1, 0));
    anna.send_message("$toy make ball").unwrap();
    anna.wait_for_text(SOON, "made `ball`").await.unwrap();
    town.sim.sever_gateway();
    anna.send_message("$toy make bear").unwrap();
    anna.wait_for_text(SOON, "made `bear`").await.expect("what was said meanwhile is answered");
    assert_eq!((town.app.identified(), town.app.resumed()), (1, 1), "the session went on");

    // Commands come over the same connection; whatever was to come for the messages has come by then.
    let toys = anna.run("toy list", json!({})).unwrap().message(SOON).await.unwrap();
    assert!(toys.is_ephemeral() && toys.text().contains("Toys"), "{}", toys.text());
    anna.send_message("$toy make train").unwrap();
    anna.wait_for_text(SOON, "made `train`").await.unwrap();
    let made: Vec<String> =
        town.toys.made.lock().unwrap().iter().map(|toy| toy["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(made, ["ball", "bear", "train"]);
    let answers = anna.visible_messages().into_iter().filter(|message| message.author == town.app.bot());
    assert_eq!(answers.filter(|answer| !answer.is_ephemeral()).count(), 3);

    // A session that Discord has forgotten is begun anew.
    town.sim.forget_sessions();
    anna.send_message("$toy make kite").unwrap();
    let mut state = town.face.gateway();
    let begun = async {
        while town.app.identified() < 2 {
            state.changed().await.unwrap();
        }
        state.wait_for(|state| *state == GatewayState::Ready).await.unwrap();
    };
    tokio::time::timeout(SOON, begun).await.expect("a new session");
    anna.send_message("$toy make drum").unwrap();
    anna.wait_for_text(SOON, "made `drum`").await.unwrap();
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_shard_hears_the_guilds_that_are_its_own() {
    let town = Town::build_with(true, |_, app, config| {
        app.recommend_shards(2);
        config.open = true;
    })
    .await;
    assert_eq!((town.app.identified(), town.app.connections()), (2, 2));
    // Discord's formula: https://discord.com/developers/docs/events/gateway#sharding.
    let shard = |guild: &Guild| (guild.id().0 >> 22) % 2;
    let other = loop {
        town.sim.advance(Duration::from_millis(1));
        let guild = town.sim.guild("Hills", &town.olive);
        if shard(&guild) != shard(&town.guild) {
            break guild;
        }
    };
    let hall = other.channel("hall");
    other.join(&town.anna, &[]);
    other.install(&town.app);
    for (channel, toy) in [(town.general, "ball"), (hall, "bear"), (town.general, "train"), (hall, "kite")] {
        let place = town.anna.in_channel(channel);
        place.send_message(&format!("$toy make {toy}")).unwrap();
        place.wait_for_text(SOON, &format!("made `{toy}`")).await.expect("an answer where it was asked");
    }
    let records: Vec<String> =
        town.audit.0.lock().unwrap().iter().map(|record| record.tenant.to_string()).collect();
    let (meadow, hills) = ("meadow".to_owned(), other.id().to_string());
    assert_eq!(records, [meadow.clone(), hills.clone(), meadow, hills]);

    // Both shards come back, each with its own session.
    town.sim.sever_gateway();
    for (channel, toy) in [(town.general, "drum"), (hall, "doll")] {
        let place = town.anna.in_channel(channel);
        place.send_message(&format!("$toy make {toy}")).unwrap();
        place
            .wait_for_text(SOON, &format!("made `{toy}`"))
            .await
            .expect("what was said meanwhile is answered");
    }
    assert_eq!((town.app.identified(), town.app.resumed()), (2, 2));
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_reported_with_the_remedy_and_ends_nothing() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let olive = sim.user("olive");
    let app = sim.application("Guildhall", &olive);
    let mut config = DiscordConfig::new(app.id().0, app.public_key(), SecretString::from("wrong"));
    config.api_url = sim.rest_base();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = Arc::new(crate::stage::Log::new(clock.clone()));
    let (audit, toys, book, set) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
    let props =
        Props { audit: &audit, toys: &toys, log: &log, book: &book, set: &set, guilds: None, more: false };
    let (face, _) = put_up(&config, clock, &props);
    let mut state = face.gateway();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(face.run(async move {
        let _ = stopped.await;
    }));
    let refused = state.wait_for(|state| matches!(state, GatewayState::Refused(_)));
    let why = tokio::time::timeout(SOON, refused).await.expect("it is refused").unwrap().clone();
    let GatewayState::Refused(why) = why else { unreachable!("waited for") };
    assert!(why.contains("developer portal"), "{why}");
    assert!(!running.is_finished());
    let _ = stop.send(());
    tokio::time::timeout(SOON, running).await.expect("the face ends").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_that_discord_refuses_is_done_without_and_said() {
    let town = Town::build_with(true, |sim, app, _| {
        app.grant_intents(1 << 1);
        let outage = Fault::Status { status: 503 };
        sim.fault(FaultOrder::on("GET /applications/@me", outage).times(2));
    })
    .await;
    let off = town.face.features_off();
    assert!(off.iter().any(|line| line.contains("commands as messages")), "{off:?}");
    assert!(!off.iter().any(|line| line.contains("joins")), "only what was refused is off: {off:?}");
    assert_eq!(town.sim.faults_struck(), 2, "an outage is no answer to what the application may have");
    let anna = town.anna.in_channel(town.general);
    let toys = anna.run("toy list", json!({})).unwrap().message(SOON).await.unwrap();
    assert!(toys.text().contains("Toys"), "{}", toys.text());
    town.leave_after(&[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_gateway_it_is_said_what_is_off() {
    let town = Town::build(false).await;
    // Everything that has to hear of what happens.
    let off = town.face.features_off();
    let features: Vec<&str> =
        off.iter().map(|line| line.split(": turn on the gateway").next().unwrap()).collect();
    let expected = [
        "commands as messages",
        "logs of members, messages, channels, roles and voice",
        "the jail of members who come back, and of channels made later",
        "what is done in Discord's own menus, such as bans",
    ];
    assert_eq!(features, expected, "each with what turns it on: {off:?}");
    town.leave().await;
    let town = Town::build(true).await;
    assert!(town.face.features_off().is_empty());
    town.leave().await;
}
