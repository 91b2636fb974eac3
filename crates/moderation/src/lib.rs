//! Moderation: every action against or for a member is a case.
