//! Everything between wanting a server and its process: folder, installation, configuration files, checks.

use std::path::{Path, PathBuf};

use guildhall_link::message::{Desired, FailureCode};
use guildhall_recipes::{
    Launch, Place, Values,
    recipe::InstallStep,
    render::{self, RenderedFile},
};

use crate::{
    folder::Folder,
    host::Host,
    install::{self, Environment},
    shim::{Hold, NotStarted, Program},
    sockets,
    trouble::Trouble,
    user::User,
};

/// A server with less room than this on its disk is not started, in bytes.
const MIN_ROOM: u64 = 64 * 1024 * 1024;

/// A recipe with its values filled in.
pub(crate) struct Plan {
    pub(crate) steps: Vec<InstallStep>,
    files: Vec<RenderedFile>,
    launch: Launch,
}

/// Fills a recipe in.
pub(crate) fn plan(desired: &Desired, folder: &Path) -> Result<Plan, Trouble> {
    let values =
        Values::complete(&desired.recipe, &desired.variables, &desired.ports).map_err(|problems| {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Trouble::bad_recipe(format!("The server's values do not fit its recipe: {}.", all.join("; ")))
        })?;
    let folder = folder.to_string_lossy();
    let place = Place { server: &desired.name, folder: &folder, address: &desired.address };
    let bad = |error: render::RenderError| Trouble::bad_recipe(error.to_string());
    Ok(Plan {
        steps: render::install(&desired.recipe, &values, &place).map_err(bad)?,
        files: render::files(&desired.recipe, &values, &place).map_err(bad)?,
        launch: render::launch(&desired.recipe, &values, &place).map_err(bad)?,
    })
}

/// Makes the server's user and folder. `true` when the folder was made just now.
pub(crate) async fn folder(host: &Host, desired: &Desired) -> Result<(Folder, bool), Trouble> {
    let path = host.layout.folder(desired.server);
    let user = if host.own_users() { Some(User::ensure(desired.server, &path).await?) } else { None };
    let (folder, fresh) =
        Folder::open(&path, user).map_err(|error| Trouble::io("making the server's folder", &error))?;
    room(&folder)?;
    Ok((folder, fresh))
}

fn room(folder: &Folder) -> Result<(), Trouble> {
    let room = rustix::fs::statvfs(folder.path())
        .map_err(|error| Trouble::io("looking at the disk", &error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < MIN_ROOM {
        let message = format!(
            "Only {} MiB are free on the disk of {}; a server needs at least {} MiB. Make room, then start again.",
            free >> 20,
            folder.path().display(),
            MIN_ROOM >> 20
        );
        return Err(Trouble::new(FailureCode::DiskFull, message));
    }
    Ok(())
}

/// Writes the recipe's configuration files, keeping what they have besides.
pub(crate) fn write_files(plan: &Plan, folder: &Folder) -> Result<(), Trouble> {
    for file in &plan.files {
        let doing = |error: std::io::Error| Trouble::io(&format!("writing {}", file.path), &error);
        let existing = folder.text(&file.path).map_err(doing)?;
        let text = file
            .text(existing.as_deref())
            .map_err(|error| Trouble::bad_recipe(format!("{} cannot be written: {error}", file.path)))?;
        if existing.as_deref() != Some(&text) {
            folder.write(&file.path, &text).map_err(doing)?;
        }
    }
    Ok(())
}

/// Checks what would make the start fail, and says what the shim is to do.
pub(crate) fn order(
    host: &Host,
    desired: &Desired,
    plan: &Plan,
    folder: &Folder,
    run: u64,
) -> Result<Hold, Trouble> {
    room(folder)?;
    for (name, port) in &desired.recipe.ports {
        let number = desired.ports.get(name).copied().unwrap_or(port.default);
        if let Some(by) = sockets::taken_by(number, port.protocol) {
            let message = format!(
                "Port {number} ({name}) is taken by {by}. Stop that, or give the server another port, then start again."
            );
            return Err(Trouble::new(FailureCode::PortTaken, message));
        }
    }
    let working = crate::folder::inside(Path::new(&plan.launch.folder))
        .map_err(|error| Trouble::bad_recipe(error.to_string()))?;
    let working = folder.path().join(working);
    program_exists(&plan.launch.argv[0], &working, &host.settings.search_path)?;
    let mut environment = Environment::of(&host.settings, folder);
    environment.extend(plan.launch.environment.clone());
    let limits = &desired.recipe.limits;
    Ok(Hold {
        run,
        runtime: host.layout.runtime(desired.server),
        ring_bytes: host.settings.ring_bytes.clamp(64 * 1024, 64 * 1024 * 1024),
        program: Program {
            argv: plan.launch.argv.clone(),
            environment,
            folder: working,
            user: folder.user().map(|user| (user.uid, user.gid)),
            open_files: limits.open_files,
            processes: limits.processes,
            file_size: limits.file_size,
        },
    })
}

fn program_exists(name: &str, working: &Path, search_path: &str) -> Result<(), Trouble> {
    let places: Vec<PathBuf> = if name.contains('/') {
        vec![working.join(name)]
    } else {
        search_path.split(':').map(|place| Path::new(place).join(name)).collect()
    };
    if places.iter().any(|place| install::is_program(place)) {
        return Ok(());
    }
    let message = format!(
        "The program {name} is not on the host, or cannot be run. If the recipe installs it, its install steps did not bring it."
    );
    Err(Trouble::new(FailureCode::ProgramMissing, message))
}

/// Why a shim could not start a game.
pub(crate) fn not_started(answer: &NotStarted, name: &str) -> Trouble {
    use rustix::io::Errno;
    let is = |errno: Errno| answer.errno == Some(errno.raw_os_error());
    if is(Errno::NOENT) {
        let message =
            format!("The program {name}, or the one that its first line names, is not on the host.");
        Trouble::new(FailureCode::ProgramMissing, message)
    } else if is(Errno::ACCESS) || is(Errno::NOEXEC) {
        let message = format!("The program {name} cannot be run by the server's user: {}.", answer.message);
        Trouble::new(FailureCode::ProgramMissing, message)
    } else if is(Errno::NOSPC) || is(Errno::DQUOT) {
        Trouble::disk_full(&answer.message)
    } else {
        Trouble::new(FailureCode::Host, format!("The host could not start the game: {}.", answer.message))
    }
}
