//! The path of a node.

use std::{borrow::Borrow, fmt, sync::Arc};

use super::{error::UnicornError, limits};

/// A path: one or more names, each with a `/` before it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Path(Arc<str>);

impl Path {
    /// Parses a path by the rules of the original and of its backend.
    pub(super) fn new(text: &str) -> Result<Self, UnicornError> {
        if text == "/" {
            return Err(UnicornError::RootPath);
        }
        let Some(names) = text.strip_prefix('/') else { return Err(UnicornError::RelativePath) };
        if text.len() > limits::MAX_PATH_BYTES {
            return Err(UnicornError::PathTooLong(text.len()));
        }
        let is_valid = |name: &str| !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control);
        if names.split('/').all(is_valid) { Ok(Self(text.into())) } else { Err(UnicornError::MalformedPath) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parent's path, which is empty for a top-level node, and the name.
    pub(super) fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or_default()
    }

    /// Returns the parent's path, `None` for a top-level node.
    pub(super) fn parent(&self) -> Option<Self> {
        let (parent, _) = self.split();
        (!parent.is_empty()).then(|| Self(parent.into()))
    }

    /// Returns the path of the child of that name.
    pub(super) fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }
}

impl Borrow<str> for Path {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_paths_are_refused() {
        assert_eq!(Path::new("/"), Err(UnicornError::RootPath));
        for relative in ["", "a", "a/b", "./a", " /a"] {
            assert_eq!(Path::new(relative), Err(UnicornError::RelativePath), "{relative}");
        }
        for malformed in ["//", "/a//b", "/a/", "/a/.", "/..", "/./a", "/a/../b", "/a\0", "/a\n"] {
            assert_eq!(Path::new(malformed), Err(UnicornError::MalformedPath), "{malformed:?}");
        }
        for sound in ["/a", "/a/b", "/...", "/.a", "/a b", "/ä/ö"] {
            assert_eq!(Path::new(sound).unwrap().as_str(), sound);
        }
        let long = format!("/{}", "x".repeat(limits::MAX_PATH_BYTES - 1));
        assert!(Path::new(&long).is_ok());
        assert_eq!(Path::new(&(long + "x")), Err(UnicornError::PathTooLong(limits::MAX_PATH_BYTES + 1)));
    }

    #[test]
    fn path_splits_into_parent_and_name() {
        let path = Path::new("/a/b/c").unwrap();
        assert_eq!(path.split(), ("/a/b", "c"));
        assert_eq!(path.parent(), Some(Path::new("/a/b").unwrap()));
        assert_eq!(path.parent().unwrap().child("c"), path);
        let top = Path::new("/a").unwrap();
        assert_eq!((top.split(), top.parent()), (("", "a"), None));
    }
}
