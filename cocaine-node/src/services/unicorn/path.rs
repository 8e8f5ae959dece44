//! Where a node is.

use std::{borrow::Borrow, fmt, sync::Arc};

use super::error::Fault;

/// A path: names with a `/` before each, one at least.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Path(Arc<str>);

impl Path {
    /// Bytes of a path at most: each of its nodes is stored with all of it.
    pub(super) const MAX: usize = 1024;

    /// Returns the path that `text` is, or what is wrong with it: the rules are those of the original and of its backend.
    pub(super) fn new(text: &str) -> Result<Self, Fault> {
        if text == "/" {
            return Err(Fault::Root);
        }
        let Some(names) = text.strip_prefix('/') else { return Err(Fault::Relative) };
        if text.len() > Self::MAX {
            return Err(Fault::TooLong(text.len()));
        }
        let sound = |name: &str| !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control);
        if names.split('/').all(sound) { Ok(Self(text.into())) } else { Err(Fault::Malformed) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parent's path, which is empty at the top, and the name.
    pub(super) fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or_default()
    }

    /// Returns the parent's path, unless the node is at the top.
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
    fn what_is_no_path_is_refused() {
        assert_eq!(Path::new("/"), Err(Fault::Root));
        for relative in ["", "a", "a/b", "./a", " /a"] {
            assert_eq!(Path::new(relative), Err(Fault::Relative), "{relative}");
        }
        for malformed in ["//", "/a//b", "/a/", "/a/.", "/..", "/./a", "/a/../b", "/a\0", "/a\n"] {
            assert_eq!(Path::new(malformed), Err(Fault::Malformed), "{malformed:?}");
        }
        for sound in ["/a", "/a/b", "/...", "/.a", "/a b", "/ä/ö"] {
            assert_eq!(Path::new(sound).unwrap().as_str(), sound);
        }
        let long = format!("/{}", "x".repeat(Path::MAX - 1));
        assert!(Path::new(&long).is_ok());
        assert_eq!(Path::new(&(long + "x")), Err(Fault::TooLong(Path::MAX + 1)));
    }

    #[test]
    fn a_path_is_its_parent_and_a_name() {
        let path = Path::new("/a/b/c").unwrap();
        assert_eq!(path.split(), ("/a/b", "c"));
        assert_eq!(path.parent(), Some(Path::new("/a/b").unwrap()));
        assert_eq!(path.parent().unwrap().child("c"), path);
        let top = Path::new("/a").unwrap();
        assert_eq!((top.split(), top.parent()), (("", "a"), None));
    }
}
