//! Counts by the hour as a line of bars.

/// Hours that a trend shows.
pub(crate) const HOURS: usize = 24;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar a count, the highest for the largest. Anything is higher than nothing.
pub(crate) fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| match count {
        0 => BARS[0],
        count => {
            // Rounded up, in 128 bits, so that no count is too large for it: at most 7.
            let step = (u128::from(*count) * 7).div_ceil(u128::from(most));
            BARS[usize::try_from(step).unwrap_or(7).min(7)]
        }
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_share_of_the_largest() {
        assert_eq!(bars(&[0, 1, 7, 4]), "▁▂█▅");
        assert_eq!(bars(&[0, 0]), "▁▁");
        assert_eq!(bars(&[1, u64::MAX]), "▂█");
    }
}
