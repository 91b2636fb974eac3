//! The console lines that keep a player out, throw them out and let them in again.
//!
//! A player's name comes from strangers: what could end the line, or be anything but a name to the game, is
//! refused here and never reaches a console.

use regex::Regex;

use crate::{
    patterns::{self, MAX_PLAYER, PatternError},
    placeholder::{Placeholder, Template},
    recipe::{Access, ConsoleInput, Recipe},
};

/// What a player's name is where the recipe says nothing else.
pub const PLAYER_NAME: &str = "[A-Za-z0-9_.-]{1,32}";

/// What the game is to do with a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keep them out until further notice.
    Ban,
    /// Let them in again.
    Unban,
    /// Throw them out now.
    Kick,
}

/// A name that no player of the game can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlayer {
    /// A line end or another control character, or far too long.
    #[error("a player's name is one line of 1 to {MAX_PLAYER} plain characters")]
    NotAName,
    /// Not what the recipe says names are.
    #[error("in this game a player's name matches {0}")]
    Pattern(String),
    /// The recipe's own pattern is wrong; lint would have said so.
    #[error("the recipe's pattern for names is wrong: {0}")]
    Recipe(#[from] PatternError),
}

impl Access {
    /// Whether somebody in this game can be called so.
    pub fn check_player(&self, player: &str) -> Result<(), BadPlayer> {
        // Also where a recipe's pattern would let them through: a line end begins another command.
        let ends_lines = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if player.trim().is_empty() || player.chars().count() > MAX_PLAYER || player.contains(ends_lines) {
            return Err(BadPlayer::NotAName);
        }
        let pattern = self.player_name.as_deref().unwrap_or(PLAYER_NAME);
        let whole: Regex = patterns::whole(pattern)?;
        if whole.is_match(player) { Ok(()) } else { Err(BadPlayer::Pattern(pattern.to_owned())) }
    }
}

/// The console line for an order; `None` when the game has none for it.
pub fn line(recipe: &Recipe, order: Order, player: &str) -> Result<Option<String>, BadPlayer> {
    recipe.access.check_player(player)?;
    if recipe.console.input == ConsoleInput::None {
        return Ok(None);
    }
    let line = match order {
        Order::Ban => &recipe.access.ban,
        Order::Unban => &recipe.access.unban,
        Order::Kick => &recipe.access.kick,
    };
    let template = line.as_deref().and_then(|line| Template::parse(line).ok());
    let filled = template.and_then(|template| {
        let fill = template.fill(|placeholder| match placeholder {
            Placeholder::Player => Ok(player.to_owned()),
            _ => Err(()),
        });
        fill.ok()
    });
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipe(pattern: &str) -> Recipe {
        let text = format!(
            "format = 1\nname = \"x\"\ntitle = \"X\"\nsummary = \"A game\"\n[ports.game]\nprotocol = \"tcp\"\n\
             default = 4000\n[start]\ncommand = [\"x\"]\n[ready]\nwithin = \"9s\"\nlog = \"x\"\n[stop]\n\
             command = \"stop\"\n[access]\nban = \"ban {{player}} forever\"\nunban = \"pardon {{player}}\"\n{pattern}"
        );
        Recipe::parse(&text, "x.toml").expect("a recipe")
    }

    #[test]
    fn an_order_becomes_the_games_own_line() {
        let recipe = recipe("");
        assert_eq!(line(&recipe, Order::Ban, "Alex").as_deref_line(), Some("ban Alex forever"));
        assert_eq!(line(&recipe, Order::Unban, "Al-ex_9.x").as_deref_line(), Some("pardon Al-ex_9.x"));
        assert_eq!(line(&recipe, Order::Kick, "Alex"), Ok(None), "the game has no such line");
        let mut deaf = recipe;
        deaf.console.input = ConsoleInput::None;
        assert_eq!(line(&deaf, Order::Ban, "Alex"), Ok(None));
    }

    #[test]
    fn what_is_no_name_never_reaches_the_console() {
        let strict = recipe("");
        for player in ["", " ", "Alex\nstop", "Alex stop", "@a", "A\u{0}", "\u{2028}", "a;b", &"x".repeat(33)]
        {
            assert!(line(&strict, Order::Ban, player).is_err(), "{player:?}");
        }
        // A pattern that takes everything still takes no second line.
        let open = recipe("player_name = '(?s).*'\n");
        assert_eq!(
            line(&open, Order::Ban, "Alex the Great").as_deref_line(),
            Some("ban Alex the Great forever")
        );
        for player in ["Alex\nstop", "Alex\rstop", "A\u{1b}[0m", "A\u{85}", &"x".repeat(65)] {
            assert_eq!(line(&open, Order::Ban, player), Err(BadPlayer::NotAName), "{player:?}");
        }
        // What a placeholder fills in is never read for placeholders again.
        assert_eq!(line(&open, Order::Ban, "{player}").as_deref_line(), Some("ban {player} forever"));
    }

    trait Line {
        fn as_deref_line(&self) -> Option<&str>;
    }

    impl Line for Result<Option<String>, BadPlayer> {
        fn as_deref_line(&self) -> Option<&str> {
            self.as_ref().ok()?.as_deref()
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_line_or_refused(player in any::<String>()) {
            for recipe in [recipe(""), recipe("player_name = '(?s).*'\n")] {
                if let Ok(Some(line)) = line(&recipe, Order::Ban, &player) {
                    prop_assert!(!line.contains(|c: char| c.is_control()));
                    prop_assert!(line.starts_with("ban ") && line.ends_with(" forever"));
                }
            }
        }
    }
}
