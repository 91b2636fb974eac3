//! Recipes from strangers: each trick is found, named with its file and key, and nothing panics.

use guildhall_recipes::{Problem, Recipe, shipped};
use proptest::prelude::*;

/// A small recipe that is right. `with` replaces or adds lines of it.
const SMALL: &str = r#"
format = 1
name = "small"
title = "Small"
summary = "A small recipe"

[variables.motd]
description = "A text"
type = "text"
default = "Hi"

[variables.secret]
description = "A secret"
type = "secret"

[ports.game]
protocol = "tcp"
default = 25565

[[install]]
step = "download"
url = "https://example.org/server-{var.motd}.zip"
sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
to = "server.zip"

[[install]]
step = "archive"
file = "server.zip"
to = "."

[[files]]
path = "server.properties"
format = "properties"
values = { motd = "{var.motd}", port = "{port.game}" }

[start]
command = ["./server", "--name", "{var.motd}", "--port={port.game}"]

[ready]
within = "60s"
log = "ready"

[players]
join = '(?P<player>\w+) joined'
leave = '(?P<player>\w+) left'

[console]
say = "say {text}"

[stop]
command = "stop"
"#;

fn problems(text: &str) -> Vec<Problem> {
    Recipe::parse(text, "mine.toml").err().unwrap_or_default()
}

/// Checks that replacing `from` by `to` in the small recipe is found at `key`, in words that hold `says`.
fn check(from: &str, to: &str, key: &str, says: &str) {
    assert!(SMALL.contains(from), "the small recipe has no {from:?}");
    let found = problems(&SMALL.replacen(from, to, 1));
    let hit = found.iter().any(|problem| problem.key == key && problem.message.contains(says));
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(hit, "{to:?} should be wrong at {key} ({says}), but there is\n{}", shown.join("\n"));
    for problem in &found {
        assert_eq!(problem.file, "mine.toml");
        assert!(problem.to_string().starts_with("mine.toml:"), "{problem}");
    }
}

#[test]
fn the_small_recipe_is_right() {
    assert_eq!(problems(SMALL), []);
}

#[test]
fn no_path_leaves_the_folder() {
    for path in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "~/x",
        "~root/x",
        "a\\\\b",
        "C:/x",
        "",
        "./x",
        "a//b",
        "a/./b",
        "-x",
        "a\\u0000b",
    ] {
        let says = "inside the server's folder";
        check("path = \"server.properties\"", &format!("path = \"{path}\""), "files[0].path", says);
        check("to = \"server.zip\"", &format!("to = \"{path}\""), "install[0].to", says);
        check("[ready]", &format!("folder = \"{path}\"\n[ready]"), "start.folder", says);
        let save = format!("[save]\npaths = [\"{path}\"]\n[stop]");
        check("[stop]", &save, "save.paths[0]", says);
    }
    let long = "a".repeat(201);
    check("to = \"server.zip\"", &format!("to = \"{long}\""), "install[0].to", "200 characters");
}

#[test]
fn no_variable_becomes_code() {
    let command = r#"command = ["./server", "--name", "{var.motd}", "--port={port.game}"]"#;
    for code in [
        r#"command = ["sh", "-c", "echo {var.motd}"]"#,
        r#"command = ["/bin/bash", "-lc", "./server", "{var.motd}"]"#,
        r#"command = ["env", "-S", "{var.motd}"]"#,
        r#"command = ["env", "X=1", "bash", "-c", "{server.name}"]"#,
        r#"command = ["python3.11", "-c", "print('{var.motd}')"]"#,
        r#"command = ["node", "--eval={var.motd}"]"#,
        r#"command = ["perl", "-ne", "{var.motd}"]"#,
    ] {
        let found = problems(&SMALL.replacen(command, code, 1));
        assert!(
            found.iter().any(|p| p.key.starts_with("start.command[") && p.message.contains("code")),
            "{code}: {found:?}"
        );
    }
    check(command, r#"command = ["{var.motd}"]"#, "start.command[0]", "the program is fixed");
    check(command, r#"command = ["../../bin/sh"]"#, "start.command[0]", "program's name");
    check(command, r#"command = ["/tmp/x"]"#, "start.command[0]", "program's name");
    check("default = \"Hi\"", "default = \"-x\"", "variables.motd.default", "option");
    check(command, "command = []", "start.command", "empty");
    check(
        "[ready]",
        "environment = { LD_PRELOAD = \"{var.motd}\" }\n[ready]",
        "start.environment.LD_PRELOAD",
        "code",
    );
    check("[ready]", "environment = { PATH = \"x\" }\n[ready]", "start.environment.PATH", "the agent sets");
    check(
        "[ready]",
        "environment = { \"A=B\" = \"x\" }\n[ready]",
        "start.environment.A=B",
        "an environment variable",
    );
}

#[test]
fn downloads_are_pinned_and_go_where_the_recipe_says() {
    let url = "url = \"https://example.org/server-{var.motd}.zip\"";
    for address in [
        "http://example.org/x",
        "file:///etc/passwd",
        "https://{var.motd}/x",
        "https://a:b@example.org/x",
        "https://",
        "x",
    ] {
        check(url, &format!("url = \"{address}\""), "install[0].url", "https://");
    }
    let digest = "sha256 = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"";
    check(digest, "", "install[0].sha256", "missing");
    check(digest, "sha256 = \"0011\"", "install[0].sha256", "64 hexadecimal digits");
    check(digest, &format!("{digest}\nunpinned = true"), "install[0].unpinned", "cannot be unpinned as well");
    check("file = \"server.zip\"", "file = \"other.zip\"", "install[1].file", "no download step");
    check("file = \"server.zip\"", "file = \"server.rar\"", "install[1].file", "tar.gz");
}

#[test]
fn packages_are_named_exactly() {
    let start = "[start]";
    let step = |step: &str| format!("[[install]]\n{step}\n[start]");
    for version in ["^1.2.3", "latest", "1.2", "1.x.0", "git+https://example.org/x"] {
        let npm = format!("step = \"npm\"\npackage = \"x\"\nversion = \"{version}\"");
        check(start, &step(&npm), "install[2].version", "one exact version");
    }
    for package in ["../x", "https://example.org/x.tgz", "X", "", "@a"] {
        let npm = format!("step = \"npm\"\npackage = \"{package}\"\nversion = \"1.2.3\"");
        check(start, &step(&npm), "install[2].package", "npm package");
    }
    for package in ["-y", "a b", "x=1", "X", "x/y"] {
        let apt = format!("step = \"apt\"\npackage = \"{package}\"\nprovides = \"/usr/bin/x\"");
        check(start, &step(&apt), "install[2].package", "Debian package");
    }
    for path in ["/etc/passwd", "/usr/../etc/passwd", "usr/bin/x"] {
        let apt = format!("step = \"apt\"\npackage = \"xx\"\nprovides = \"{path}\"");
        check(start, &step(&apt), "install[2].provides", "under /usr");
    }
    let run = "step = \"command\"\nrun = [\"sh\", \"-c\", \"{var.motd}\"]\ncreates = \"x\"";
    check(start, &step(run), "install[2].run[2]", "code");
}

#[test]
fn whatever_is_named_exists() {
    check("{var.motd}\", \"--port", "{var.mood}\", \"--port", "start.command[2]", "did you mean 'motd'");
    check("{port.game}\"]", "{port.gane}\"]", "start.command[3]", "did you mean 'game'");
    check("log = \"ready\"", "port = \"query\"", "ready.port", "did you mean 'game'");
    check("log = \"ready\"", "query = true", "ready.query", "no query in [players]");
    check("log = \"ready\"", "", "ready", "no condition");
    check("[ports.game]", "[ports.other]", "ports", "'game'");
    check("say {text}", "say {text} {var.motd}", "console.say", "{text} once");
    check("say {text}", "{text}", "console.say", "could be a command");
    check("--port={port.game}", "--port={", "start.command[3]", "'{{'");
    check("--port={port.game}", "{text}", "start.command[3]", "console.say only");
}

#[test]
fn lines_that_keep_players_out_hold_a_name_and_nothing_else() {
    let access = |lines: &str| format!("[access]\n{lines}\n[stop]");
    let both = "ban = \"ban {player}\"\nunban = \"pardon {player}\"";
    assert_eq!(problems(&SMALL.replacen("[stop]", &access(both), 1)), []);
    assert_eq!(problems(&SMALL.replacen("[stop]", &access("kick = \"kick {player}\""), 1)), []);
    for (line, says) in [
        ("kick", "{player} once"),
        ("kick {player} {player}", "{player} once"),
        ("kick {player} {var.motd}", "{player} once"),
        ("kick {text}", "{player} once"),
        ("{player} is out", "could be a command"),
        ("kick {player", "'{{'"),
        ("kick {player}\\nstop", "one line"),
    ] {
        check("[stop]", &access(&format!("kick = \"{line}\"")), "access.kick", says);
    }
    check("[stop]", &access("ban = \"ban {player}\""), "access.ban", "no unban");
    check("[stop]", &access("unban = \"pardon {player}\""), "access.unban", "no ban");
    check("[stop]", &access("player_name = '('"), "access.player_name", "regular expression");
    check("[stop]", &access("bann = \"ban {player}\""), "access.bann", "did you mean 'ban'");
    check("say {text}", "say {player}", "console.say", "{text} once");
    check("--port={port.game}", "{player}", "start.command[3]", "[access] only");
    check(
        "say = \"say {text}\"",
        "input = \"none\"\n[access]\nkick = \"kick {player}\"",
        "access.kick",
        "console.input",
    );
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one_and_their_line() {
    check("within = \"60s\"", "within = \"60s\"\nlogs = \"x\"", "ready.logs", "'log'");
    check("default = \"Hi\"", "default = \"Hi\"\nmaxlength = 3", "variables.motd.maxlength", "'max_length'");
    check("step = \"archive\"", "step = \"archive\"\nurl = \"x\"", "install[1].url", "did you mean");
    let text = SMALL.replacen("within = \"60s\"", "within = \"60s\"\nlogs = \"x\"", 1);
    let line = text.lines().position(|line| line.starts_with("logs")).map(|at| at as u32 + 1);
    assert_eq!(problems(&text).first().and_then(|problem| problem.line), line);
    let several = format!("{}\n[oops]\nx = 1\n", text.replacen("title", "titel", 1));
    assert_eq!(problems(&several).len(), 3, "all of them at once");
}

#[test]
fn mistakes_of_syntax_and_type_have_a_line() {
    let found = problems(&SMALL.replacen("format = 1", "format = ", 1));
    assert_eq!(found.first().and_then(|problem| problem.line), Some(2));
    let found = problems(&SMALL.replacen("default = 25565", "default = \"x\"", 1));
    let line = SMALL.lines().position(|line| line == "default = 25565").map(|at| at as u32 + 1);
    assert_eq!(found.first().and_then(|problem| problem.line), line, "{found:?}");
    check("within = \"60s\"", "within = \"soon\"", "ready.within", "is not a duration");
    check("type = \"text\"", "type = \"text\"\nmin = 3", "variables.motd.min", "no such key here");
}

#[test]
fn everything_is_bounded() {
    let many: String =
        (0..65).map(|n| format!("[ports.p{n}]\nprotocol = \"tcp\"\ndefault = {}\n", 2000 + n)).collect();
    check("[ports.game]", &format!("{many}[ports.game]"), "ports", "at most 64");
    assert!(problems(&format!("{SMALL}#{}", "x".repeat(64 * 1024)))[0].message.contains("64 KiB"));
    check("log = \"ready\"", "log = '(a{1000}){1000}'", "ready.log", "not a regular expression");
    check("log = \"ready\"", &format!("log = '{}'", "a".repeat(501)), "ready.log", "500 characters");
    check("(?P<player>\\w+) joined", "joined", "players.join", "(?P<player>");
    check("leave = '(?P<player>\\w+) left'", "", "players", "belong together");
    check("default = \"Hi\"", "default = \"Hi\"\nmax_length = 1", "variables.motd.default", "longer than 1");
    check("default = \"Hi\"", "default = \"Hi\\nop=1\"", "variables.motd.default", "line end");
    check("within = \"60s\"", "within = \"5h\"", "ready.within", "at most");
    check("command = \"stop\"", "", "stop", "command or signal");
    check("command = \"stop\"", "command = \"stop\"\nsignal = \"SIGINT\"", "stop", "not both");
    check("say = \"say {text}\"", "input = \"none\"", "stop.command", "reads no console lines");
    check("name = \"small\"", "name = \"Small Recipe\"", "name", "is not a name");
    check("format = 1", "format = 2", "format", "format 1");
    check("[variables.secret]", "[variables.\"se cret\"]", "variables.se cret", "a variable's name");
    check("[ready]", "[limits]\nopen_files = 1\n[ready]", "limits.open_files", "64 to");
}

#[test]
fn files_without_escaping_take_only_restricted_text() {
    for format in ["lines", "ini"] {
        check(
            "format = \"properties\"",
            &format!("format = \"{format}\""),
            "files[0].values.motd",
            "pattern",
        );
    }
    check("values = { motd", "values = { \"a=b\\n\" = 1, motd", "files[0].values", "key");
    check(
        "format = \"properties\"",
        "format = \"properties\"\ncontent = \"x\"",
        "files[0].content",
        "only the format text",
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*|[\\[\\]{}=\"'\\n a-z.0-9]{0,300}") {
        for problem in problems(&text) {
            prop_assert_eq!(problem.file, "mine.toml");
        }
    }

    #[test]
    fn no_change_of_a_shipped_recipe_panics(
        recipe in 0..shipped().len(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..40,
        put in "\\PC{0,12}|[\\[\\]{}=\"'\\n.]{0,6}|= -?[0-9]{1,20}\\n",
    ) {
        let (name, text) = shipped()[recipe];
        let characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let after = characters.len().min(at + cut);
        let changed: String = characters[..at].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&characters[after..]).collect();
        match Recipe::parse(&changed, name) {
            Ok(recipe) => prop_assert!(recipe.lint().is_empty()),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| problem.file == name && !problem.message.is_empty()));
            }
        }
    }
}
