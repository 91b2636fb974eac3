//! Queries over every community's rows: for who runs the installation and for Guildhall's own machinery (the
//! workflow engine, listeners, looking up whose a token is). Nothing that a member or the staff of a community
//! asks for belongs here; that is [`scope`](crate::scope).

use sea_orm::{DeleteMany, Select, UpdateMany};

use crate::Owned;

/// A query over everybody's rows.
#[expect(clippy::disallowed_methods, reason = "this is the way for the installation's own machinery")]
pub fn find<E: Owned>() -> Select<E> {
    E::find()
}

/// A change to everybody's rows; narrow it down with `filter`.
#[expect(clippy::disallowed_methods, reason = "this is the way for the installation's own machinery")]
pub fn update<E: Owned>() -> UpdateMany<E> {
    E::update_many()
}

/// A removal of everybody's rows; narrow it down with `filter`.
#[expect(clippy::disallowed_methods, reason = "this is the way for the installation's own machinery")]
pub fn delete<E: Owned>() -> DeleteMany<E> {
    E::delete_many()
}
