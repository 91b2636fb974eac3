//! What any settings come to.

use proptest::prelude::*;

use super::*;

#[test]
fn an_idle_stop_is_off_or_a_time_of_at_least_a_minute() {
    let read = |text| read_idle_stop(text).ok();
    assert_eq!(read("off"), Some(None));
    assert_eq!(read(" 15m "), Some(Some(900)));
    assert_eq!(read("2h"), Some(Some(7_200)));
    assert!(["", "59s", "soon", "-1m", "25h"].into_iter().all(|text| read(text).is_none()));
}

proptest! {
    #[test]
    fn any_idle_stop_and_any_settings_are_read_or_refused(
        text in any::<String>(),
        settings in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8),
    ) {
        let _ = read_idle_stop(&text);
        let recipe = Recipe::parse(include_str!("../../../../recipes/palworld.toml"), "palworld.toml").unwrap();
        if let Ok((launch, _)) = Configuration::first(&recipe, &settings, None) {
            let asked = Asked { set: &settings, reset: &BTreeSet::new(), recipe: None, idle_stop: None, default_idle_stop: None };
            prop_assert!(launch.next(&asked).unwrap().is_none(), "the same values are no change");
        }
    }
}
