//! What the lines that keep a player out have to keep.

use super::Lint;
use crate::{
    patterns,
    placeholder::{Placeholder, Template},
    recipe::{Access, ConsoleInput},
};

impl Lint<'_> {
    pub(super) fn access(&mut self) {
        let Access { ban, unban, kick, player_name } = &self.recipe.access;
        let terminal = self.recipe.console.input == ConsoleInput::Terminal;
        for (key, line) in [("access.ban", ban), ("access.unban", unban), ("access.kick", kick)] {
            let Some(line) = line else { continue };
            self.line(key, line, 300);
            self.unless(terminal, key, "the game reads no console lines; console.input is 'none'");
            match Template::parse(line) {
                Ok(template) => {
                    let only_player = template.placeholders().eq([&Placeholder::Player]);
                    self.unless(only_player, key, "it holds {player} once, and no other placeholder");
                    let bare = line.trim_start().starts_with("{player}");
                    self.unless(!bare, key, "{player} cannot come first: it could be a command then");
                }
                Err(error) => self.wrong(key, error.to_string()),
            }
        }
        if unban.is_some() && ban.is_none() {
            self.wrong("access.unban", "there is no ban that it would lift");
        }
        if ban.is_some() && unban.is_none() {
            self.wrong("access.ban", "there is no unban; nobody could be let in again");
        }
        self.pattern("access.player_name", player_name.as_deref(), patterns::whole);
    }
}
