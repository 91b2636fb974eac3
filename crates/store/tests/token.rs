//! API tokens: a secret shown once, honoured until it expires or is revoked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Face, ManualClock, Rank, SystemClock, TenantId,
    language::{Language, Texts},
    permission::Tokens,
};
use guildhall_store::{LOCALES, NewToken, TokenStore, testkit};
use proptest::{prelude::*, test_runner::TestRunner};

fn new(name: &str) -> NewToken {
    NewToken { name: name.to_owned(), rank: Rank::ADMIN, scope: None, expires: None }
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_secret_stands_for_its_holder() {
    for store in testkit::stores(Vec::new).await {
        let tokens = TokenStore::new(store.store(), Arc::new(SystemClock));
        let scope = Some(vec!["server".to_owned()]);
        let secret =
            tokens.create(&tenant("ours"), NewToken { scope: scope.clone(), ..new("ci") }).await.unwrap();
        let holder = tokens.holder(&secret).await.unwrap().unwrap();
        assert_eq!(holder.tenant, tenant("ours"), "on {}", store.name);
        assert_eq!((holder.id.as_str(), holder.name.as_str(), holder.face), ("token:ci", "ci", Face::Rest));
        assert_eq!((holder.rank, holder.scope), (Rank::ADMIN, scope));
        let mut wrong = secret.clone();
        wrong.replace_range(secret.len() - 1.., if secret.ends_with('0') { "1" } else { "0" });
        assert_eq!(tokens.holder(&wrong).await.unwrap(), None, "on {}", store.name);
    }
}

#[tokio::test]
async fn a_secret_is_nowhere_in_the_database() {
    for store in testkit::stores(Vec::new).await {
        let tokens = TokenStore::new(store.store(), Arc::new(SystemClock));
        let secret = tokens.create(&tenant("ours"), new("ci")).await.unwrap();
        let kept = store.everything().await;
        let holds = |needle: &[u8]| kept.windows(needle.len()).any(|bytes| bytes == needle);
        assert!(holds(b"ours"), "the row is there, on {}", store.name);
        let digits = secret.trim_start_matches("gh_");
        assert!(!holds(digits.as_bytes()) && !holds(&hex::decode(digits).unwrap()), "on {}", store.name);
    }
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked() {
    for store in testkit::stores(Vec::new).await {
        let clock = Arc::new(ManualClock::default());
        let tokens = TokenStore::new(store.store(), clock.clone());
        let expires = Some(clock.now() + Duration::from_secs(60));
        let short = tokens.create(&tenant("ours"), NewToken { expires, ..new("short") }).await.unwrap();
        let long = tokens.create(&tenant("ours"), new("long")).await.unwrap();
        assert!(tokens.holder(&short).await.unwrap().is_some(), "on {}", store.name);
        clock.advance(Duration::from_secs(60));
        assert!(tokens.holder(&short).await.unwrap().is_none(), "on {}", store.name);

        assert!(!tokens.revoke(&tenant("theirs"), "long").await.unwrap(), "on {}", store.name);
        assert!(tokens.holder(&long).await.unwrap().is_some(), "on {}", store.name);
        assert!(tokens.revoke(&tenant("ours"), "long").await.unwrap(), "on {}", store.name);
        assert!(tokens.holder(&long).await.unwrap().is_none(), "on {}", store.name);
        assert!(!tokens.revoke(&tenant("ours"), "long").await.unwrap(), "on {}", store.name);

        let listed = tokens.list(&tenant("ours")).await.unwrap();
        assert_eq!(listed.len(), 2, "on {}", store.name);
        assert_eq!(listed.iter().filter(|token| token.revoked.is_some()).count(), 1, "on {}", store.name);
        assert!(tokens.list(&tenant("theirs")).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_name_is_given_once_until_it_is_revoked() {
    for store in testkit::stores(Vec::new).await {
        let tokens = TokenStore::new(store.store(), Arc::new(SystemClock));
        let first = tokens.create(&tenant("ours"), new("ci")).await.unwrap();
        let refused = tokens.create(&tenant("ours"), new("ci")).await.unwrap_err();
        assert_eq!(refused.code, "token_exists", "on {}", store.name);
        tokens.create(&tenant("theirs"), new("ci")).await.unwrap();
        tokens.revoke(&tenant("ours"), "ci").await.unwrap();
        let second = tokens.create(&tenant("ours"), new("ci")).await.unwrap();
        assert!(tokens.holder(&first).await.unwrap().is_none(), "on {}", store.name);
        assert!(tokens.holder(&second).await.unwrap().is_some(), "on {}", store.name);
        for name in ["", &"x".repeat(65), "a\nb"] {
            let refused = tokens.create(&tenant("ours"), new(name)).await.unwrap_err();
            assert_eq!(refused.code, "invalid_input");
            let german = Texts::new(&[LOCALES]).unwrap();
            let german = german.translate(&refused, Language::German);
            let expected = ("name", "besteht nicht aus 1 bis 64 sichtbaren Zeichen.");
            assert_eq!(german.fields().collect::<Vec<_>>(), [expected]);
        }
    }
}

#[test]
fn no_text_is_a_secret_by_chance() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for store in runtime.block_on(testkit::stores(Vec::new)) {
        let tokens = TokenStore::new(store.store(), Arc::new(SystemClock));
        runtime.block_on(tokens.create(&tenant("ours"), new("ci"))).unwrap();
        let text = prop_oneof![any::<String>(), "gh_[0-9a-f]{64}", "gh_\\PC{0,80}"];
        let mut runner = TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
        let none = runner.run(&text, |text| {
            prop_assert_eq!(runtime.block_on(tokens.holder(&text)).unwrap(), None);
            Ok(())
        });
        none.unwrap_or_else(|error| panic!("on {}: {error}", store.name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_moment_keeps_its_microseconds_and_its_order(a in any::<i64>(), b in any::<i64>()) {
        use guildhall_store::Timestamp;

        // The years 0 to 9999.
        let clamp = |micros: i64| micros.rem_euclid(253_402_300_800_000_000);
        let (one, other) = (Timestamp::from_micros(clamp(a)), Timestamp::from_micros(clamp(b)));
        prop_assert_eq!(Timestamp::from(one.time()), one);
        prop_assert_eq!(one.cmp(&other), one.time().cmp(&other.time()));
        let _ = Timestamp::from_micros(a).time();
    }
}
