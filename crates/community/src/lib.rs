//! What a community sets for itself: ranks, settings, first set-up, help.
//!
//! Everything a community has set is one `book`, which is read through a `cache` and changed in one way
//! (`change`). `settings` reads and sets what any domain declares; `ranks` says who may do what; `config` is the
//! page, the first set-up and the files; `help` is written from the catalogue.

mod book;
mod cache;
mod change;
mod community;
mod config;
mod entity;
mod error;
mod help;
mod migration;
mod ranks;
mod redis;
mod settings;

use guildhall_core::{Operations, language::Locales};

pub use community::{Community, CommunityConfig};
pub use config::{
    ConfigDiff, ConfigExport, ConfigImport, ConfigOpen, ConfigSetup, DifferenceData, ExportData, Format,
    ImportData, PageData, SetupData, SetupPlan, SetupStep,
};
pub use error::{CommunityError, Misfit};
pub use help::{CommandData, Help, HelpData};
pub use migration::migrations;
pub use ranks::{
    AssignmentData, CommandName, CommandRank, ExplainData, RankAssign, RankCreate, RankData, RankDelete,
    RankEdit, RankExplain, RankList, RankName, RankRequire, RankUnassign, RankWhoami, RanksData,
    RequirementData, WhoamiData,
};
pub use settings::{
    ChangeData, ConfigGet, ConfigHistory, ConfigList, ConfigReset, ConfigSet, HistoryData, ListData, NATIVE,
    ResetData, SETTINGS, SettingData, SettingKey,
};

/// The messages of this domain's errors.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// Every operation on settings and ranks, and help.
pub fn operations() -> Operations<Community> {
    Operations::new()
        .with::<ConfigOpen>()
        .with::<ConfigSet>()
        .with::<ConfigGet>()
        .with::<ConfigList>()
        .with::<ConfigReset>()
        .with::<ConfigHistory>()
        .with::<ConfigSetup>()
        .with::<ConfigExport>()
        .with::<ConfigImport>()
        .with::<ConfigDiff>()
        .with::<RankList>()
        .with::<RankCreate>()
        .with::<RankEdit>()
        .with::<RankDelete>()
        .with::<RankAssign>()
        .with::<RankUnassign>()
        .with::<RankRequire>()
        .with::<RankWhoami>()
        .with::<RankExplain>()
        .with::<Help>()
        .completer("setting", settings::complete_key)
        .completer("rank", ranks::complete_rank)
        .completer("command", help::complete_command)
        .completer("help", help::complete_topic)
}
