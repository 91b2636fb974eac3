//! Installs a game: a recipe's steps, in order. A step that was finished is not repeated, one that was
//! interrupted is.

mod archive;
mod download;
mod program;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use guildhall_link::message::FailureCode;
use guildhall_recipes::recipe::InstallStep;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

pub(crate) use program::{Environment, run as run_program};

use crate::{config::Settings, folder::Folder, trouble::Trouble};

/// Debian's package manager takes one order at a time, and it is the host's.
static APT: Mutex<()> = Mutex::const_new(());
const APT_WITHIN: Duration = Duration::from_secs(1_200);
/// How long another program may be at the host's packages, and how often that is looked at.
const APT_LOCKED: Duration = Duration::from_secs(300);
const APT_AGAIN: Duration = Duration::from_millis(500);
const NPM_WITHIN: Duration = Duration::from_secs(1_200);

/// Where a step is carried out.
pub(crate) struct Site<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) folder: &'a Folder,
    /// Shared by all servers when they have no users of their own; with own users each has one in its folder,
    /// because what one game puts into a cache must not be run by another.
    pub(crate) npm_cache: &'a Path,
}

/// The mark that a finished step leaves: a digest over it and all steps before it, because what an earlier
/// step brought is what a later one works on.
pub(crate) fn marks(steps: &[InstallStep]) -> Vec<String> {
    let mut digest = Sha256::new();
    let mark = |step: &InstallStep| {
        digest.update(serde_json::to_vec(step).unwrap_or_default());
        hex::encode(digest.clone().finalize())
    };
    steps.iter().map(mark).collect()
}

/// What a step is, in a few words.
pub(crate) fn words(step: &InstallStep) -> String {
    let text = match step {
        InstallStep::Apt { package, .. } => format!("Debian package {package}"),
        InstallStep::Download { to, .. } => format!("download of {to}"),
        InstallStep::Archive { file, .. } => format!("unpacking {file}"),
        InstallStep::Npm { package, version } => format!("npm package {package} {version}"),
        InstallStep::Command { run, .. } => {
            let name = run.first().map_or("", String::as_str);
            format!("running {}", name.rsplit('/').next().unwrap_or(name))
        }
        InstallStep::Steamcmd { app, .. } => format!("Steam app {app}"),
    };
    text.chars().take(200).collect()
}

/// Whether a step needs no work: `marked` says whether it was finished before.
pub(crate) fn is_done(step: &InstallStep, marked: bool, folder: &Folder) -> bool {
    match step {
        // The host's packages come and go without this server's record knowing.
        InstallStep::Apt { provides, .. } => is_program(Path::new(provides)),
        InstallStep::Command { creates, .. } => folder.holds(creates),
        InstallStep::Download { .. }
        | InstallStep::Archive { .. }
        | InstallStep::Npm { .. }
        | InstallStep::Steamcmd { .. } => marked,
    }
}

/// Carries a step out.
pub(crate) async fn carry_out(step: &InstallStep, site: &Site<'_>) -> Result<(), Trouble> {
    match step {
        InstallStep::Apt { package, provides } => apt(package, Path::new(provides), site.settings).await,
        InstallStep::Download { url, sha256, to, unpinned } => {
            if sha256.is_none() && !unpinned {
                return Err(Trouble::bad_recipe(format!("The download of {to} has no digest; add sha256.")));
            }
            download::fetch(url, sha256.as_deref(), to, site.folder).await
        }
        InstallStep::Archive { file, to, strip } => {
            let (folder, file, to, strip) = (site.folder.clone(), file.clone(), to.clone(), *strip);
            let unpacked =
                tokio::task::spawn_blocking(move || archive::unpack(&folder, &file, &to, strip)).await;
            unpacked.unwrap_or_else(|_| Err(Trouble::install("Unpacking was given up.")))
        }
        InstallStep::Npm { package, version } => npm(package, version, site).await,
        InstallStep::Command { run, within, creates } => {
            run_program(run, *within, &[], site).await?;
            if site.folder.holds(creates) {
                Ok(())
            } else {
                let name = run.first().map_or("", String::as_str);
                Err(Trouble::install(format!("{name} ended well, but {creates} is not there.")))
            }
        }
        InstallStep::Steamcmd { app, beta, to, within } => {
            let to = to.as_deref().unwrap_or("");
            site.folder
                .make(Path::new(to))
                .map_err(|error| Trouble::io(&format!("making the folder {to}"), &error))?;
            let mut run: Vec<String> = vec!["steamcmd".into(), "+force_install_dir".into()];
            run.push(site.folder.path().join(to).to_string_lossy().into_owned());
            run.extend(["+login", "anonymous", "+app_update"].map(String::from));
            run.push(app.to_string());
            if let Some(beta) = beta {
                run.extend(["-beta".to_owned(), beta.clone()]);
            }
            run.extend(["validate", "+quit"].map(String::from));
            run_program(&run, *within, &[], site).await
        }
    }
}

/// Whether a file can be run by somebody.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

async fn apt(package: &str, provides: &Path, settings: &Settings) -> Result<(), Trouble> {
    let plain = package.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte));
    if !plain || !package.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(Trouble::bad_recipe(format!("'{package}' is not the name of a Debian package.")));
    }
    if !rustix::process::geteuid().is_root() {
        let message = format!(
            "The Debian package {package} is missing, and only root can install it. Run `apt-get install {package}` on the host, then start again."
        );
        return Err(Trouble::new(FailureCode::NotAllowed, message));
    }
    let _line = APT.lock().await;
    if is_program(provides) {
        return Ok(());
    }
    let install = ["install", "-y", "--no-install-recommends", package];
    let installed = async {
        if patiently(&install, settings).await.is_ok() {
            return Ok(());
        }
        // The host's lists of packages may be old or missing.
        patiently(&["update"], settings).await?;
        patiently(&install, settings).await
    };
    installed.await.map_err(|trouble: Trouble| {
        trouble.about(&format!("The Debian package {package} was not installed"))
    })?;
    if is_program(provides) {
        Ok(())
    } else {
        Err(Trouble::install(format!(
            "The package {package} is installed, but {} is not there.",
            provides.display()
        )))
    }
}

/// Runs apt-get, and waits while another program is at the host's packages. For the packages themselves apt-get waits
/// by itself, but not for their lists.
async fn patiently(arguments: &[&str], settings: &Settings) -> Result<(), Trouble> {
    let until = Instant::now() + APT_LOCKED;
    loop {
        match program::apt(arguments, APT_WITHIN).await {
            Err(trouble) if trouble.says("Could not get lock") && Instant::now() < until => {
                settings.clock.sleep(APT_AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

async fn npm(package: &str, version: &str, site: &Site<'_>) -> Result<(), Trouble> {
    let part = |text: &str| {
        let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        first
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._~".contains(&byte))
    };
    let named = match package.strip_prefix('@').map(|scoped| scoped.split_once('/')) {
        Some(Some((scope, name))) => part(scope) && part(name),
        Some(None) => false,
        None => part(package),
    };
    let exact = version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte));
    if !named || !exact {
        return Err(Trouble::bad_recipe(format!(
            "'{package}' {version} is not an npm package with an exact version."
        )));
    }
    let prefix = site.folder.path().to_string_lossy().into_owned();
    let run: Vec<String> = ["npm", "install", "--prefix", &prefix, "--save-exact", "--no-audit", "--no-fund"]
        .into_iter()
        .chain(["--no-update-notifier", "--loglevel=error", &format!("{package}@{version}")])
        .map(str::to_owned)
        .collect();
    let shared = site.npm_cache.to_string_lossy().into_owned();
    let cache = [("npm_config_cache".to_owned(), shared)];
    let cache: &[(String, String)] = if site.folder.user().is_some() { &[] } else { &cache };
    run_program(&run, NPM_WITHIN, cache, site).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_step_unmarks_what_comes_after_it() {
        let step = |version: &str| InstallStep::Npm { package: "x".into(), version: version.into() };
        let (old, new) =
            (marks(&[step("1"), step("2"), step("3")]), marks(&[step("1"), step("9"), step("3")]));
        assert_eq!(old[0], new[0]);
        assert!(old[1] != new[1] && old[2] != new[2]);
    }
}
