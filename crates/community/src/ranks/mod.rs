//! Ranks: their names, which role gives which, and what each command asks for.
//!
//! A community has the ranks 0 to 10: 0 to 7 are always there and can be renamed, 8 and 9 can be made. Rank 10 is
//! who runs the installation; no role gives it and no community renames it.

mod assign;
mod explain;
mod ladder;
mod permission;
mod require;
mod standing;

pub(crate) use ladder::{complete_rank, find, ladder, name_of};
pub(crate) use standing::Shapes;

pub use assign::{AssignmentData, RankAssign, RankUnassign};
pub use explain::{ExplainData, RankExplain, RankWhoami, WhoamiData};
pub use ladder::{RankCreate, RankData, RankDelete, RankEdit, RankList, RankName, RanksData};
pub use require::{CommandName, CommandRank, RankRequire, RequirementData};
