//! What stands in the parentheses of an attribute.

use proc_macro2::TokenStream;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Path, Token, parse::Parser as _, punctuated::Punctuated};

use crate::mistakes::Mistakes;

/// Which attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
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

impl Place {
    fn name_key(self) -> &'static str {
        match self {
            Self::Function => "event",
            Self::Method => "name",
        }
    }

    fn takes(self) -> &'static str {
        match self {
            Self::Function => "`cocaine::worker` takes `event = \"name\"`, `inline` and `cancel`",
            Self::Method => "`event` takes `name = \"name\"`, `inline`, `cancel` and `skip`",
        }
    }
}

impl Settings {
    /// Adds what stands in `tokens`.
    pub(crate) fn read(&mut self, place: Place, tokens: TokenStream, mistakes: &mut Mistakes) {
        match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(settings) => settings.into_iter().for_each(|setting| self.setting(place, setting, mistakes)),
            Err(error) => {
                mistakes.at_span(error.span(), format_args!("{error}: {}", place.takes()));
            }
        }
    }

    fn setting(&mut self, place: Place, setting: Meta, mistakes: &mut Mistakes) {
        if setting.path().is_ident(place.name_key()) {
            return self.name(place, &setting, mistakes);
        }
        let slot = match setting.path().get_ident().map(ToString::to_string).as_deref() {
            Some("inline") => &mut self.inline,
            Some("cancel") => &mut self.cancel,
            Some("skip") if place == Place::Method => &mut self.skip,
            _ => return mistakes.at(setting.path(), format_args!("no such setting: {}", place.takes())),
        };
        match setting {
            Meta::Path(path) if slot.is_none() => *slot = Some(path),
            Meta::Path(path) => mistakes.at(&path, "this is set twice"),
            other => mistakes.at(&other, "this has no value: the word alone sets it"),
        }
    }

    fn name(&mut self, place: Place, setting: &Meta, mistakes: &mut Mistakes) {
        let Some(name) = text(setting) else {
            let key = place.name_key();
            return mistakes.at(setting, format_args!("the name of an event is a text: `{key} = \"name\"`"));
        };
        if name.value().is_empty() {
            mistakes.at(name, "the name of an event is not empty");
        } else if self.name.is_some() {
            mistakes.at(setting, "this event has a name already");
        }
        self.name = Some(name.clone());
    }

    /// Reports settings beside `skip`.
    pub(crate) fn refuse_beside_skip(&self, mistakes: &mut Mistakes) {
        let text = "this method is skipped and no event: leave this out, or leave `skip` out";
        if self.skip.is_some() {
            self.name.iter().for_each(|name| mistakes.at(name, text));
            self.inline.iter().chain(&self.cancel).for_each(|path| mistakes.at(path, text));
        }
    }
}

fn text(setting: &Meta) -> Option<&LitStr> {
    match setting {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
