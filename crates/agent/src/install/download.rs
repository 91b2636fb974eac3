//! Downloads a file: over HTTPS only, bounded, into its place only when its digest is right.

use std::{io::Write as _, path::Path, time::Duration};

use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::{folder::Folder, trouble::Trouble};

/// The largest file.
const MAX_BYTES: u64 = 16 * 1024 * 1024 * 1024;
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a download may take.
const WITHIN: Duration = Duration::from_secs(7_200);

/// Fetches a file into the folder.
pub(super) async fn fetch(url: &str, sha256: Option<&str>, to: &str, folder: &Folder) -> Result<(), Trouble> {
    let address = url::Url::parse(url).map_err(|error| Trouble::bad_recipe(format!("'{url}': {error}")))?;
    if address.scheme() != "https" {
        return Err(Trouble::bad_recipe(format!("'{url}' is not an https address.")));
    }
    // Whoever was first to set up TLS in this process has done it with the same library.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::limited(5))
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(SILENCE)
        .timeout(WITHIN)
        .user_agent(concat!("guildhall-agent/", env!("CARGO_PKG_VERSION")))
        .build();
    let failed = |error: reqwest::Error| Trouble::install(format!("The download failed: {}", causes(&error)));
    let answer = client.map_err(failed)?.get(address).send().await.map_err(failed)?;
    let answer = answer.error_for_status().map_err(failed)?;
    if let Some(length) = answer.content_length() {
        within_bounds(length, to)?;
    }
    store(answer.bytes_stream().map(|piece| piece.map_err(failed)), sha256, to, folder).await
}

/// Writes a stream into a file, which takes its place only when the digest is right.
async fn store<B: AsRef<[u8]>>(
    pieces: impl Stream<Item = Result<B, Trouble>>,
    sha256: Option<&str>,
    to: &str,
    folder: &Folder,
) -> Result<(), Trouble> {
    let writing = |error| Trouble::io(&format!("writing {to}"), &error);
    let mut file = folder.begin(Path::new(to), false).map_err(writing)?;
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        bytes += piece.as_ref().len() as u64;
        within_bounds(bytes, to)?;
        digest.update(piece.as_ref());
        file.write_all(piece.as_ref()).map_err(writing)?;
    }
    let found = hex::encode(digest.finalize());
    if let Some(wanted) = sha256.filter(|wanted| !wanted.eq_ignore_ascii_case(&found)) {
        return Err(Trouble::install(format!(
            "The download of {to} is not what the recipe names: its SHA-256 is {found} and should be {wanted}. If the publisher has a new release, the recipe needs its digest."
        )));
    }
    file.finish().map_err(writing)
}

fn within_bounds(bytes: u64, to: &str) -> Result<(), Trouble> {
    if bytes <= MAX_BYTES {
        Ok(())
    } else {
        Err(Trouble::install(format!("The download of {to} is larger than {} GiB.", MAX_BYTES >> 30)))
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn pieces() -> impl Stream<Item = Result<&'static [u8], Trouble>> {
        stream::iter([Ok(&b"hello "[..]), Ok(&b"world"[..])])
    }

    #[tokio::test]
    async fn only_what_has_the_right_digest_takes_its_place() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(&outside.path().join("files"), None).unwrap();
        let digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        store(pieces(), Some(digest), "a/game", &folder).await.unwrap();
        assert_eq!(folder.text("a/game").unwrap().as_deref(), Some("hello world"));
        let wrong = store(pieces(), Some(&"0".repeat(64)), "a/other", &folder).await.unwrap_err();
        let failure = wrong.during(guildhall_link::message::Phase::Installing);
        assert!(failure.message.contains(digest), "{}", failure.message);
        assert!(!folder.holds("a/other") && !folder.holds("a/.other.part"));
        assert!(store(pieces(), None, "../game", &folder).await.is_err());
    }

    #[tokio::test]
    async fn only_https_is_spoken() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(&outside.path().join("files"), None).unwrap();
        for url in ["http://example.org/x", "file:///etc/passwd", "nonsense"] {
            assert!(fetch(url, None, "x", &folder).await.is_err());
        }
    }
}
