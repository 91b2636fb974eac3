//! What members are called in the games, and who is kept out of them.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is to fail the test")]

use std::time::Duration;

use guildhall_core::{
    ActorId, Clock as _, Kind, Rank,
    access::{Access as _, Bar, Barred},
};
use guildhall_link::message::Phase;
use serde_json::{Value, json};

use crate::{
    configuration::column,
    world::{World, world, worlds},
};

fn bar(case: &str) -> Bar {
    Bar { case: case.to_owned(), reason: "spam".to_owned(), until: None, servers: Vec::new() }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

impl World {
    async fn bar(&self, user: u64, bar: Bar) -> Barred {
        self.servers.bar(&self.tenant, &ActorId::discord(user), bar).await.unwrap()
    }

    async fn admit(&self, user: u64, case: &str) -> Barred {
        self.servers.admit(&self.tenant, &ActorId::discord(user), case).await.unwrap()
    }

    /// Ben, who is member 2, is called so in the tests' game.
    async fn ben_is(&self, player: &str) {
        self.call(self.member(), "player link", json!({"name": player, "recipe": "testgame"})).await.unwrap();
    }
}

#[tokio::test]
async fn a_bar_holds_now_at_the_next_start_and_until_it_is_lifted() {
    for world in worlds().await {
        let up = world.create("up").await;
        let down = world.create("down").await;
        world.start("up").await;
        world.create_from("deaf", "deafgame").await;
        assert!(world.bar(2, bar("case 1")).await.unlinked, "nobody knows what Ben is called");
        world.ben_is("Ben_99").await;
        world.reconcile().await;
        assert_eq!(world.agent.sent(up), ["ban Ben_99"], "who is linked later is kept out, too");

        let again = world.bar(2, bar("case 1")).await;
        assert_eq!((again.applied, again.pending), (names(&["up"]), names(&["down"])));
        assert_eq!((again.unsupported, again.unlinked), (names(&["deaf"]), false));
        assert_eq!(world.agent.sent(up), ["ban Ben_99"], "repeated, it does nothing more");
        assert_eq!(world.agent.sent(down), Vec::<String>::new());

        world.start("down").await;
        world.reconcile().await;
        assert_eq!(world.agent.sent(down), ["ban Ben_99"]);
        // A game may forget whom it keeps out when it ends.
        world.clock.advance(Duration::from_secs(5));
        world.agent.crash(up, true);
        world.agent.until_phase(up, Phase::Ready).await;
        world.reconcile().await;
        assert_eq!(world.agent.sent(up), ["ban Ben_99", "ban Ben_99"]);

        world.stop("down").await;
        let lifted = world.admit(2, "case 1").await;
        assert_eq!((lifted.applied, lifted.pending), (names(&["up"]), names(&["down"])));
        assert_eq!(world.agent.sent(up).last().unwrap(), "pardon Ben_99");
        world.start("down").await;
        world.reconcile().await;
        assert_eq!(world.agent.sent(down), ["ban Ben_99", "pardon Ben_99"]);
        let sent = world.agent.sent(up).len();
        let nothing = world.admit(2, "case 1").await;
        assert_eq!(
            (nothing.applied, nothing.pending),
            (Vec::new(), Vec::new()),
            "there is nothing left to lift"
        );
        world.reconcile().await;
        assert_eq!(world.agent.sent(up).len(), sent);
    }
}

#[tokio::test]
async fn two_cases_keep_somebody_out_until_both_are_lifted() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.ben_is("Ben_99").await;
        world.bar(2, bar("case 1")).await;
        world.bar(2, bar("case 2")).await;
        world.admit(2, "case 1").await;
        world.admit(2, "case 3").await;
        world.reconcile().await;
        assert_eq!(world.agent.sent(server), ["ban Ben_99"]);
        world.admit(2, "case 2").await;
        assert_eq!(world.agent.sent(server), ["ban Ben_99", "pardon Ben_99"]);
    }
}

#[tokio::test]
async fn a_bar_runs_out_by_itself_and_names_its_servers() {
    for world in worlds().await {
        let one = world.create("one").await;
        let two = world.create("two").await;
        world.start("one").await;
        world.start("two").await;
        world.ben_is("Ben_99").await;
        let until = Some(world.clock.now() + Duration::from_secs(60));
        let short = Bar { until, servers: names(&["one", "nowhere"]), ..bar("case 1") };
        let barred = world.bar(2, short).await;
        assert_eq!((barred.applied, barred.pending), (names(&["one"]), Vec::new()));
        assert_eq!(barred.unknown, ["nowhere"], "a server that is not there cannot be told");
        world.clock.advance(Duration::from_secs(59));
        world.reconcile().await;
        assert_eq!(world.agent.sent(one), ["ban Ben_99"]);
        world.clock.advance(Duration::from_secs(1));
        world.reconcile().await;
        assert_eq!(world.agent.sent(one), ["ban Ben_99", "pardon Ben_99"]);
        assert_eq!(world.agent.sent(two), Vec::<String>::new());
    }
}

#[tokio::test]
async fn who_comes_back_is_thrown_out_again() {
    for world in worlds().await {
        let server = world.create("survival").await;
        let open = world.create_from("open", "opengame").await;
        world.start("survival").await;
        world.start("open").await;
        world.ben_is("Ben_99").await;
        let link = json!({"name": "Ben_99", "server": "open"});
        world.call(world.member(), "player link", link).await.unwrap();
        assert_eq!(world.bar(2, bar("case 1")).await.applied, ["open", "survival"]);
        let sent = |server| world.agent.sent(server);
        assert_eq!((sent(server), sent(open)), (names(&["ban Ben_99"]), names(&["kick Ben_99"])));
        assert!(world.agent.join(server, "ben_99") && world.agent.join(open, "Ben_99"));
        assert!(world.agent.join(server, "Alex"));
        world.reconcile().await;
        assert_eq!(sent(server), ["ban Ben_99", "ban Ben_99", "kick Ben_99"]);
        assert_eq!(sent(open), ["kick Ben_99", "kick Ben_99"]);
        assert_eq!(world.admit(2, "case 1").await.applied, ["open", "survival"]);
        assert_eq!(sent(open).len(), 2, "there is nothing to lift where they were only thrown out");
    }
}

#[tokio::test]
async fn a_host_that_is_away_is_told_when_it_is_back() {
    let world = world().await;
    let server = world.create("survival").await;
    world.start("survival").await;
    world.ben_is("Ben_99").await;
    world.agent.set_online(false);
    assert_eq!(world.bar(2, bar("case 1")).await.pending, ["survival"]);
    world.agent.set_online(true);
    world.reconcile().await;
    assert_eq!(world.agent.sent(server), ["ban Ben_99"]);
    // Both the line and its answer may be lost: it is told until that is known.
    world.agent.lose_replies(1);
    assert_eq!(world.admit(2, "case 1").await.pending, ["survival"]);
    world.reconcile().await;
    assert_eq!(world.agent.sent(server).last().unwrap(), "pardon Ben_99");
    world.reconcile().await;
    assert_eq!(world.admit(2, "case 1").await, Barred::default());
}

#[tokio::test]
async fn a_name_belongs_to_one_member_and_is_one_line() {
    for world in worlds().await {
        world.ben_is("Ben_99").await;
        let cleo = || world.actor(3, "Cleo", Rank::MEMBER);
        let link = |name: &str| json!({"name": name, "recipe": "testgame"});
        let code = async |actor, input| world.call(actor, "player link", input).await.unwrap_err().code;
        assert_eq!(code(cleo(), link("ben_99")).await, "player_taken", "whatever its case");
        for name in ["Ben 99", "Ben\nstop", "@a", "\u{2028}", "x;y"] {
            let error = world.call(cleo(), "player link", link(name)).await.unwrap_err();
            assert_eq!(error.kind, Kind::User, "{name:?}");
        }
        assert_eq!(code(cleo(), json!({"name": "Cleo"})).await, "invalid_input", "which game?");
        assert_eq!(code(cleo(), json!({"name": "Cleo", "recipe": "testgam"})).await, "recipe_not_found");
        let for_ben = json!({"name": "Other", "recipe": "testgame", "member": "2"});
        assert_eq!(code(cleo(), for_ben.clone()).await, "not_your_names");
        let moderator = || world.actor(4, "Mo", Rank::MODERATOR);
        world.call(moderator(), "player link", for_ben).await.unwrap();
        let listed = world.call(moderator(), "player list", json!({"member": "2"})).await.unwrap();
        let listed = serde_json::to_value(listed).unwrap();
        let players: Vec<&Value> =
            listed["data"]["links"].as_array().unwrap().iter().map(|link| &link["player"]).collect();
        assert_eq!(players, ["Ben_99", "Other"]);

        world.call(moderator(), "player unlink", json!({"name": "ben_99", "member": "2"})).await.unwrap();
        world.call(cleo(), "player link", link("Ben_99")).await.unwrap();
        let gone = world.call(world.member(), "player unlink", json!({"name": "Ben_99"})).await.unwrap_err();
        assert_eq!((gone.code, gone.kind), ("player_not_linked", Kind::NotFound));
    }
}

#[tokio::test]
async fn a_member_has_so_many_names_and_no_more() {
    let world = world().await;
    for number in 0..25 {
        world.clock.advance(Duration::from_secs(60));
        world.ben_is(&format!("Ben_{number}")).await;
    }
    let one_more = json!({"name": "Ben_25", "recipe": "testgame"});
    assert_eq!(world.call(world.member(), "player link", one_more).await.unwrap_err().code, "too_many_links");
    world.ben_is("Ben_0").await;
}

#[tokio::test]
async fn nobody_slips_out_of_a_bar_by_another_name() {
    let world = world().await;
    let server = world.create("survival").await;
    world.create("other").await;
    world.start("survival").await;
    world.ben_is("Ben_99").await;
    world.bar(2, bar("case 1")).await;
    let error = world.call(world.member(), "player unlink", json!({"name": "Ben_99"})).await.unwrap_err();
    assert_eq!((error.code, error.kind), ("kept_out", Kind::Permission));
    let elsewhere = json!({"name": "Ben_99", "server": "other"});
    assert_eq!(world.call(world.member(), "player link", elsewhere).await.unwrap_err().code, "kept_out");
    let data = world.call(world.member(), "player list", json!({})).await.unwrap();
    assert_eq!(serde_json::to_value(data).unwrap()["data"]["bars"][0]["case"], "case 1");

    let moderator = world.actor(4, "Mo", Rank::MODERATOR);
    let by_staff = json!({"name": "Ben_99", "member": "2"});
    world.call(moderator, "player unlink", by_staff).await.unwrap();
    world.reconcile().await;
    assert_eq!(world.agent.sent(server), ["ban Ben_99", "pardon Ben_99"], "it may be another's name now");
}

#[tokio::test]
async fn a_deleted_server_takes_what_was_kept_of_it_along() {
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        let link = json!({"name": "Ben_99", "server": "survival"});
        world.call(world.member(), "player link", link).await.unwrap();
        world.bar(2, bar("case 1")).await;
        let told = || column(&world, "SELECT player AS text FROM servers_kept_out");
        assert_eq!(told().await, ["Ben_99"]);
        world.finish(world.admin(), "server delete", json!({"server": "survival"})).await;
        assert_eq!(told().await, Vec::<String>::new());
        assert!(world.bar(2, bar("case 1")).await.unlinked);
        world.reconcile().await;
        assert_eq!(world.admit(2, "case 1").await, Barred { unlinked: true, ..Barred::default() });
    }
}

#[tokio::test]
async fn a_bar_that_makes_no_sense_is_refused() {
    let world = world().await;
    let person = ActorId::discord(2);
    for wrong in [bar(""), bar(&"x".repeat(201)), Bar { reason: "x".repeat(2_001), ..bar("case 1") }] {
        let error = world.servers.bar(&world.tenant, &person, wrong).await.unwrap_err();
        assert_eq!(error.kind, Kind::User);
    }
}
