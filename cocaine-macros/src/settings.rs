//! The settings in the parentheses of an attribute.

use proc_macro2::TokenStream;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Path, Token, parse::Parser as _, punctuated::Punctuated};

use crate::diagnostics::Diagnostics;

/// The item on which an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeTarget {
    /// `#[cocaine::worker]` on a function.
    Function,
    /// `#[event]` on a method.
    Method,
}

/// The settings of an event.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<LitStr>,
    pub(crate) inline: Option<Path>,
    pub(crate) cancel: Option<Path>,
    pub(crate) skip: Option<Path>,
}

impl AttributeTarget {
    fn name_key(self) -> &'static str {
        match self {
            Self::Function => "event",
            Self::Method => "name",
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Function => "`cocaine::worker` takes `event = \"name\"`, `inline` and `cancel`",
            Self::Method => "`event` takes `name = \"name\"`, `inline`, `cancel` and `skip`",
        }
    }
}

impl Settings {
    /// Adds the settings in `tokens`.
    pub(crate) fn read(
        &mut self,
        target: AttributeTarget,
        tokens: TokenStream,
        diagnostics: &mut Diagnostics,
    ) {
        match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(settings) => {
                settings.into_iter().for_each(|setting| self.read_setting(target, setting, diagnostics));
            }
            Err(error) => {
                diagnostics.error_at(error.span(), format_args!("{error}: {}", target.usage()));
            }
        }
    }

    fn read_setting(&mut self, target: AttributeTarget, setting: Meta, diagnostics: &mut Diagnostics) {
        if setting.path().is_ident(target.name_key()) {
            return self.read_name(target, &setting, diagnostics);
        }
        let slot = match setting.path().get_ident().map(ToString::to_string).as_deref() {
            Some("inline") => &mut self.inline,
            Some("cancel") => &mut self.cancel,
            Some("skip") if target == AttributeTarget::Method => &mut self.skip,
            _ => {
                return diagnostics
                    .error(setting.path(), format_args!("no such setting: {}", target.usage()));
            }
        };
        match setting {
            Meta::Path(path) if slot.is_none() => *slot = Some(path),
            Meta::Path(path) => diagnostics.error(&path, "this is set twice"),
            other => diagnostics.error(&other, "this has no value: the word alone sets it"),
        }
    }

    fn read_name(&mut self, target: AttributeTarget, setting: &Meta, diagnostics: &mut Diagnostics) {
        let Some(name) = string_value(setting) else {
            let key = target.name_key();
            return diagnostics
                .error(setting, format_args!("the name of an event is a text: `{key} = \"name\"`"));
        };
        if name.value().is_empty() {
            diagnostics.error(name, "the name of an event is not empty");
        } else if self.name.is_some() {
            diagnostics.error(setting, "this event has a name already");
        }
        self.name = Some(name.clone());
    }

    /// Reports all other settings if `skip` is set.
    pub(crate) fn reject_settings_with_skip(&self, diagnostics: &mut Diagnostics) {
        let text = "this method is skipped and no event: leave this out, or leave `skip` out";
        if self.skip.is_some() {
            self.name.iter().for_each(|name| diagnostics.error(name, text));
            self.inline.iter().chain(&self.cancel).for_each(|path| diagnostics.error(path, text));
        }
    }
}

fn string_value(setting: &Meta) -> Option<&LitStr> {
    match setting {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
