//! Passwords and tokens that Guildhall makes for itself, one file each, readable by its own user alone.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};

/// A folder of secrets.
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// Opens the folder, making it when it is not there.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// The secret of this name, made at the first call.
    pub fn get_or_make(&self, name: &str) -> io::Result<SecretString> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(text.trim().to_owned().into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Two random ids: 244 bits that no clock gives away.
                let secret = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
                self.keep(name, &secret.clone().into())?;
                Ok(secret.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there is a secret of this name.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Keeps a secret, over an older one of that name.
    pub fn keep(&self, name: &str, secret: &SecretString) -> io::Result<()> {
        write_private(&self.path(name), secret.expose_secret())
    }

    /// Every secret in the folder, for what must not tell them.
    pub fn all(&self) -> Vec<SecretString> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let texts = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok());
        texts.map(|text| text.trim().to_owned().into()).collect()
    }

    /// Where the secret of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_stays_the_same_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path().join("secrets")).unwrap();
        let first = secrets.get_or_make("broker").unwrap();
        let second = secrets.get_or_make("broker").unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        assert!(first.expose_secret().len() >= 64);
        let mode = fs::metadata(secrets.path("broker")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
