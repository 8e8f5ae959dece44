//! The settings in the parentheses of an attribute.

use proc_macro2::TokenStream;
use syn::{
    Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token,
    parse::{Parse, ParseStream, Parser as _},
    punctuated::Punctuated,
};

use crate::{app_error, diagnostics::Diagnostics};

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
    pub(crate) errors: Option<DeclaredErrors>,
}

/// The errors that an event declares.
pub(crate) struct DeclaredErrors {
    /// The setting.
    path: Path,
    pub(crate) names: Vec<Ident>,
    pub(crate) codes: Vec<i32>,
}

/// An error and its code: `NotFound = 1`.
struct DeclaredError {
    name: Ident,
    code: Expr,
}

impl Parse for DeclaredError {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, code: input.parse()? })
    }
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
            Self::Function => {
                "`cocaine::worker` takes `event = \"name\"`, `inline`, `cancel` and `errors(NotFound = 1)`"
            }
            Self::Method => {
                "`event` takes `name = \"name\"`, `inline`, `cancel`, `errors(NotFound = 1)` and `skip`"
            }
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
        if setting.path().is_ident("errors") {
            return self.read_errors(&setting, diagnostics);
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

    fn read_errors(&mut self, setting: &Meta, diagnostics: &mut Diagnostics) {
        let Meta::List(list) = setting else {
            return diagnostics
                .error(setting, "the errors of an event have names and codes: `errors(NotFound = 1)`");
        };
        let path = list.path.clone();
        if self.errors.is_some() {
            return diagnostics.error(path, "this is set twice");
        }
        let parser = Punctuated::<DeclaredError, Token![,]>::parse_terminated;
        let declared = match list.parse_args_with(parser) {
            Ok(declared) => declared,
            Err(error) => {
                let text = format_args!("{error}: write `errors(NotFound = 1)`");
                return diagnostics.error_at(error.span(), text);
            }
        };
        let codes: Vec<_> =
            declared.iter().filter_map(|error| app_error::error_code(&error.code, diagnostics)).collect();
        let names: Vec<_> = declared.into_iter().map(|error| error.name).collect();
        app_error::reject_duplicate_codes(&codes, diagnostics);
        app_error::reject_duplicate_names(&names, diagnostics);
        let codes = codes.into_iter().map(|code| code.code).collect();
        self.errors = Some(DeclaredErrors { path, names, codes });
    }

    /// Reports all other settings if `skip` is set.
    pub(crate) fn reject_settings_with_skip(&self, diagnostics: &mut Diagnostics) {
        let text = "this method is skipped and no event: leave this out, or leave `skip` out";
        if self.skip.is_some() {
            self.name.iter().for_each(|name| diagnostics.error(name, text));
            let errors = self.errors.as_ref().map(|errors| &errors.path);
            self.inline
                .iter()
                .chain(&self.cancel)
                .chain(errors)
                .for_each(|path| diagnostics.error(path, text));
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
