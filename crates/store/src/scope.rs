//! Queries that see one community's rows only.
//!
//! SeaORM's own `find`, `update_many` and `delete_many` see everybody's; `clippy.toml` turns them down
//! outside of this module and [`operator`](crate::operator).

use guildhall_core::TenantId;
use sea_orm::{ColumnTrait, DeleteMany, EntityTrait, QueryFilter, Select, UpdateMany};

/// A table whose rows each belong to a community.
pub trait Owned: EntityTrait {
    /// The column with the community.
    const TENANT: Self::Column;
}

/// A query over a community's rows.
#[expect(clippy::disallowed_methods, reason = "the tenant is added in the same breath")]
pub fn find<E: Owned>(tenant: &TenantId) -> Select<E> {
    E::find().filter(E::TENANT.eq(tenant.as_str()))
}

/// A change to a community's rows; narrow it down with `filter`.
#[expect(clippy::disallowed_methods, reason = "the tenant is added in the same breath")]
pub fn update<E: Owned>(tenant: &TenantId) -> UpdateMany<E> {
    E::update_many().filter(E::TENANT.eq(tenant.as_str()))
}

/// A removal of a community's rows; narrow it down with `filter`.
#[expect(clippy::disallowed_methods, reason = "the tenant is added in the same breath")]
pub fn delete<E: Owned>(tenant: &TenantId) -> DeleteMany<E> {
    E::delete_many().filter(E::TENANT.eq(tenant.as_str()))
}
