//! Secrets at rest: a recipe's secret variables are kept sealed in the store, with a key that is kept elsewhere.
//!
//! A sealed value (XChaCha20-Poly1305) is bound to its community, server and variable: copied to another row or
//! name it cannot be opened. What was kept in plain by an earlier version is read, and sealed with the next change.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretBox};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A key's length, in bytes.
const KEY: usize = 32;
/// A nonce's length, in bytes: long enough to be drawn by chance for every value.
const NONCE: usize = 24;
/// More than a key file holds, in bytes.
const KEY_FILE: u64 = 256;

/// The key with which secrets are kept. Cheap to clone; never shown.
#[derive(Clone, Debug)]
pub struct SecretsKey(Arc<SecretBox<[u8; KEY]>>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("{0}: {1}; the key file has to be readable and writable for Guildhall alone")]
    Io(String, #[source] io::Error),
    /// The file holds something else.
    #[error(
        "{0} is not a key: it is the base64 text of 32 bytes; put the right file back, or move this one away"
    )]
    NotAKey(String),
}

impl SecretsKey {
    /// A key from its bytes.
    pub fn new(bytes: SecretBox<[u8; KEY]>) -> Self {
        Self(Arc::new(bytes))
    }

    /// A new key.
    pub fn generate() -> Self {
        let mut bytes = Box::new([0; KEY]);
        rand::rng().fill_bytes(bytes.as_mut());
        Self::new(SecretBox::new(bytes))
    }

    /// The key in a file; the first time, the file is made with a new one, readable by its owner only. Whoever
    /// loses the file loses the secrets, so it belongs into the backup, but not beside the database's.
    pub fn of_file(path: &Path) -> Result<Self, KeyFileError> {
        let wrong = |error| KeyFileError::Io(path.display().to_string(), error);
        match File::open(path) {
            Ok(file) => return Self::read(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(wrong(error)),
        }
        // Another process may do the same in this moment: whoever links first has made the key for both.
        let part = path.with_extension(format!("part-{}", Uuid::new_v4().simple()));
        let made = Self::generate().write(&part).and_then(|()| match fs::hard_link(&part, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
        let _ = fs::remove_file(&part);
        made.map_err(wrong)?;
        Self::read(File::open(path).map_err(wrong)?, path)
    }

    fn read(file: File, path: &Path) -> Result<Self, KeyFileError> {
        let mut text = String::new();
        file.take(KEY_FILE)
            .read_to_string(&mut text)
            .map_err(|error| KeyFileError::Io(path.display().to_string(), error))?;
        let bytes = BASE64.decode(text.trim()).ok().and_then(|bytes| <[u8; KEY]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| KeyFileError::NotAKey(path.display().to_string()))?;
        Ok(Self::new(SecretBox::new(Box::new(bytes))))
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", BASE64.encode(self.0.expose_secret()))?;
        file.sync_all()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }

    /// Seals a value. `None` only for a value larger than any that fits into a variable.
    fn seal(&self, bound: &[u8], text: &str) -> Option<String> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: text.as_bytes(), aad: bound };
        let mut sealed = nonce.to_vec();
        sealed.extend(self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?);
        Some(BASE64.encode(sealed))
    }

    /// Opens what was sealed; `None` when it is another key's, another place's, or was changed.
    fn open(&self, bound: &[u8], sealed: &str) -> Option<String> {
        let sealed = BASE64.decode(sealed).ok()?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: text, aad: bound };
        String::from_utf8(self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }
}

/// Whose variables are kept.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Of which community.
    pub tenant: &'a str,
    /// Of which server.
    pub server: Uuid,
}

impl Owner<'_> {
    fn bound(&self, variable: &str) -> Vec<u8> {
        // None of the parts can hold a NUL, so no two places have the same bytes.
        format!("guildhall secret 1\0{}\0{}\0{variable}", self.tenant, self.server).into_bytes()
    }
}

/// A variable's value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// As it is.
    Plain(String),
    /// Encrypted: base64 of nonce and sealed text.
    Sealed {
        /// The text.
        sealed: String,
    },
}

impl Kept {
    /// A value that is no secret.
    pub fn plain(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }

    /// A secret. An installation without a key keeps it in plain.
    pub fn secret(key: Option<&SecretsKey>, owner: Owner<'_>, variable: &str, text: &str) -> Self {
        match key.and_then(|key| key.seal(&owner.bound(variable), text)) {
            Some(sealed) => Self::Sealed { sealed },
            None => Self::plain(text),
        }
    }

    /// The value; what is sealed with another key is given back as it is.
    pub fn read(self, key: Option<&SecretsKey>, owner: Owner<'_>, variable: &str) -> Result<String, Self> {
        match &self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Sealed { sealed } => {
                key.and_then(|key| key.open(&owner.bound(variable), sealed)).ok_or(self)
            }
        }
    }
}

#[cfg(test)]
mod tests;
