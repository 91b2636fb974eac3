//! The recipes that come with Guildhall are read, clean, and come back from TOML as they were.

use guildhall_recipes::{
    Patterns, Recipe,
    access::{self, Order},
    shipped,
};

#[test]
fn every_shipped_recipe_is_clean() {
    for (name, text) in shipped() {
        let recipe = Recipe::parse(text, &format!("{name}.toml")).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(recipe.name, *name, "the file has the recipe's name");
        Patterns::compile(&recipe).expect("its patterns compile");
        let again = recipe.to_toml().expect("it is written");
        assert_eq!(Recipe::parse(&again, name).expect("it is read again"), recipe);
        let json = serde_json::to_string(&recipe).expect("it is sent");
        assert_eq!(serde_json::from_str::<Recipe>(&json).expect("it arrives"), recipe);
    }
}

#[test]
fn games_with_a_console_keep_players_out_by_name() {
    let orders = |name: &str| {
        let (_, text) = shipped().iter().find(|(shipped, _)| *shipped == name).expect("shipped");
        let recipe = Recipe::parse(text, name).expect("a recipe");
        let line = |order| access::line(&recipe, order, "Alex_1").expect("a name").unwrap_or_default();
        [line(Order::Ban), line(Order::Unban), line(Order::Kick)]
    };
    for minecraft in ["minecraft-flying-squid", "minecraft-java", "paper"] {
        assert_eq!(orders(minecraft), ["ban Alex_1", "pardon Alex_1", "kick Alex_1"]);
    }
    assert_eq!(orders("armagetron"), ["", "", "KICK Alex_1"]);
    for deaf in ["bzflag", "luanti", "teeworlds"] {
        assert_eq!(orders(deaf), ["", "", ""], "{deaf} reads no console");
    }
}

fn patterns(name: &str) -> Patterns {
    let (_, text) = shipped().iter().find(|(shipped, _)| *shipped == name).expect("shipped");
    Patterns::compile(&Recipe::parse(text, name).expect("a recipe")).expect("patterns")
}

/// Lines as the games wrote them on a terminal while a real client joined and left.
#[test]
fn the_games_own_lines_tell_who_joins_and_leaves() {
    let info =
        "\u{1b}[1G\u{1b}[0J> \u{1b}[3G\u{1b}[1GNovember 20th 2026, 10:14:49 [\u{1b}[32mINFO\u{1b}[39m]: ";
    let lines = [
        (
            "minecraft-flying-squid",
            "Alex",
            format!("{info}Alex (::ffff:127.0.0.1) connected\r"),
            format!("{info}Alex disconnected\r"),
        ),
        (
            "bzflag",
            "some one",
            "2026-11-20 10:15:40: Player some one [0] has joined from 127.0.0.1 at 2026-11-20 10:15:40 with token \"NONE\"\r".to_owned(),
            "2026-11-20 10:15:43: Player some one [0] removed at 2026-11-20 10:15:43: Disconnected\r".to_owned(),
        ),
        (
            "luanti",
            "Alex_1",
            "2026-11-20 10:41:19: ACTION[Server]: Alex_1 [127.0.0.1] joins game. List of players: Alex_1\r".to_owned(),
            "2026-11-20 10:41:41: ACTION[Server]: Alex_1 leaves game. List of players: \r".to_owned(),
        ),
        (
            "armagetron",
            "Alex",
            "[1] Alex entered the game.\r".to_owned(),
            "[1] Alex left the game.\r".to_owned(),
        ),
        (
            "teeworlds",
            "Alex",
            "[2026-11-20 10:43:49][game]: team_join player='0:Alex' team=0\r".to_owned(),
            "[2026-11-20 10:44:07][game]: leave player='0:Alex'\r".to_owned(),
        ),
    ];
    for (name, player, joins, leaves) in lines {
        let patterns = patterns(name);
        assert_eq!(patterns.joined(&joins).as_deref(), Some(player), "{name}");
        assert_eq!(patterns.left(&leaves).as_deref(), Some(player), "{name}");
        assert_eq!((patterns.left(&joins), patterns.joined(&leaves)), (None, None), "{name}");
    }
}

#[test]
fn nobody_joins_or_leaves_by_chatting() {
    let chat = [
        ("minecraft-flying-squid", "November 20th 2026, 10:14:49 [INFO]: <Alex> "),
        ("bzflag", "2026-11-20 10:15:43: Player tester [0] -> All: "),
        ("luanti", "2026-11-20 10:41:19: ACTION[Server]: CHAT: <Alex> "),
        ("teeworlds", "[2026-11-20 10:43:49][chat]: 0:0:Alex: "),
        ("armagetron", "[1] Alex: "),
        ("minecraft-java", "[10:14:49] [Server thread/INFO]: <Alex> "),
        ("paper", "[10:14:49 INFO]: <Alex> "),
        ("factorio", "2026-11-20 10:14:49 [CHAT] Alex: "),
        ("terraria", "<Alex> "),
        ("palworld", "[2026-11-20 10:14:49] [CHAT] <Alex> "),
    ];
    let said = [
        "November 20th 2026, 10:14:49 [INFO]: Bob (::1) connected",
        "November 20th 2026, 10:14:49 [INFO]: Bob disconnected",
        "Bob (::1) connected",
        "2026-11-20 10:15:40: Player Bob [0] has joined from 127.0.0.1 at 2026-11-20",
        "Player Bob [0] has joined from 127.0.0.1 at 2026-11-20",
        "Player Bob [0] removed at 2026-11-20 10:15:43: Disconnected",
        "2026-11-20 10:41:19: ACTION[Server]: Bob [127.0.0.1] joins game. List of players: Bob",
        "ACTION[Server]: Bob leaves game. List of players: ",
        "[2026-11-20 10:43:49][game]: team_join player='0:Bob' team=0",
        "[2026-11-20 10:44:07][game]: leave player='0:Bob'",
        "[1] Bob entered the game.",
        "[1] Bob left the game.",
        "[10:14:49] [Server thread/INFO]: Bob joined the game",
        "[10:14:49 INFO]: Bob left the game",
        "2026-11-20 10:14:49 [JOIN] Bob joined the game",
        "2026-11-20 10:14:49 [LEAVE] Bob left the game",
        "Bob has joined.",
        "Bob has left.",
        "Bob 127.0.0.1:1 connected the server. (User id: steam_1)",
        "Bob left the server. (User id: steam_1)",
    ];
    for (name, before) in chat {
        let patterns = patterns(name);
        for said in said {
            let line = format!("{before}{said}");
            assert_eq!((patterns.joined(&line), patterns.left(&line)), (None, None), "{name}: {line}");
        }
    }
}
