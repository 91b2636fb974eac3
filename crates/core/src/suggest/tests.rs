use super::{likely, nearest};

#[test]
fn the_three_nearest_names_come_first() {
    let names = ["creative", "survival", "survival-2", "lobby", "skyblock"];
    assert_eq!(nearest("survivel", names, 3), ["survival", "survival-2", "creative"]);
}

#[test]
fn what_nobody_can_have_meant_is_not_likely() {
    let names = ["player link", "rank list", "server start", "status", "report"];
    for unlike in ["spam", "ban", "x", ""] {
        assert!(likely(unlike, names, 3).is_empty(), "{unlike}: {:?}", likely(unlike, names, 3));
    }
    assert_eq!(likely("statsu", names, 3), ["status"]);
    assert_eq!(likely("START", names, 3)[0], "server start");
}
