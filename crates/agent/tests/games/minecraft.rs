//! Minecraft by flying-squid, with mineflayer as the player. Its installation is large, so one test does it all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use guildhall_link::message::Reply;
use guildhall_recipes::access::{self, Order};

use crate::{
    common::TestHost,
    player::{Player, installed, npm_cache},
    stage::{Game, brisk, has},
};

/// A copy of npm's cache for the servers' own users. Each leaves files in it that are its alone, so it is opened
/// to the next before that one installs.
struct SharedCache {
    folder: tempfile::TempDir,
}

impl SharedCache {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&npm_cache(), &folder.path().join("npm-cache"));
        let cache = Self { folder };
        cache.open();
        cache
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("npm-cache")
    }

    fn open(&self) {
        run(Command::new("chmod").args(["-R", "a+rwX"]).arg(self.folder.path()));
    }

    /// Keeps what was fetched for the next run. What it is worth npm sees by its digests.
    fn keep(&self) {
        copy(&self.path(), &npm_cache());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let content = from.join("_cacache");
    if content.exists() {
        run(Command::new("cp").args(["-R", "--no-clobber"]).arg(content).arg(to));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Somebody who is banned by the recipe's own line is thrown out and stays out until they are pardoned.
async fn keeps_out(game: &mut Game, name: &str) {
    let recipe = game.desired.recipe.clone();
    let line = |order| access::line(&recipe, order, name).unwrap().unwrap();
    let player = Player::join(name, game.port).await;
    game.joined(name).await;
    assert_eq!(game.send(&line(Order::Ban), "Guildhall").await, Reply::Done);
    player.ends().await;
    game.left(name).await;
    Player::is_turned_away(name, game.port).await;
    assert_eq!(game.send(&line(Order::Unban), "Guildhall").await, Reply::Done);
    game.line(&format!("{name} is unbanned")).await;
    let player = Player::join(name, game.port).await;
    game.joined(name).await;
    assert_eq!(game.send(&line(Order::Kick), "Guildhall").await, Reply::Done);
    player.ends().await;
    game.left(name).await;
    // Banned while away, they do not get in either.
    assert_eq!(game.send(&line(Order::Ban), "Guildhall").await, Reply::Done);
    game.line(&format!("{name} was banned")).await;
    Player::is_turned_away(name, game.port).await;
}

#[tokio::test]
async fn minecraft_is_played_keeps_its_world_crashes_and_stops_beside_another() {
    if !has("node", "Node.js 20") || !has("npm", "npm") {
        return;
    }
    tokio::task::spawn_blocking(installed).await.unwrap();
    let cache = SharedCache::new();
    let mut settings = brisk();
    settings.install_environment.extend([
        ("npm_config_cache".to_owned(), cache.path().to_str().unwrap().to_owned()),
        ("npm_config_prefer_offline".to_owned(), "true".to_owned()),
    ]);
    let host = Arc::new(TestHost::with(settings).await);
    let motd = "A \"title\" with {braces} and \\ marks";
    let world = ("seed", "7");
    let servers = (
        Game::new(&host, "minecraft-flying-squid", &[world, ("motd", motd), ("max_players", "6")]),
        Game::new(&host, "minecraft-flying-squid", &[world, ("motd", "Another")]),
    );
    let (Some(mut game), Some(mut other)) = servers else { return };
    game.start().await;
    cache.open();
    cache.keep();
    let answer = game.ask().await;
    assert_eq!((answer.title.as_deref(), answer.version.as_deref()), (Some(motd), Some("1.21.4")));
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(6), 0));

    let mut alex = Player::join("Alex", game.port).await;
    game.joined("Alex").await;
    game.plays(&["Alex"]).await;
    let answer = game.ask().await;
    assert_eq!((answer.players, answer.names), (Some(1), vec!["Alex".to_owned()]));
    alex.say("good morning").await;
    game.line("good morning").await;
    assert_eq!(game.send("say Mind the gap", "Sam").await, Reply::Done);
    alex.hears("Mind the gap").await;
    game.line("Sam> say Mind the gap").await;
    keeps_out(&mut game, "Sam").await;
    let hole = alex.dig().await;
    assert_eq!((hole["before"] == "air", &hole["after"]), (false, &"air".into()), "{hole}");
    alex.leave().await;
    game.left("Alex").await;
    game.plays(&[]).await;
    let exit = game.stop("stop").await;
    assert_eq!((exit.status, exit.signal), (Some(0), None));

    // What was dug is gone, here and nowhere else.
    tokio::join!(game.start(), other.start());
    assert_eq!(other.ask().await.title.as_deref(), Some("Another"));
    let mut alex = Player::join("Alex", game.port).await;
    let mut robin = Player::join("Robin", other.port).await;
    game.joined("Alex").await;
    other.joined("Robin").await;
    assert_eq!(alex.sees(&hole).await, "air");
    assert_eq!(robin.sees(&hole).await, hole["before"]);
    other.plays(&["Robin"]).await;
    game.plays(&["Alex"]).await;

    game.crash().await;
    alex.ends().await;
    let mut alex = Player::join("Alex", game.port).await;
    game.joined("Alex").await;
    assert_eq!(alex.sees(&hole).await, "air");
    other.plays(&["Robin"]).await;
    // A player who is there does not keep a server from stopping.
    game.stop("stop").await;
    alex.ends().await;
    game.remove().await;
    assert_eq!(other.ask().await.names, ["Robin"]);
    other.stop("stop").await;
    other.remove().await;
    robin.ends().await;
}
