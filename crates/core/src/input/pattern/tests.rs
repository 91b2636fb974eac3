use super::*;

#[test]
fn a_pattern_holds_back_what_it_does_not_fit_every_time_it_is_asked() {
    let pattern = Pattern::new("^[a-z]+$");
    for _ in 0..2 {
        assert!(pattern.matches("survival"));
        assert!(!pattern.matches("Survival!"));
    }
    assert_eq!(pattern, Pattern::new("^[a-z]+$"), "whether it was used makes no difference");
    assert_eq!(serde_json::to_value(&pattern).ok(), Some(serde_json::json!("^[a-z]+$")));
}

#[test]
fn a_pattern_that_cannot_be_read_holds_nothing_back() {
    assert!(Pattern::new("(").matches("anything"));
}
