//! Armagetron Advanced. Its client needs a screen, so the query and the console have to do. It does not answer
//! who asks more often than once a second or so (`PING_FLOOD_TIME_100` in its configuration).

use std::sync::Arc;

use guildhall_link::message::Reply;

use crate::{
    common::TestHost,
    stage::{Game, side_by_side},
};

#[tokio::test]
async fn armagetron_answers_obeys_its_console_crashes_and_stops() {
    let host = Arc::new(TestHost::new().await);
    let title = "A name; with 'marks'";
    let Some(mut game) = Game::new(&host, "armagetron", &[("title", title), ("max_players", "5")]) else {
        return;
    };
    game.start().await;
    let answer = game.ask().await;
    assert_eq!(answer.title.as_deref(), Some(title));
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(5), 0));
    game.plays(&[]).await;
    assert_eq!(game.observed().await.players.max, Some(5));

    assert_eq!(game.send("SERVER_NAME Light after dark", "Sam").await, Reply::Done);
    game.line("SERVER_NAME changed").await;
    assert_eq!(game.ask().await.title.as_deref(), Some("Light after dark"));
    assert_eq!(game.send("say Who is there?", "Sam").await, Reply::Done);
    game.line("Sam> say Who is there?").await;
    game.line("Admin: Who is there?").await;

    game.crash().await;
    assert_eq!(game.ask().await.title.as_deref(), Some(title), "what was said to a game ends with it");
    let exit = game.stop("quit").await;
    assert_eq!((exit.status, exit.signal), (Some(0), None));
    game.start().await;
    game.stop("quit").await;
    game.remove().await;
}

#[tokio::test]
async fn two_armagetron_servers_run_side_by_side() {
    let sets = [[("title", "Here")], [("title", "There")]];
    side_by_side("armagetron", [&sets[0], &sets[1]], "quit", |answer| answer.title.clone().unwrap()).await;
}
