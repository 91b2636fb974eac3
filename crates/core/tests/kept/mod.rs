//! An audit log in memory that hears of errors as well.

use std::sync::Mutex;

use async_trait::async_trait;
use guildhall_core::{
    Error,
    audit::{AuditLog, Record},
    incident::{Observer, Occurrence},
};

#[derive(Default)]
pub struct Kept {
    pub records: Mutex<Vec<Record>>,
    pub noticed: Mutex<Vec<Occurrence>>,
}

#[async_trait]
impl AuditLog for Kept {
    async fn record(&self, record: Record) -> Result<(), Error> {
        self.records.lock().unwrap().push(record);
        Ok(())
    }
}

impl Observer for Kept {
    fn notice(&self, occurrence: Occurrence) {
        self.noticed.lock().unwrap().push(occurrence);
    }
}
