//! "Did you mean …?": the nearest names to one that does not exist.

/// The up to `most` candidates nearest to `wrong`, nearest first. Candidates that share nothing with it
/// are still listed when there is nothing better: a person who mistyped wants to see what exists.
pub fn nearest<'a, I>(wrong: &str, candidates: I, most: usize) -> Vec<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wrong = wrong.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let likeness = strsim::jaro_winkler(&wrong, &candidate.to_lowercase());
            let contained = if candidate.to_lowercase().contains(&wrong) { 0.5 } else { 0.0 };
            (likeness + contained, candidate)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(most).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_three_nearest_names_come_first() {
        let names = ["creative", "survival", "survival-2", "lobby", "skyblock"];
        assert_eq!(nearest("survivel", names, 3), ["survival", "survival-2", "creative"]);
    }
}
