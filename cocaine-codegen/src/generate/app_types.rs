//! The types of an app alone.

use cocaine::schema::AppSchema;

use super::format;
use crate::{
    app_types::AppTypes,
    emit::{self, format::HEADER},
    error::Result,
    naming::{self, NameScope},
    syntax,
};

/// Returns the Rust of the types in `schema`, which is that of `app`.
pub fn generate_types(app: &str, schema: &AppSchema) -> Result<String> {
    let types = AppTypes::new(app, schema, &mut NameScope::default())?;
    let name = format!("app `{}`", naming::shown(app));
    let items = std::thread::scope(|scope| {
        syntax::join(syntax::spawn_parser(scope, || format(&name, emit::app_type_items(&types))))
    });
    Ok(format!("{HEADER}{}", items?))
}
