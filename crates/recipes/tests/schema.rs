//! `recipes/recipe.schema.json` is the format's JSON schema, for editors that complete and check TOML.

use std::{fs, path::Path};

use guildhall_recipes::Recipe;

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/recipe.schema.json");
    let schema = schemars::schema_for!(Recipe);
    let current = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &current).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == current, "recipes/recipe.schema.json is stale; run this test with UPDATE_GOLDEN=1");
}
