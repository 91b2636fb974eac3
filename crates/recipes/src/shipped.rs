//! The recipes that come with Guildhall.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../recipes/", $name, ".toml")))),*]
    };
}

/// The recipes that come with Guildhall: name and TOML, sorted by name.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    shipped![
        "armagetron",
        "bzflag",
        "factorio",
        "luanti",
        "minecraft-flying-squid",
        "minecraft-java",
        "palworld",
        "paper",
        "satisfactory",
        "teeworlds",
        "terraria",
        "valheim",
    ]
}
