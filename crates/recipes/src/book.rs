//! The recipes that a community can choose from: those of the operator's folder, then the shipped ones.

use std::{collections::BTreeMap, io::Read, path::Path};

use guildhall_core::{Error, Kind, suggest};

use crate::{MAX_BYTES, Recipe};

/// Files in the operator's folder beyond this many are left out, and said so in the log.
const MOST_RECIPES: usize = 1_000;

/// Recipes by name.
#[derive(Clone, Debug, Default)]
pub struct RecipeBook {
    recipes: BTreeMap<String, Recipe>,
}

/// A recipe that was left out of the book.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}; run `guildhall recipe lint` on it")]
pub struct LeftOut {
    /// Which.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl RecipeBook {
    /// The shipped recipes alone.
    pub fn shipped() -> (Self, Vec<LeftOut>) {
        let mut book = Self::default();
        let mut left_out = Vec::new();
        for (name, toml) in crate::shipped() {
            book.read(&format!("{name}.toml"), toml, &mut left_out);
        }
        (book, left_out)
    }

    /// The shipped recipes and those of a folder, which win where a name is the same. Recipes that do not
    /// pass lint are left out and listed.
    pub fn load(folder: Option<&Path>) -> (Self, Vec<LeftOut>) {
        let (mut book, mut left_out) = Self::shipped();
        let Some(folder) = folder else { return (book, left_out) };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                left_out.push(LeftOut { file: folder.display().to_string(), reason: error.to_string() });
                return (book, left_out);
            }
        };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        for path in paths.drain(MOST_RECIPES.min(paths.len())..) {
            let reason = format!("a folder of recipes holds at most {MOST_RECIPES}");
            left_out.push(LeftOut { file: path.display().to_string(), reason });
        }
        for path in paths {
            let file = path.display().to_string();
            match bounded(&path) {
                Ok(toml) => book.read(&file, &toml, &mut left_out),
                Err(error) => left_out.push(LeftOut { file, reason: error.to_string() }),
            }
        }
        (book, left_out)
    }

    /// A book of these recipes, for tests and for programs that make their own.
    pub fn of(recipes: impl IntoIterator<Item = Recipe>) -> Self {
        Self { recipes: recipes.into_iter().map(|recipe| (recipe.name.clone(), recipe)).collect() }
    }

    /// Every recipe, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Recipe> {
        self.recipes.values()
    }

    /// A recipe, or the three nearest names.
    pub fn find(&self, name: &str) -> Result<&Recipe, Error> {
        self.recipes.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(32).collect();
            let message = format!("There is no recipe called '{shown}'.");
            let near = suggest::nearest(&shown, self.recipes.keys().map(String::as_str), 3);
            let error = Error::new(Kind::NotFound, "recipe_not_found", message)
                .with("name", shown.as_str())
                .with("count", near.len())
                .with("near", near.join(", "));
            match near.as_slice() {
                [] => error.remedy("No recipes are loaded; the operator's log says why."),
                near => error.remedy(format!("Did you mean: {}?", near.join(", "))),
            }
        })
    }

    fn read(&mut self, file: &str, toml: &str, left_out: &mut Vec<LeftOut>) {
        match Recipe::parse(toml, file) {
            Ok(recipe) => {
                self.recipes.insert(recipe.name.clone(), recipe);
            }
            Err(problems) => {
                let reason = problems.first().map_or_else(|| "unreadable".to_owned(), ToString::to_string);
                left_out.push(LeftOut { file: file.to_owned(), reason });
            }
        }
    }
}

/// Reads one file, but not more of it than a recipe may have.
fn bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_recipe_is_in_the_book() {
        let (book, left_out) = RecipeBook::shipped();
        assert!(left_out.is_empty(), "{left_out:?}");
        assert_eq!(book.iter().count(), crate::shipped().len());
    }

    #[test]
    fn an_operators_folder_comes_first_and_what_is_wrong_in_it_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let own = include_str!("../../../recipes/bzflag.toml").replace("\"BZFlag\"", "\"Our Game\"");
        write("bzflag.toml", &own);
        write("broken.toml", "format = 1");
        write("huge.toml", &"#".repeat(MAX_BYTES + 1));
        write("notes.txt", "not a recipe");
        let (book, left_out) = RecipeBook::load(Some(folder.path()));
        assert_eq!(book.find("bzflag").unwrap().title, "Our Game");
        let mut files: Vec<_> = left_out.iter().map(|left| left.file.rsplit('/').next().unwrap()).collect();
        files.sort_unstable();
        assert_eq!(files, ["broken.toml", "huge.toml"]);
        let (book, left_out) = RecipeBook::load(Some(&folder.path().join("nowhere")));
        assert_eq!((left_out.len(), book.iter().count()), (1, crate::shipped().len()));
    }
}
