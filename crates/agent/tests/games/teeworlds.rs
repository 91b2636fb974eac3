//! Teeworlds. Its client needs a screen, so the query has to do.

use std::sync::Arc;

use crate::{
    common::TestHost,
    stage::{Game, brisk, side_by_side},
};

#[tokio::test]
async fn teeworlds_answers_crashes_and_stops() {
    let host = Arc::new(TestHost::with(brisk()).await);
    let title = "A; name # with 'marks'";
    let set = [("title", title), ("max_players", "9"), ("game_type", "ctf"), ("map", "ctf5")];
    let Some(mut game) = Game::new(&host, "teeworlds", &set) else { return };
    game.start().await;
    let answer = game.ask().await;
    assert_eq!(answer.title.as_deref(), Some(title));
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(9), 0));
    assert!(answer.version.is_some_and(|version| version.starts_with("0.7")));
    game.plays(&[]).await;
    assert_eq!(game.observed().await.players.max, Some(9));
    game.line("ctf5").await;
    game.takes_no_lines().await;

    game.crash().await;
    let exit = game.stop("SIGINT").await;
    assert_eq!((exit.status, exit.signal), (None, Some(2)), "it has no other way to end");
    game.start().await;
    assert_eq!(game.ask().await.title.as_deref(), Some(title));
    game.stop("SIGINT").await;
    game.remove().await;
}

#[tokio::test]
async fn two_teeworlds_servers_run_side_by_side() {
    let sets = [[("title", "Here")], [("title", "There")]];
    side_by_side("teeworlds", [&sets[0], &sets[1]], "SIGINT", |answer| answer.title.clone().unwrap()).await;
}
