//! The rules of `rename_all`, as serde has them.

use syn::LitStr;

/// How names of fields and variants are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RenameRule {
    #[default]
    Unchanged,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const RULES: [(&str, RenameRule); 8] = [
    ("lowercase", RenameRule::Lower),
    ("UPPERCASE", RenameRule::Upper),
    ("PascalCase", RenameRule::Pascal),
    ("camelCase", RenameRule::Camel),
    ("snake_case", RenameRule::Snake),
    ("SCREAMING_SNAKE_CASE", RenameRule::ScreamingSnake),
    ("kebab-case", RenameRule::Kebab),
    ("SCREAMING-KEBAB-CASE", RenameRule::ScreamingKebab),
];

impl RenameRule {
    /// Returns the rule of this name. Serde reports an unknown one.
    pub(super) fn named(name: &LitStr) -> Self {
        let name = name.value();
        RULES.iter().find(|(known, _)| *known == name).map_or(Self::Unchanged, |(_, rule)| *rule)
    }

    /// Returns this rule, or `other` if this changes nothing.
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Unchanged { other } else { self }
    }

    /// Applies the rule to the name of a variant, which is in `PascalCase`.
    pub(super) fn variant(self, name: &str) -> String {
        match self {
            Self::Unchanged | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => lower_first(name),
            Self::Snake => snake_case(name),
            Self::ScreamingSnake => snake_case(name).to_ascii_uppercase(),
            Self::Kebab => snake_case(name).replace('_', "-"),
            Self::ScreamingKebab => snake_case(name).to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Applies the rule to the name of a field, which is in `snake_case`.
    pub(super) fn field(self, name: &str) -> String {
        match self {
            Self::Unchanged | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => pascal_case(name),
            Self::Camel => lower_first(&pascal_case(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, char) in name.char_indices() {
        if index > 0 && char.is_uppercase() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
    }
    snake
}

fn pascal_case(name: &str) -> String {
    let mut pascal = String::new();
    let mut starts_word = true;
    for char in name.chars() {
        if char == '_' {
            starts_word = true;
        } else {
            pascal.push(if starts_word { char.to_ascii_uppercase() } else { char });
            starts_word = false;
        }
    }
    pascal
}
