//! A PostgreSQL cluster for one test process, on a Unix socket in a temporary folder.
//!
//! A small shell holds the server's life: it waits for the end of its standard input, which the test process
//! holds open, and then stops the server and removes the folder. However the test process ends, killed
//! included, nothing of the cluster stays behind.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectionTrait, Database};
use tokio::sync::OnceCell;

pub(super) struct Cluster {
    pub(super) folder: PathBuf,
    port: Option<u16>,
    databases: AtomicU32,
    _life: ChildStdin,
}

static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();

/// This process's cluster, or `None` where PostgreSQL is not installed.
pub(super) async fn shared() -> Option<&'static Cluster> {
    let start = || async { Cluster::start(Settings::default()).await.expect("the cluster starts") };
    CLUSTER.get_or_init(start).await.as_ref()
}

/// What is different about a cluster.
#[derive(Default)]
pub(super) struct Settings {
    /// More lines of `postgresql.conf`.
    pub(super) lines: String,
    /// The port, which is also part of the socket's name.
    pub(super) port: Option<u16>,
    /// Files in its folder that only the server may read, by name.
    pub(super) files: Vec<(&'static str, String)>,
}

impl Cluster {
    /// Starts one; `None` where PostgreSQL is not installed, and what it said when it does not start.
    pub(super) async fn start(settings: Settings) -> Result<Option<Self>, String> {
        tokio::task::spawn_blocking(move || start(&settings)).await.expect("starting does not panic")
    }

    /// The address of a database that nobody has used.
    pub(super) async fn fresh_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let admin = Database::connect(self.address("postgres")).await.expect("the cluster answers");
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database is created");
        admin.close().await.expect("the connection closes");
        self.address(&name)
    }

    fn address(&self, database: &str) -> String {
        // A socket's folder goes where a host would, with its slashes escaped.
        let host = self.folder.display().to_string().replace('/', "%2F");
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("postgres://guildhall@{host}{port}/{database}")
    }
}

/// What the shell runs: `$1` is PostgreSQL's programs, `$2` the cluster's folder, the rest drops root.
const LIFE: &str = r#"
bin=$1 folder=$2; shift 2
trap '' INT TERM HUP
"$@" "$bin/initdb" -D "$folder/data" -U guildhall -A trust -E UTF8 --locale=C -N >"$folder/log" 2>&1 || {
    cat "$folder/log"; rm -rf "$folder"; exit 1; }
printf '%s\n' "$SETTINGS" >>"$folder/data/postgresql.conf"
"$@" "$bin/postgres" -D "$folder/data" -k "$folder" -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=off -c max_connections=300 -c shared_buffers=32MB -c autovacuum=off \
    -c log_min_messages=warning >>"$folder/log" 2>&1 </dev/null &
server=$!
while ! "$bin/pg_isready" -q -h "$folder" -U guildhall; do
    kill -0 $server 2>/dev/null || { cat "$folder/log"; rm -rf "$folder"; exit 1; }
    sleep 0.05
done
echo ready
exec >/dev/null
read -r _
kill -QUIT $server
wait $server
rm -rf "$folder"
"#;

fn start(settings: &Settings) -> Result<Option<Cluster>, String> {
    let Some(programs) = newest_programs() else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "PostgreSQL is not installed; install Debian's postgresql"
        );
        println!("skipped on PostgreSQL, because it is not installed (Debian's postgresql)");
        return Ok(None);
    };
    let folder =
        tempfile::Builder::new().prefix("guildhall-pg-").tempdir().expect("a temporary folder").keep();
    let user = other_user();
    for (name, text) in &settings.files {
        private_file(&folder.join(name), text, user);
    }
    let mut command = Command::new("sh");
    command.env("SETTINGS", format!("listen_addresses = ''\n{}", settings.lines));
    if let Some(port) = settings.port {
        command.env("PGPORT", port.to_string());
    }
    command.args(["-c", LIFE, "cluster"]).arg(&programs).arg(&folder);
    if let Some(user) = user {
        // PostgreSQL refuses to run as root.
        std::os::unix::fs::chown(&folder, Some(user.0), Some(user.1)).expect("root may give a folder away");
        command.args(["setpriv", "--clear-groups"]);
        command.args([format!("--reuid={}", user.0), format!("--regid={}", user.1), "--".to_owned()]);
    } else {
        command.arg("env");
    }
    // A group of its own: a test runner that kills the test's group must leave the shell to clean up.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[expect(
        clippy::zombie_processes,
        reason = "the shell outlives this process, which therefore cannot wait"
    )]
    let mut shell = command.spawn().expect("sh runs");
    let life = shell.stdin.take().expect("standard input is a pipe");
    let mut said = BufReader::new(shell.stdout.take().expect("standard output is a pipe"));
    let mut lines = String::new();
    while !lines.ends_with("ready\n") {
        let read = said.read_line(&mut lines).expect("the shell says text");
        if read == 0 {
            return Err(format!("PostgreSQL did not start:\n{lines}"));
        }
    }
    Ok(Some(Cluster { folder, port: settings.port, databases: AtomicU32::new(0), _life: life }))
}

/// Writes a file that only its owner may read, and gives it to whom the server runs as.
fn private_file(path: &Path, text: &str, owner: Option<(u32, u32)>) {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};

    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the cluster's folder takes files");
    if let Some(owner) = owner {
        std::os::unix::fs::chown(path, Some(owner.0), Some(owner.1)).expect("root may give a file away");
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.flatten().map(|entry| entry.path()).max_by_key(|path| number(path))?;
    let programs = newest.join("bin");
    programs.join("initdb").exists().then_some(programs)
}

/// Whom to run PostgreSQL as when this is root: `postgres`, or else `nobody`.
fn other_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;

    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}
