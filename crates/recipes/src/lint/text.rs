//! What names, paths and addresses look like.

use url::Url;

/// 1 to 32 of `a-z`, `0-9` and `_`, from a letter on.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// An environment variable's name.
pub(super) fn is_variable_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Environment variables by which a program is told to load or run something else.
pub(super) fn chooses_code(name: &str) -> bool {
    name.starts_with("LD_")
        || name.starts_with("DYLD_")
        || name.ends_with("_OPTS")
        || name.ends_with("_OPTIONS")
        || [
            "NODE_PATH",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5LIB",
            "PERL5OPT",
            "RUBYOPT",
            "RUBYLIB",
            "CLASSPATH",
        ]
        .contains(&name)
}

/// A path that stays in the server's folder, whatever it is joined to.
pub(super) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.chars().count() <= 200
        && !path.starts_with(['/', '~', '-'])
        && !path.chars().any(|c| c.is_control() || matches!(c, '\\' | '{' | '}'))
        // A drive letter is a way out on systems that have them.
        && path.as_bytes().get(1) != Some(&b':')
        && path.trim_end_matches('/').split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// An absolute path without detours.
pub(super) fn is_plain_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| is_inside(rest) && !rest.ends_with('/'))
}

/// A program that PATH finds.
pub(super) fn is_program_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
}

/// Shells, and programs that can be told code on their command line or that start another program.
pub(super) fn is_interpreter(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(
        name,
        "sh" | "bash"
            | "dash"
            | "zsh"
            | "ksh"
            | "mksh"
            | "ash"
            | "fish"
            | "csh"
            | "tcsh"
            | "busybox"
            | "env"
            | "xargs"
            | "nohup"
            | "nice"
            | "setsid"
            | "timeout"
            | "script"
            | "sudo"
            | "su"
            | "runuser"
            | "setpriv"
            | "stdbuf"
            | "perl"
            | "python"
            | "pypy"
            | "ruby"
            | "php"
            | "lua"
            | "node"
            | "nodejs"
            | "deno"
            | "bun"
            | "awk"
            | "gawk"
            | "mawk"
            | "tclsh"
            | "expect"
            | "screen"
            | "tmux"
            | "find"
            | "unshare"
            | "chroot"
            | "ssh"
            | "git"
    )
}

/// Whether an argument says that code follows: `-c`, `-ec`, `-e`, `--eval=…`, or a shell behind another program.
pub(super) fn takes_code(argument: &str) -> bool {
    let short = argument.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    short.is_some_and(|letters| letters.contains(['c', 'e', 'E', 'p', 'r', 'S']))
        || ["--eval", "--print", "--command", "--split-string", "--exec"]
            .iter()
            .any(|long| argument.starts_with(long))
        || is_interpreter(argument)
}

/// An `https` address with a host and without a password. With `instead`, that text stands for what is
/// filled in later, and may not be a part of the host.
pub(super) fn is_https(address: &str, instead: Option<&str>) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https"
        && !host.is_empty()
        && url.username().is_empty()
        && url.password().is_none()
        && address.len() <= 500
        && instead.is_none_or(|mark| !host.contains(mark) && url.port().is_none())
}
