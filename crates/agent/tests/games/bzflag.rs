//! BZFlag, with its own text client as the player.

use std::{process::Stdio, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    common::{LONG, TestHost},
    stage::{Game, brisk, has, side_by_side},
};

const CLIENT: &str = "/usr/games/bzadmin";

/// A player who watches and talks.
struct Watcher {
    client: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    fn join(name: &str, port: u16, words: &str) -> Self {
        let mut client = Command::new(CLIENT)
            .args(["-ui", "stdout", &format!("{name}@127.0.0.1:{port}"), words])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(client.stdout.take().unwrap()).lines();
        Self { client, output }
    }

    async fn reads(&mut self, words: &str) {
        let wait = async {
            while let Some(line) = self.output.next_line().await.unwrap() {
                if line.contains(words) {
                    return;
                }
            }
            panic!("the client ended before it showed '{words}'");
        };
        tokio::time::timeout(LONG, wait).await.unwrap();
    }

    async fn leave(mut self) {
        self.client.kill().await.unwrap();
    }
}

#[tokio::test]
async fn bzflag_is_joined_and_left_crashes_and_stops() {
    if !has(CLIENT, "the package bzflag-client") {
        return;
    }
    let host = Arc::new(TestHost::with(brisk()).await);
    let set = [("max_players", "7"), ("welcome", "Mind the \"walls\"; $HOME {x}")];
    let Some(mut game) = Game::new(&host, "bzflag", &set) else { return };
    game.start().await;
    let answer = game.ask().await;
    assert_eq!((answer.players, answer.max, answer.version.as_deref()), (Some(0), Some(7), Some("0221")));

    let mut alex = Watcher::join("Alex the Great", game.port, "good morning");
    game.joined("Alex the Great").await;
    alex.reads("Mind the \"walls\"; $HOME {x}").await;
    alex.reads("Alex the Great: good morning").await;
    game.line("good morning").await;
    game.plays(&["Alex the Great"]).await;
    let mut sam = Watcher::join("Sam", game.port, "me too");
    game.joined("Sam").await;
    alex.reads("Sam: me too").await;
    game.plays(&["Alex the Great", "Sam"]).await;
    assert_eq!(game.ask().await.players, Some(2));
    sam.reads("me too").await;
    sam.leave().await;
    game.left("Sam").await;
    game.plays(&["Alex the Great"]).await;
    game.takes_no_lines().await;

    game.crash().await;
    game.plays(&[]).await;
    alex.leave().await;
    let alex = Watcher::join("Alex the Great", game.port, "again");
    game.joined("Alex the Great").await;
    game.stop("SIGTERM").await;
    game.start().await;
    game.plays(&[]).await;
    game.stop("SIGTERM").await;
    game.remove().await;
    alex.leave().await;
}

#[tokio::test]
async fn two_bzflag_servers_run_side_by_side() {
    let sets = [[("max_players", "5")], [("max_players", "6")]];
    side_by_side("bzflag", [&sets[0], &sets[1]], "SIGTERM", |answer| format!("{:?}", answer.max)).await;
}
