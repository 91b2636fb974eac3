//! Configuring by conversation: the page, the first set-up, and the configuration as a file.

mod file;
mod format;
mod page;
mod setup;
mod transfer;

pub use file::Format;
pub use page::{ConfigOpen, PageData};
pub use setup::{ConfigSetup, SetupData, SetupPlan, SetupStep};
pub use transfer::{ConfigDiff, ConfigExport, ConfigImport, DifferenceData, ExportData, ImportData};
