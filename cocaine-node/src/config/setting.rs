//! What a section of the configuration is made of: the one source of its type, its merging, and its documentation.

use std::{collections::BTreeMap, path::PathBuf};

use ipnet::IpNet;

/// A section, or a key of one.
pub(crate) trait Setting {
    /// What the configuration file may have for it.
    const KIND: SettingKind;

    /// Overwrites every value that `newer` sets; tables are merged by their keys.
    fn merge(&mut self, newer: Self);
}

/// What the configuration file may have for a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SettingKind {
    /// A value, with the name of its type.
    Value(&'static str),
    /// A table with keys of the user's choice, and the name of the type of their values.
    Table(&'static str),
    /// A section with these keys.
    Section(&'static [SettingKey]),
    /// A section without which something does not run.
    OptionalSection(&'static [SettingKey]),
}

/// A key of a section, and its documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingKey {
    pub(crate) name: &'static str,
    /// The lines of the text.
    pub(crate) text: &'static [&'static str],
    pub(crate) kind: SettingKind,
    /// The default in TOML; the lines of the table for a table. Empty if there is none.
    pub(crate) default: &'static str,
    /// A value in TOML for a key without a default; the lines of a table for a table.
    pub(crate) example: &'static str,
    /// What holds without a value if there is no default.
    pub(crate) unset: &'static str,
    /// The unit of a number.
    pub(crate) unit: &'static str,
    /// The option of the command line that takes precedence.
    pub(crate) option: &'static str,
    /// The environment variable that takes precedence over the file, and not over the option.
    pub(crate) variable: &'static str,
    /// When SIGHUP applies a change. Empty if the next start does.
    pub(crate) reload: &'static str,
}

impl SettingKey {
    /// A key about which nothing is known.
    pub(crate) const EMPTY: Self = Self {
        name: "",
        text: &[],
        kind: SettingKind::Value(""),
        default: "",
        example: "",
        unset: "",
        unit: "",
        option: "",
        variable: "",
        reload: "",
    };
}

/// Defines a section of the configuration. The doc comment of a field and its attribute `setting`, which has fields of
/// [`SettingKey`], are also the documentation of the key in `docs/configuration.md` and in `--print-config`. What is in
/// `skipped` is not in the file.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $section:ident {
            $(
                $(#[doc = $text:literal])+
                $(#[setting($($attribute:ident = $value:literal),+)])?
                pub $key:ident: $kind:ty,
            )*
            $(skipped {
                $($(#[doc = $note:literal])+ pub $skipped:ident: $skipped_kind:ty,)+
            })?
        }
    ) => {
        $(#[$meta])*
        pub struct $section {
            $(
                $(#[doc = $text])+
                $($(#[doc = concat!("\n\n", stringify!($attribute), ": `", $value, "`")])+)?
                pub $key: $kind,
            )*
            $($($(#[doc = $note])+ #[serde(skip)] pub $skipped: $skipped_kind,)+)?
        }

        impl $crate::config::setting::Setting for $section {
            const KIND: $crate::config::setting::SettingKind = $crate::config::setting::SettingKind::Section(&[$(
                $crate::config::setting::SettingKey {
                    name: stringify!($key),
                    text: &[$($text),+],
                    kind: <$kind as $crate::config::setting::Setting>::KIND,
                    $($($attribute: $value,)+)?
                    ..$crate::config::setting::SettingKey::EMPTY
                },
            )*]);

            fn merge(&mut self, newer: Self) {
                $($crate::config::setting::Setting::merge(&mut self.$key, newer.$key);)*
                $($(self.$skipped.extend(newer.$skipped);)+)?
            }
        }
    };
}

pub(super) use section;

/// A type of values.
pub(crate) trait SettingValue {
    /// The name of the type for readers of the documentation.
    const NAME: &'static str;
}

macro_rules! values {
    ($($kind:ty: $name:literal,)*) => {
        $(impl SettingValue for $kind {
            const NAME: &'static str = $name;
        })*
    };
}

values! {
    bool: "`true` or `false`",
    f64: "number",
    i32: "whole number",
    u16: "whole number",
    (u16, u16): "list of two whole numbers",
    u32: "whole number",
    u64: "whole number",
    usize: "whole number",
    String: "text",
    PathBuf: "path",
    Vec<String>: "list of texts",
    Vec<IpNet>: "list of networks",
}

impl<T: SettingValue> Setting for Option<T> {
    const KIND: SettingKind = SettingKind::Value(T::NAME);

    fn merge(&mut self, newer: Self) {
        if newer.is_some() {
            *self = newer;
        }
    }
}

impl<T: SettingValue> Setting for BTreeMap<String, T> {
    const KIND: SettingKind = SettingKind::Table(T::NAME);

    fn merge(&mut self, newer: Self) {
        self.extend(newer);
    }
}

impl Setting for Option<BTreeMap<String, String>> {
    const KIND: SettingKind = SettingKind::Table("text");

    fn merge(&mut self, newer: Self) {
        if newer.is_some() {
            *self = newer;
        }
    }
}

impl Setting for toml::Table {
    const KIND: SettingKind = SettingKind::Table("any value");

    fn merge(&mut self, newer: Self) {
        self.extend(newer);
    }
}
