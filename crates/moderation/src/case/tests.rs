use proptest::prelude::*;

use super::*;

#[test]
fn a_kind_has_one_word_everywhere() {
    for kind in CaseKind::all() {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        assert_eq!(sea_orm::ActiveEnum::to_value(&kind), kind.word());
    }
    for state in CaseState::iter() {
        assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        assert_eq!(sea_orm::ActiveEnum::to_value(&state), state.word());
    }
}

proptest! {
    #[test]
    fn unlocking_gives_back_exactly_what_locking_took(allow: u64, deny: u64, somebody_else: u64) {
        let everyone = RoleId(1);
        let before = Overwrite { target: 1, role: true, allow, deny: deny & !allow };
        let closed = locked(everyone, Some(&before));
        prop_assert_eq!(unlocked(everyone, Some(&before), Some(&closed)), before);
        let fresh = unlocked(everyone, None, Some(&locked(everyone, None)));
        prop_assert_eq!((fresh.allow, fresh.deny), (0, 0));
        // A bit that a lock does not touch stays as somebody else left it.
        let changed = Overwrite { deny: closed.deny | (somebody_else & !LOCKED), ..closed };
        let after = unlocked(everyone, Some(&before), Some(&changed));
        prop_assert_eq!(after.deny & !LOCKED, changed.deny & !LOCKED);
    }
}
