//! What is sealed opens for its owner alone, and key files are made once.

use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

const OWNER: Owner<'_> = Owner { tenant: "guild", server: Uuid::nil() };

#[test]
fn a_sealed_value_opens_in_its_own_place_only() {
    let key = SecretsKey::generate();
    let sealed = Kept::secret(Some(&key), OWNER, "password", "hunter2");
    assert!(!serde_json::to_string(&sealed).unwrap().contains("hunter2"));
    assert_eq!(sealed.clone().read(Some(&key), OWNER, "password").as_deref(), Ok("hunter2"));
    let elsewhere = [
        (&key, Owner { tenant: "others", ..OWNER }, "password"),
        (&key, Owner { server: Uuid::from_u128(1), ..OWNER }, "password"),
        (&key, OWNER, "admin_password"),
        (&SecretsKey::generate(), OWNER, "password"),
    ];
    for (key, owner, variable) in elsewhere {
        assert!(sealed.clone().read(Some(key), owner, variable).is_err());
    }
    assert!(sealed.clone().read(None, OWNER, "password").is_err());
    let again = Kept::secret(Some(&key), OWNER, "password", "hunter2");
    assert_ne!(sealed, again, "nobody can tell that two secrets are the same");
}

#[test]
fn plain_values_of_before_are_read() {
    let old: Kept = serde_json::from_str("\"hunter2\"").unwrap();
    assert_eq!(old.read(Some(&SecretsKey::generate()), OWNER, "password").as_deref(), Ok("hunter2"));
}

#[test]
fn a_key_file_is_made_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.key");
    let keys: Vec<SecretsKey> = std::thread::scope(|scope| {
        let open = || SecretsKey::of_file(&path).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = keys[0].0.expose_secret();
    assert!(keys.iter().all(|key| key.0.expose_secret() == first), "all have the one key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    assert!(!format!("{:?}", keys[0]).contains(&format!("{:?}", first[0..4].to_vec())));

    for wrong in ["", "hunter2", &BASE64.encode([0; 31])] {
        fs::write(&path, wrong).unwrap();
        assert!(matches!(SecretsKey::of_file(&path), Err(KeyFileError::NotAKey(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), wrong, "it is never overwritten");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_and_any_change_is_seen(text in any::<String>(), at in any::<prop::sample::Index>()) {
        let key = SecretsKey::generate();
        let bound = OWNER.bound("password");
        let sealed = key.seal(&bound, &text).unwrap();
        prop_assert_eq!(key.open(&bound, &sealed), Some(text));
        let mut bytes = BASE64.decode(&sealed).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        prop_assert_eq!(key.open(&bound, &BASE64.encode(bytes)), None);
    }

    #[test]
    fn nothing_that_is_stored_breaks_the_reader(stored in any::<String>()) {
        prop_assert_eq!(SecretsKey::generate().open(b"x", &stored), None);
    }
}
