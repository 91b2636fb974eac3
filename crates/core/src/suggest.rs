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

/// Those of the up to `most` nearest that may really have been meant: none where nothing is like it.
pub fn likely<'a, I>(wrong: &str, candidates: I, most: usize) -> Vec<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wrong = wrong.to_lowercase();
    let alike = |name: &&str| {
        let name = name.to_lowercase();
        (!wrong.is_empty() && name.contains(&wrong)) || strsim::jaro_winkler(&wrong, &name) >= ALIKE
    };
    nearest(&wrong, candidates, most).into_iter().filter(alike).collect()
}

/// How alike two names are, of 1, for one to be meant with the other.
const ALIKE: f64 = 0.8;

#[cfg(test)]
mod tests;
