//! Where the test kit may step in: before an effect, after it, and after the journal has it.

use crate::table::EntryKind;

/// A place in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The effect, the undo or the wait is about to begin.
    Before,
    /// The effect has begun; a crash here cuts it off at its first wait.
    During,
    /// The effect or the undo has happened, the journal does not know yet.
    After,
    /// The journal has it.
    Kept,
}

/// One moment of a flow.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "testkit"), expect(dead_code, reason = "only the test kit looks"))]
pub(crate) struct Point<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: EntryKind,
    pub(crate) undo: bool,
    pub(crate) place: Place,
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing out of the ordinary.
    None,
    /// The step, the undo or the wait fails.
    Fail,
    /// The program ends.
    Crash,
}

/// Decides what happens where.
pub(crate) trait Faults: Send + Sync {
    fn meet(&self, point: Point<'_>) -> Fault;
}
