//! Fresh stores for tests, one on each database.
//!
//! ```
//! # async fn example() {
//! for store in guildhall_store::testkit::stores(Vec::new).await {
//!     println!("on {}", store.name);
//!     let tx = store.begin().await.unwrap();
//!     tx.commit().await.unwrap();
//! }
//! # }
//! ```

mod cluster;
mod contents;
mod tls;

use std::{ops::Deref, sync::Arc};

use sea_orm_migration::MigrationTrait;
use tempfile::TempDir;

use crate::{Options, Store};
pub use tls::TlsServer;

/// A store of its own. What is under it goes away with it.
pub struct TestStore {
    /// `SQLite` or `PostgreSQL`, for messages.
    pub name: &'static str,
    /// Its address, for a second store on the same database.
    pub address: String,
    store: Store,
    _folder: Option<Arc<TempDir>>,
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// The store, to keep.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// A second set of connections to the same database, as another process would have.
    pub async fn again(&self, migrations: Vec<Box<dyn MigrationTrait>>) -> Store {
        open(&self.address, migrations).await
    }

    /// Every byte that the database holds, to look for what must not be in it.
    pub async fn everything(&self) -> Vec<u8> {
        contents::of(&self.store, &self.address).await
    }
}

/// One fresh store on SQLite and one on PostgreSQL, with these tables.
///
/// The PostgreSQL cluster is this process's own: started on first use from Debian's packages, gone with the
/// process. Where PostgreSQL is not installed only SQLite's is given, with a line that says so; under `CI=true`
/// that is a panic, because there nobody reads the line.
pub async fn stores(migrations: impl Fn() -> Vec<Box<dyn MigrationTrait>>) -> Vec<TestStore> {
    let mut stores = vec![sqlite(migrations()).await];
    stores.extend(postgres(migrations()).await);
    stores
}

/// One fresh store on SQLite.
pub async fn sqlite(migrations: Vec<Box<dyn MigrationTrait>>) -> TestStore {
    let folder = TempDir::with_prefix("guildhall-test-").expect("a folder for temporary files");
    let address = format!("sqlite://{}/test.db", folder.path().display());
    let store = open(&address, migrations).await;
    TestStore { name: "SQLite", address, store, _folder: Some(Arc::new(folder)) }
}

/// One fresh store on PostgreSQL, or `None` where that is not installed.
pub async fn postgres(migrations: Vec<Box<dyn MigrationTrait>>) -> Option<TestStore> {
    let address = cluster::shared().await?.fresh_database().await;
    let store = open(&address, migrations).await;
    Some(TestStore { name: "PostgreSQL", address, store, _folder: None })
}

async fn open(address: &str, migrations: Vec<Box<dyn MigrationTrait>>) -> Store {
    let options = Options { readers: 4, writers: 4, durable: false, ..Options::new(address) };
    Store::open_with(options, migrations).await.expect("a fresh database opens")
}
