//! The install steps: what may be fetched, and where it may go.

use std::time::Duration;

use super::{Holds, Lint, text};
use crate::{placeholder::Template, recipe::InstallStep};

/// Where something is downloaded or installed may be read in full by people; a placeholder stands as this.
const MARK: &str = "placeholder";

impl Lint<'_> {
    pub(super) fn install(&mut self) {
        let recipe = self.recipe;
        self.count("install", recipe.install.len());
        for (index, step) in recipe.install.iter().enumerate() {
            let key = |name: &str| format!("install[{index}].{name}");
            match step {
                InstallStep::Apt { package, provides } => {
                    self.unless(
                        is_package(package),
                        &key("package"),
                        "a Debian package is 2 to 64 of a-z, 0-9, '+', '-' and '.'",
                    );
                    let proven = provides.starts_with("/usr/") && text::is_plain_path(provides);
                    self.unless(proven, &key("provides"), "it is an absolute path under /usr");
                }
                InstallStep::Download { url, sha256, to, unpinned } => {
                    self.download(&key("url"), url);
                    self.path(&key("to"), to);
                    match sha256 {
                        Some(digest) => {
                            let hex = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
                            self.unless(hex, &key("sha256"), "a SHA-256 is 64 hexadecimal digits");
                            self.unless(!unpinned, &key("unpinned"), "there is a digest; it cannot be unpinned as well");
                        }
                        None if *unpinned => {}
                        None => self.wrong(
                            key("sha256"),
                            "it is missing; write the file's digest, or `unpinned = true` if the publisher replaces the file in place",
                        ),
                    }
                }
                InstallStep::Archive { file, to, strip } => {
                    // Into the folder itself is the usual case.
                    if to != "." {
                        self.path(&key("to"), to);
                    }
                    self.unless(*strip <= 16, &key("strip"), "it is at most 16");
                    let known = [".zip", ".tar", ".tar.gz", ".tgz"].iter().any(|end| file.ends_with(end));
                    self.unless(known, &key("file"), "it is a .zip, .tar, .tar.gz or .tgz");
                    let earlier = recipe.install.iter().take(index);
                    let mut written = earlier.filter_map(|step| match step {
                        InstallStep::Download { to, .. } => Some(to),
                        _ => None,
                    });
                    let fetched = written.any(|to| to == file);
                    self.unless(fetched, &key("file"), "no download step before it writes this file");
                }
                InstallStep::Npm { package, version } => {
                    self.unless(
                        is_npm_package(package),
                        &key("package"),
                        "it is not the name of an npm package",
                    );
                    let exact = is_exact_version(version);
                    self.unless(exact, &key("version"), "it is one exact version, such as 1.12.0");
                }
                InstallStep::Command { run, within, creates } => {
                    self.arguments(&key("run"), run);
                    self.path(&key("creates"), creates);
                    self.duration(&key("within"), *within, Duration::from_secs(7_200));
                }
                InstallStep::Steamcmd { app, beta, to, within } => {
                    self.unless(*app > 0, &key("app"), "it is Steam's number of the dedicated server");
                    if let Some(beta) = beta {
                        self.unless(text::is_program_name(beta), &key("beta"), "it is the name of a branch");
                    }
                    if let Some(to) = to {
                        self.path(&key("to"), to);
                    }
                    self.duration(&key("within"), *within, Duration::from_secs(14_400));
                }
            }
        }
    }

    fn download(&mut self, key: &str, url: &str) {
        self.template(key, url, Holds::Anything);
        let filled = Template::parse(url).map(|template| template.fill(|_| Ok::<_, ()>(MARK.to_owned())));
        if let Ok(Ok(filled)) = filled {
            let placeholders = filled != url;
            let right = text::is_https(&filled, placeholders.then_some(MARK));
            self.unless(right, key, "it is an address that begins with https://, whose host is fixed");
        }
    }
}

/// Debian policy, section 5.6.1.
fn is_package(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

/// `name` or `@scope/name`.
fn is_npm_package(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
    };
    let fits = match text.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
        None => is_part(text),
    };
    fits && text.len() <= 214
}

/// Semantic versioning's three numbers, and what may follow them.
fn is_exact_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    text.len() <= 64
        && numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
}
