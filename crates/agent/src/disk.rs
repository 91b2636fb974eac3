//! Small files that are there as a whole or not at all, whatever moment the agent or the machine dies in.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use guildhall_core::ServerId;
use rustix::fs::FallocateFlags;
use serde::{Serialize, de::DeserializeOwned};

/// Room that is set aside for what the control plane wants, in bytes: a stop has to be taken in on a full disk.
const SPARE: u64 = 1024 * 1024;

/// Where the agent keeps what.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    data: PathBuf,
}

impl Layout {
    /// Makes the folders. Only `files` is for the games' users to pass through.
    pub(crate) fn create(data: &Path) -> io::Result<Self> {
        let data = std::path::absolute(data)?;
        fs::create_dir_all(&data)?;
        let layout = Self { data };
        private_folder(&layout.servers())?;
        fs::DirBuilder::new().recursive(true).mode(0o711).create(layout.files())?;
        fs::set_permissions(layout.files(), fs::Permissions::from_mode(0o711))?;
        Ok(layout)
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.data.join("agent.lock")
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.data.join("events.jsonl")
    }

    pub(crate) fn removed(&self) -> PathBuf {
        self.data.join("removed.json")
    }

    pub(crate) fn spare(&self) -> PathBuf {
        self.data.join("spare")
    }

    pub(crate) fn npm_cache(&self) -> PathBuf {
        self.data.join("npm-cache")
    }

    pub(crate) fn servers(&self) -> PathBuf {
        self.data.join("servers")
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.data.join("files")
    }

    pub(crate) fn server(&self, id: ServerId) -> PathBuf {
        self.servers().join(id.to_string())
    }

    pub(crate) fn desired(&self, id: ServerId) -> PathBuf {
        self.server(id).join("desired.json")
    }

    pub(crate) fn record(&self, id: ServerId) -> PathBuf {
        self.server(id).join("record.json")
    }

    pub(crate) fn runtime(&self, id: ServerId) -> PathBuf {
        self.server(id).join("run")
    }

    /// The server's own folder: what the game sees.
    pub(crate) fn folder(&self, id: ServerId) -> PathBuf {
        self.files().join(id.to_string())
    }
}

/// Makes a folder for nobody but the agent's user.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Replaces a file. Once this has returned, the new content outlives a power cut.
pub(crate) fn write<T: Serialize>(path: &Path, content: &T) -> io::Result<()> {
    let part = path.with_extension("part");
    let bytes = serde_json::to_vec(content)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let written =
        file.write_all(&bytes).and_then(|()| file.sync_data()).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // On a full disk, half a file would take the room that the next one needs.
        let _ = fs::remove_file(&part);
    }
    written?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Room on the disk that is set aside, and given up when a file must be written and the disk is full.
pub(crate) struct Spare(PathBuf);

impl Spare {
    /// Sets the room aside. On a disk that is full already there is none to set aside; it is tried again
    /// after each use.
    pub(crate) fn keep(path: PathBuf) -> Self {
        let spare = Self(path);
        spare.refill();
        spare
    }

    /// Does something that writes; once more, with the spare room, when the disk was full.
    pub(crate) fn write(&self, write: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let outcome = match write() {
            Err(error) if is_full(&error) && fs::remove_file(&self.0).is_ok() => write(),
            outcome => outcome,
        };
        self.refill();
        outcome
    }

    fn refill(&self) {
        if self.0.exists() {
            return;
        }
        let refilled = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.0)
            .and_then(|file| Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, SPARE)?));
        if let Err(error) = refilled {
            tracing::debug!(%error, "no room can be set aside");
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Reads a file; `None` when there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
