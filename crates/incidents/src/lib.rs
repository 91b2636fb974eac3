//! What goes wrong: shown to people in their language, grouped, counted, escalated, rehearsed.
