//! Values of arguments that several commands have.

/// Accepts what can be the name of a file in a package, and of a service.
pub(super) fn app_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 100 || text.contains(['/', '\0']) || text.starts_with('.') {
        return Err(
            "a name of 1 to 100 bytes is wanted, without `/` and without `.` at its beginning".to_owned()
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_apps_are_names_of_files() {
        for name in ["", "a/b", ".a", "..", &"x".repeat(101)] {
            assert!(app_name(name).is_err(), "{name}");
        }
        assert!(app_name("shop_v1.2").is_ok());
    }
}
