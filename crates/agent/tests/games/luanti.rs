//! Luanti, with its own client as the player: it can do without a screen.

use std::{fs, path::Path, process::Stdio, sync::Arc};

use guildhall_recipes::query::Answer;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::{
    common::TestHost,
    stage::{Game, brisk, has},
};

const CLIENT: &str = "/usr/games/minetest";

/// A player who stands where the world begins.
struct Player(Child);

impl Player {
    fn join(folder: &Path, name: &str, password: &str, port: u16) -> Self {
        let home = folder.join(name);
        fs::create_dir_all(&home).unwrap();
        let settings = home.join("minetest.conf");
        fs::write(&settings, "video_driver = null\nenable_sound = false\nenable_shaders = false\n").unwrap();
        let client = Command::new(CLIENT)
            .args(["--go", "--address", "127.0.0.1", "--port", &port.to_string(), "--logfile", ""])
            .args(["--name", name, "--password", password, "--config"])
            .arg(&settings)
            .current_dir(&home)
            .env_clear()
            .env("HOME", &home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self(client)
    }

    /// Asks the client to leave. It says so to the server first and then goes, more or less well.
    fn leave(&self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::INT).unwrap();
    }
}

#[tokio::test]
async fn luanti_is_joined_and_left_keeps_its_world_crashes_and_stops() {
    if !has(CLIENT, "the package minetest") {
        return;
    }
    let host = Arc::new(TestHost::with(brisk()).await);
    let Some(mut game) = Game::new(&host, "luanti", &[("title", "A place # of ours")]) else { return };
    game.start().await;
    assert_eq!(game.ask().await, Answer::default(), "the protocol tells nothing but that it is there");
    game.plays(&[]).await;
    game.takes_no_lines().await;

    let alex = Player::join(host.folder.path(), "Alex", "right", game.port);
    game.joined("Alex").await;
    game.plays(&["Alex"]).await;
    alex.leave();
    game.left("Alex").await;
    drop(alex);
    game.plays(&[]).await;
    let exit = game.stop("SIGINT").await;
    assert_eq!((exit.status, exit.signal), (Some(0), None));

    // The world remembers its players.
    game.start().await;
    let impostor = Player::join(host.folder.path(), "Alex", "wrong", game.port);
    game.line("supplied wrong password").await;
    drop(impostor);
    let alex = Player::join(host.folder.path(), "Alex", "right", game.port);
    game.joined("Alex").await;
    game.crash().await;
    drop(alex);
    game.plays(&[]).await;
    game.stop("SIGINT").await;
    game.remove().await;
}

#[tokio::test]
async fn two_luanti_servers_run_side_by_side() {
    let host = Arc::new(TestHost::with(brisk()).await);
    let servers = (Game::new(&host, "luanti", &[]), Game::new(&host, "luanti", &[]));
    let (Some(mut first), Some(mut second)) = servers else { return };
    tokio::join!(first.start(), second.start());
    let before = second.observed().await;
    first.crash().await;
    first.ask().await;
    first.stop("SIGINT").await;
    first.remove().await;
    second.ask().await;
    assert_eq!(second.observed().await.pid, before.pid);
    second.stop("SIGINT").await;
    second.remove().await;
}
