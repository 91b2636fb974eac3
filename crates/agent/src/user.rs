//! A Unix user for each server, so that one game cannot read or end another.

use std::{fs, path::Path, process::Stdio, time::Duration};

use guildhall_core::ServerId;
use guildhall_link::message::FailureCode;
use sha2::{Digest as _, Sha256};
use tokio::{process::Command, sync::Mutex};

use crate::trouble::Trouble;

/// The programs that change users lock their files against each other; here they wait in a line.
static CHANGES: Mutex<()> = Mutex::const_new(());
/// How long one of them may take.
const WITHIN: Duration = Duration::from_secs(30);

/// A user of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    home: String,
}

impl User {
    /// The server's user, made when it is not there yet. Its home is the server's folder.
    pub(crate) async fn ensure(server: ServerId, folder: &Path) -> Result<Self, Trouble> {
        let _line = CHANGES.lock().await;
        let home = folder.to_string_lossy();
        for name in names(server, folder) {
            match Self::find(&name) {
                Some(user) if user.home == home => return Ok(user),
                // Another agent on this host has a server whose id ends the same.
                Some(_) => {}
                None => {
                    let options = ["--system", "--user-group", "--no-create-home", "--home-dir", &home];
                    change("useradd", &options, &["--shell", "/usr/sbin/nologin", &name]).await?;
                    let made = Self::find(&name);
                    return made.ok_or_else(|| {
                        Trouble::new(
                            FailureCode::NotAllowed,
                            format!("The user {name} was made and is not there."),
                        )
                    });
                }
            }
        }
        Err(Trouble::new(
            FailureCode::NotAllowed,
            format!("No user can be made for {home}: both of its names belong to others."),
        ))
    }

    /// The server's user, when there is one.
    pub(crate) fn of(server: ServerId, folder: &Path) -> Option<Self> {
        let home = folder.to_string_lossy();
        names(server, folder).into_iter().filter_map(|name| Self::find(&name)).find(|user| user.home == home)
    }

    /// Ends what the user still runs.
    pub(crate) async fn end_processes(&self) -> Result<(), Trouble> {
        let uid = self.uid;
        if tokio::task::spawn_blocking(move || crate::shim::kill_user(uid)).await.unwrap_or(false) {
            return Ok(());
        }
        let message = format!("Processes of the user {} do not end.", self.name);
        Err(Trouble::new(FailureCode::Host, message))
    }

    /// Removes the user, who has to run nothing and to own nothing any more.
    pub(crate) async fn remove(self) -> Result<(), Trouble> {
        let _line = CHANGES.lock().await;
        self.end_processes().await?;
        change("userdel", &[], &[&self.name]).await
    }

    fn find(name: &str) -> Option<Self> {
        // Users made by useradd are in this file, whatever else the host asks for names.
        let users = fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| Self::parse(line).filter(|user| user.name == name))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name, uid, gid, home: fields.nth(1)?.to_owned() })
    }
}

/// The name to take, and the one to take when that is somebody else's. The end of the id is its random part.
fn names(server: ServerId, folder: &Path) -> [String; 2] {
    let id = server.0.simple().to_string();
    let digest = hex::encode(Sha256::digest(folder.to_string_lossy().as_bytes()));
    [format!("gh-{}", &id[id.len() - 8..]), format!("gh-{}", &digest[..8])]
}

async fn change(program: &str, options: &[&str], operands: &[&str]) -> Result<(), Trouble> {
    // Another program of the host's may hold the lock for a moment.
    let mut last = String::new();
    for _ in 0..3 {
        let mut command = Command::new(format!("/usr/sbin/{program}"));
        command.args(options).args(operands).stdin(Stdio::null()).kill_on_drop(true).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        match tokio::time::timeout(WITHIN, command.output()).await {
            Ok(Ok(output)) if output.status.success() => return Ok(()),
            Ok(Ok(output)) => last = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("no end after {} s", WITHIN.as_secs()),
        }
    }
    Err(Trouble::new(FailureCode::NotAllowed, format!("{program} did not work: {last}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_its_line() {
        let user = User::parse("gh-0a1b2c3d:x:998:997::/srv/files/x:/usr/sbin/nologin").unwrap();
        assert_eq!((user.uid, user.gid, user.home.as_str()), (998, 997, "/srv/files/x"));
        assert_eq!(User::parse("gh-0a1b2c3d:x:abc"), None);
    }
}
