//! Texts with placeholders: `{var.NAME}`, `{port.NAME}`, `{server.name}`, `{server.folder}`, `{host.address}`
//! and, in the line that speaks to players, `{text}`;
//! in the lines that keep a player out, `{player}`. `{{` and `}}` are the braces themselves.

use std::fmt;

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{var.NAME}`: a variable's value.
    Variable(String),
    /// `{port.NAME}`: a port's number.
    Port(String),
    /// `{server.name}`: the name that the community gave the server.
    ServerName,
    /// `{server.folder}`: the absolute path of the server's folder.
    ServerFolder,
    /// `{host.address}`: the address that players are told.
    HostAddress,
    /// `{text}`: what somebody says to the players.
    Text,
    /// `{player}`: a player's name in the game.
    Player,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{{var.{name}}}"),
            Self::Port(name) => write!(f, "{{port.{name}}}"),
            Self::ServerName => f.write_str("{server.name}"),
            Self::ServerFolder => f.write_str("{server.folder}"),
            Self::HostAddress => f.write_str("{host.address}"),
            Self::Text => f.write_str("{text}"),
            Self::Player => f.write_str("{player}"),
        }
    }
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Literal(String),
    /// Something to fill in.
    Placeholder(Placeholder),
}

/// A text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace that opens or closes nothing.
    #[error("a single '{0}' stands in it; write '{0}{0}' for the brace itself")]
    LooseBrace(char),
    /// Braces around something else.
    #[error(
        "'{{{0}}}' is not a placeholder; there are {{var.NAME}}, {{port.NAME}}, {{server.name}}, \
         {{server.folder}} and {{host.address}}"
    )]
    Unknown(String),
}

impl Template {
    /// Takes a text apart.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from_brace.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = from_brace.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(after) = from_brace.strip_prefix('{') {
                let (inside, after) = after.split_once('}').ok_or(TemplateError::LooseBrace('{'))?;
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Placeholder(placeholder(inside)?));
                rest = after;
            } else {
                return Err(TemplateError::LooseBrace('}'));
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What has to be filled in, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(placeholder),
            Piece::Literal(_) => None,
        })
    }

    /// The placeholder, when the text is nothing but one.
    pub fn sole(&self) -> Option<&Placeholder> {
        match self.pieces.as_slice() {
            [Piece::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }

    /// The text with every placeholder filled in. What is filled in is never read for placeholders again.
    pub fn fill<E>(&self, mut with: impl FnMut(&Placeholder) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Placeholder(placeholder) => text.push_str(&with(placeholder)?),
            }
        }
        Ok(text)
    }
}

fn placeholder(inside: &str) -> Result<Placeholder, TemplateError> {
    Ok(match inside {
        "server.name" => Placeholder::ServerName,
        "server.folder" => Placeholder::ServerFolder,
        "host.address" => Placeholder::HostAddress,
        "text" => Placeholder::Text,
        "player" => Placeholder::Player,
        _ => {
            let unknown = || TemplateError::Unknown(inside.chars().take(40).collect());
            let (kind, name) = inside.split_once('.').ok_or_else(unknown)?;
            match kind {
                "var" => Placeholder::Variable(name.to_owned()),
                "port" => Placeholder::Port(name.to_owned()),
                _ => return Err(unknown()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubled_braces_are_braces_and_single_ones_placeholders() {
        let template = Template::parse("a{{b}} {var.x}:{port.game}").expect("a template");
        let text = template.fill(|p| Ok::<_, ()>(format!("<{p}>"))).expect("filled");
        assert_eq!(text, "a{b} <{var.x}>:<{port.game}>");
        assert_eq!(Template::parse("{"), Err(TemplateError::LooseBrace('{')));
        assert_eq!(Template::parse("a}"), Err(TemplateError::LooseBrace('}')));
        assert_eq!(Template::parse("{vars}"), Err(TemplateError::Unknown("vars".to_owned())));
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_text() {
        let template = Template::parse("{var.a}{var.b}").expect("a template");
        let text = template.fill(|_| Ok::<_, ()>("{server.folder}".to_owned())).expect("filled");
        assert_eq!(text, "{server.folder}{server.folder}");
    }

    proptest! {
        #[test]
        fn any_text_with_its_braces_doubled_comes_back(text in ".*") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let template = Template::parse(&doubled).expect("no placeholder in it");
            prop_assert_eq!(template.fill(|_| Err(())), Ok(text));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Template::parse(&text);
        }
    }
}
