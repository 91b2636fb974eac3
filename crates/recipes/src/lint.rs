//! What a recipe must keep beyond its types.

use crate::recipe::Recipe;

pub(crate) fn lint(_recipe: &Recipe) -> Vec<(String, String)> {
    Vec::new()
}
