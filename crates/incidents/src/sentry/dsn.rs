//! Where Sentry is: <https://develop.sentry.dev/sdk/foundations/transport/authentication/>.

use url::Url;

use crate::BadConfig;

pub(crate) struct Dsn {
    pub(crate) envelope: Url,
    key: String,
}

impl Dsn {
    /// Reads `https://key@host/path/project`.
    pub(crate) fn read(text: &str) -> Result<Self, BadConfig> {
        let mut url: Url = text.trim().parse().map_err(|_| BadConfig::Dsn("it is no address"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(BadConfig::Dsn("it does not begin with https://"));
        }
        let key = url.username().to_owned();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadConfig::Dsn("it has no key before the @"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        let (before, project) = path.rsplit_once('/').unwrap_or(("", ""));
        if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadConfig::Dsn("it does not end with a project"));
        }
        let envelope = format!("{before}/api/{project}/envelope/");
        // Only an address that cannot have a user refuses these, and this one had one.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(&envelope);
        Ok(Self { envelope: url, key })
    }

    /// The header `X-Sentry-Auth`.
    pub(crate) fn authorization(&self) -> String {
        format!(
            "Sentry sentry_version=7, sentry_client=guildhall/{}, sentry_key={}",
            env!("CARGO_PKG_VERSION"),
            self.key
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dsn_says_where_and_with_which_key() {
        let dsn = Dsn::read("https://abc123@sentry.example.org:9000/prefix/42").ok().unwrap();
        assert_eq!(dsn.envelope.as_str(), "https://sentry.example.org:9000/prefix/api/42/envelope/");
        assert!(dsn.authorization().ends_with("sentry_key=abc123"));
        let old = Dsn::read("https://abc:secret@o1.ingest.sentry.io/7").ok().unwrap();
        assert_eq!(old.envelope.as_str(), "https://o1.ingest.sentry.io/api/7/envelope/");
    }

    #[test]
    fn what_is_wrong_with_a_dsn_is_said_without_it() {
        for wrong in
            ["", "abc", "ftp://a@b/1", "https://b/1", "https://a@b/", "https://a%20b@c/1", "https://a@b/x y"]
        {
            let error = Dsn::read(wrong).err().unwrap().to_string();
            assert!(wrong.is_empty() || !error.contains(wrong) || wrong == "abc", "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(https://)?[a-z0-9@:/. ]{0,40}") {
            let _ = Dsn::read(&text);
        }
    }
}
