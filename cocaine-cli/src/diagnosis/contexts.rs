//! Contexts that cannot be read, and files with tokens that others can read.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::Finding;
use crate::contexts::{Contexts, SecretSource};

const CHECK: &str = "context";

pub(super) fn check() -> Vec<Finding> {
    // Without a home folder there are none.
    let Ok(contexts) = Contexts::open() else { return Vec::new() };
    let names = match contexts.names() {
        Ok(names) => names,
        Err(error) => {
            return vec![Finding::warning(CHECK, "all", error.to_string(), "make the folder readable")];
        }
    };
    names.iter().map(|name| check_context(&contexts, name)).collect()
}

fn check_context(contexts: &Contexts, name: &str) -> Finding {
    let context = match contexts.read(name) {
        Ok(context) => context,
        Err(error) => {
            return Finding::failed(
                CHECK,
                name,
                error.to_string(),
                format!("`cocaine context add {name}` anew"),
            );
        }
    };
    if let Some(SecretSource::File(path)) = &context.token {
        match fs::metadata(path) {
            Err(error) => {
                let found = format!("the file with its token: {}: {error}", path.display());
                return Finding::failed(CHECK, name, found, "write the token into it");
            }
            Ok(_) if is_open(path) => {
                let found = format!("others can read its token in {}", path.display());
                return Finding::warning(CHECK, name, found, format!("chmod 600 {}", path.display()));
            }
            Ok(_) => {}
        }
    }
    Finding::ok(CHECK, name, context.locator)
}

fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
