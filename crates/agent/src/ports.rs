//! Free port numbers of the host.

use std::collections::BTreeSet;

use guildhall_recipes::recipe::Protocol;

use crate::sockets;

/// Numbers below are for the host's own services.
const FIRST: u16 = 1_024;

/// `count` port numbers that nobody uses and no server is meant to have: of the wanted ones those that are
/// free, and then the next ones above. Fewer when there are no more.
pub(crate) fn free(wanted: &[u16], count: usize, reserved: &BTreeSet<u16>) -> Vec<u16> {
    let mut taken: BTreeSet<u16> = sockets::taken(Protocol::Both).iter().map(sockets::Taken::port).collect();
    taken.extend(reserved);
    choose(wanted, count, &taken)
}

fn choose(wanted: &[u16], count: usize, taken: &BTreeSet<u16>) -> Vec<u16> {
    let is_free = |port: &u16| *port >= FIRST && !taken.contains(port);
    let mut chosen: Vec<u16> = Vec::new();
    let above = wanted.iter().copied().max().unwrap_or(FIRST).max(FIRST);
    for port in wanted.iter().copied().chain(above..=u16::MAX).chain(FIRST..above).filter(is_free) {
        if chosen.len() == count {
            break;
        }
        if !chosen.contains(&port) {
            chosen.push(port);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_numbers_come_first_and_the_next_ones_fill_up() {
        let taken = BTreeSet::from([25_565, 25_567]);
        assert_eq!(choose(&[25_565, 25_566], 2, &taken), [25_566, 25_568]);
        assert_eq!(choose(&[80], 1, &taken), [1_024], "not one of the host's own");
        assert_eq!(choose(&[], 2, &taken), [1_024, 1_025]);
        assert_eq!(choose(&[65_535], 2, &taken), [65_535, 1_024]);
    }
}
