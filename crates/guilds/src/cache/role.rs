//! The roles of a guild in memory.

use std::{cmp::Reverse, mem::size_of};

use guildhall_core::guild::{Role, RoleId};

use crate::wire;

/// Far more than Discord allows (250), so that nothing is ever missing and nothing grows for ever.
const MOST: usize = 1_000;

/// The roles, by id.
#[derive(Debug, Default)]
pub(crate) struct Roles(Vec<KnownRole>);

#[derive(Debug)]
struct KnownRole {
    id: u64,
    permissions: u64,
    name: Box<str>,
    position: i32,
    /// The colour in the lower 31 bits, whether it is managed in the highest.
    color: u32,
}

const MANAGED: u32 = 1 << 31;

impl KnownRole {
    fn told(role: &wire::Role<'_>) -> Self {
        let managed = if role.managed { MANAGED } else { 0 };
        Self {
            id: role.id.0,
            permissions: role.permissions.0,
            name: role.name.0.as_ref().into(),
            position: i32::try_from(role.position).unwrap_or(i32::MAX),
            color: (role.color & !MANAGED) | managed,
        }
    }

    fn role(&self) -> Role {
        Role {
            id: RoleId(self.id),
            name: self.name.to_string(),
            position: self.position.into(),
            permissions: self.permissions,
            color: self.color & !MANAGED,
            managed: self.color & MANAGED != 0,
        }
    }
}

impl<'a> FromIterator<&'a wire::Role<'a>> for Roles {
    fn from_iter<T: IntoIterator<Item = &'a wire::Role<'a>>>(roles: T) -> Self {
        let mut known: Vec<_> = roles.into_iter().take(MOST).map(KnownRole::told).collect();
        known.sort_by_key(|role| role.id);
        known.dedup_by_key(|role| role.id);
        known.shrink_to_fit();
        Self(known)
    }
}

impl Roles {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a role over and says how it was.
    pub(crate) fn put(&mut self, role: &wire::Role<'_>) -> Option<Role> {
        let told = KnownRole::told(role);
        match self.0.binary_search_by_key(&told.id, |role| role.id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at], told).role()),
            Err(at) => {
                if self.0.len() < MOST {
                    self.0.insert(at, told);
                }
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, role: u64) -> Option<Role> {
        let at = self.0.binary_search_by_key(&role, |role| role.id).ok()?;
        Some(self.0.remove(at).role())
    }

    /// All, the lowest first and `@everyone` before them.
    pub(crate) fn sorted(&self, guild: u64) -> Vec<Role> {
        in_order(guild, self.0.iter().map(KnownRole::role).collect())
    }

    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|role| role.name.len()).sum();
        self.0.capacity() * size_of::<KnownRole>() + names
    }
}

/// The lowest first, `@everyone` before them. Of two with one position the lower id stands higher.
pub(crate) fn in_order(guild: u64, mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort_by_key(|role| (role.id.0 != guild, role.position, Reverse(role.id)));
    roles
}

/// A role as Discord tells it.
pub(crate) fn role_of(role: &wire::Role<'_>) -> Role {
    KnownRole::told(role).role()
}
