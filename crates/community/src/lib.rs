//! What a community sets for itself: ranks, settings, first set-up, help.
