//! Menus become select menus: of options, channels, roles or people.

use std::collections::HashSet;

use guildhall_core::document::{Choices, Menu, MenuOption};
use twilight_model::{
    channel::{
        ChannelType,
        message::component::{SelectDefaultValue, SelectMenu, SelectMenuOption, SelectMenuType},
    },
    id::Id,
};

use super::{markdown, page::Pages, shortened};
use crate::custom_id::{Intent, Meant};

/// Discord's limits: options of a menu, and characters of an option's parts and of the placeholder.
const OPTIONS: usize = 25;
const OPTION: usize = 100;
const PLACEHOLDER: usize = 150;

pub(super) fn lay_out(pages: &mut Pages, menu: &Menu) {
    let label = shortened(&markdown::visible(&menu.label).replace('\n', " "), PLACEHOLDER);
    let most = menu.most.clamp(1, 25);
    let (kind, channel_types, options) = match &menu.of {
        Choices::Options(options) => (SelectMenuType::Text, None, Some(listed(options, &menu.chosen, most))),
        Choices::Channels => {
            let types = vec![ChannelType::GuildText, ChannelType::GuildAnnouncement];
            (SelectMenuType::Channel, Some(types), None)
        }
        Choices::Categories => (SelectMenuType::Channel, Some(vec![ChannelType::GuildCategory]), None),
        Choices::Roles => (SelectMenuType::Role, None, None),
        Choices::People => (SelectMenuType::User, None, None),
    };
    let few = options.as_ref().map_or(most, |options| u8::try_from(options.len()).unwrap_or(most).min(most));
    let default_values = defaults(&menu.of, &menu.chosen, usize::from(menu.least.min(most)), most);
    let shows_choice = default_values.is_some() || options.iter().flatten().any(|option| option.default);
    // The placeholder makes way for what is chosen, and then nothing would say what the menu is for.
    if few == 0 || (shows_choice && !label.is_empty()) {
        pages.line(markdown::atoms(&label.as_str().into()));
    }
    if few == 0 {
        return;
    }
    let select = SelectMenu {
        channel_types,
        custom_id: String::new(),
        default_values,
        disabled: false,
        id: None,
        kind,
        max_values: Some(few),
        min_values: Some(menu.least.min(few)),
        options,
        placeholder: (!label.is_empty()).then_some(label),
        required: None,
    };
    let fields = [menu.field.clone()];
    let intent = Intent::Choose { several: menu.most > 1 };
    pages.select(select, &Meant { intent, operation: &menu.operation, input: &menu.input, fields: &fields });
}

/// The options in Discord's form. One whose value does not fit or is there already is left out: cut, it would
/// be another value.
fn listed(options: &[MenuOption], chosen: &[String], most: u8) -> Vec<SelectMenuOption> {
    let mut seen = HashSet::new();
    let mut left = most;
    let fits = |option: &&MenuOption| (1..=OPTION).contains(&option.value.encode_utf16().count());
    let plain = |text: &str| shortened(&markdown::visible(text).replace('\n', " "), OPTION);
    options
        .iter()
        .filter(fits)
        .filter(|option| seen.insert(option.value.as_str()))
        .take(OPTIONS)
        .map(|option| {
            let default = left > 0 && chosen.contains(&option.value);
            left -= u8::from(default);
            let label = Some(plain(&option.label)).filter(|label| !label.is_empty());
            let label = label.unwrap_or_else(|| plain(&option.value));
            SelectMenuOption {
                default,
                description: option.hint.as_deref().map(plain).filter(|hint| !hint.is_empty()),
                emoji: None,
                label: if label.is_empty() { "…".to_owned() } else { label },
                value: option.value.clone(),
            }
        })
        .collect()
}

/// What is chosen now, of things that have ids.
fn defaults(of: &Choices, chosen: &[String], least: usize, most: u8) -> Option<Vec<SelectDefaultValue>> {
    let mut seen = HashSet::new();
    let ids = chosen.iter().filter_map(|id| id.parse::<u64>().ok()).filter(|id| *id != 0 && seen.insert(*id));
    let values: Vec<SelectDefaultValue> = ids
        .take(usize::from(most))
        .filter_map(|id| match of {
            Choices::Options(_) => None,
            Choices::Channels | Choices::Categories => {
                Some(SelectDefaultValue::Channel(Id::new_checked(id)?))
            }
            Choices::Roles => Some(SelectDefaultValue::Role(Id::new_checked(id)?)),
            Choices::People => Some(SelectDefaultValue::User(Id::new_checked(id)?)),
        })
        .collect();
    // Discord takes none, or as many as may be chosen.
    (!values.is_empty() && values.len() >= least).then_some(values)
}
