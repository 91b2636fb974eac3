//! The text of a file, for an input that is one: `guildhall config diff FILE`, or `-` for standard input.

use std::{
    fs::File,
    io::{self, Read},
};

use guildhall_core::Kind;
use serde_json::Value;

use super::{FAILED, ending::Ending};
use crate::configuration::why;

/// Bytes that one character takes at most.
const WIDEST: u64 = 4;

/// Reads it, up to `most` characters.
pub fn text(path: &str, most: u64) -> Result<String, Ending> {
    let read = match path {
        "-" => bounded(io::stdin().lock(), most),
        path => File::open(path).and_then(|file| bounded(file, most)),
    };
    let shown = if path == "-" { "standard input" } else { path };
    let failed = |message: String, kind| Ending::error(FAILED, "unreadable_file", kind, message, Value::Null);
    match read {
        Ok(text) if text.chars().count() as u64 > most => Err(failed(
            format!("{shown}: is longer than {most} characters, which is all that fits."),
            Kind::User,
        )),
        Ok(text) => Ok(text),
        Err(error) => {
            let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::User };
            let message =
                format!("{shown}: {}. Give the path of a file, or - to read standard input.", why(&error));
            Err(failed(message, kind))
        }
    }
}

/// Never more than is needed to see that it is too much.
fn bounded(source: impl Read, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(most * WIDEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most * WIDEST {
        // Too long already, whatever is cut in the middle.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_what_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let told = |bytes: &[u8], most| {
            std::fs::write(&path, bytes).unwrap();
            text(path.to_str().unwrap(), most).map_err(|ending| ending.to_string())
        };
        assert_eq!(told("für".as_bytes(), 3), Ok("für".to_owned()));
        assert!(told("für x".as_bytes(), 3).unwrap_err().contains("longer than 3 characters"));
        assert!(told(&[b'x'; 5_000], 3).unwrap_err().contains("longer than 3 characters"));
        assert!(told(&[b'x', 0xFF], 3).unwrap_err().contains("it is not text"));
        assert!(text("/no/such/file", 3).unwrap_err().to_string().contains("there is no such file"));
        assert!(text("/", 3).unwrap_err().to_string().contains("it is a folder"));
    }
}
