//! A face's or a domain's small memory: which thread belongs to which session, how far a listener has read.

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, TenantId};

/// Keeps small values by name, one book a tenant and owner.
#[async_trait]
pub trait Notebook: Send + Sync {
    /// The value at `key` in `owner`'s book, if any.
    async fn get(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<Option<Value>, Error>;

    /// Writes the value at `key`. A value is at most 64 KiB as JSON.
    async fn put(&self, tenant: &TenantId, owner: &str, key: &str, value: Value) -> Result<(), Error>;

    /// Removes the value at `key`, if there is one.
    async fn remove(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<(), Error>;
}

/// Reads a typed value.
pub async fn read<T: DeserializeOwned>(
    book: &dyn Notebook,
    tenant: &TenantId,
    owner: &str,
    key: &str,
) -> Result<Option<T>, Error> {
    book.get(tenant, owner, key).await?.map(serde_json::from_value).transpose().map_err(Error::bug)
}

/// Writes a typed value.
pub async fn write<T: Serialize + Sync>(
    book: &dyn Notebook,
    tenant: &TenantId,
    owner: &str,
    key: &str,
    value: &T,
) -> Result<(), Error> {
    let value = serde_json::to_value(value).map_err(Error::bug)?;
    book.put(tenant, owner, key, value).await
}
