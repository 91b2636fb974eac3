//! Small files that are there as a whole or not at all, whatever moment the agent or the machine dies in.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use guildhall_core::ServerId;
use serde::{Serialize, de::DeserializeOwned};

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
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&serde_json::to_vec(content)?)?;
    file.sync_data()?;
    fs::rename(&part, path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads a file; `None` when there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
