//! The recipes that come with Guildhall are read, clean, and come back from TOML as they were.

use guildhall_recipes::{Patterns, Recipe, shipped};

#[test]
fn every_shipped_recipe_is_clean() {
    for (name, text) in shipped() {
        let recipe = Recipe::parse(text, &format!("{name}.toml")).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(recipe.name, *name, "the file has the recipe's name");
        Patterns::compile(&recipe).expect("its patterns compile");
        let again = recipe.to_toml().expect("it is written");
        assert_eq!(Recipe::parse(&again, name).expect("it is read again"), recipe);
        let json = serde_json::to_string(&recipe).expect("it is sent");
        assert_eq!(serde_json::from_str::<Recipe>(&json).expect("it arrives"), recipe);
    }
}
