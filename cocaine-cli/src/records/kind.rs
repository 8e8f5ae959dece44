//! The kinds of records, and by which tags they are found.

/// A kind of record (`node.md` 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordKind {
    pub(crate) collection: &'static str,
    /// All of them are written, and all are asked for.
    pub(crate) tags: &'static [&'static str],
    pub(super) noun: &'static str,
}

impl RecordKind {
    pub(crate) const GROUP: Self = Self { collection: "groups", tags: &["group", "active"], noun: "group" };
    pub(crate) const MANIFEST: Self = Self { collection: "manifests", tags: &["app"], noun: "app" };
    pub(crate) const PACKAGE: Self = Self { collection: "apps", tags: &["app"], noun: "package" };
    pub(crate) const PROFILE: Self = Self { collection: "profiles", tags: &["profile"], noun: "profile" };
    pub(crate) const RUNLIST: Self = Self { collection: "runlists", tags: &["runlist"], noun: "runlist" };

    /// All kinds, sorted by collection.
    pub(crate) const ALL: [Self; 5] =
        [Self::PACKAGE, Self::GROUP, Self::MANIFEST, Self::PROFILE, Self::RUNLIST];

    /// Returns the kind of the records in a collection; `None` if it is none of those that nodes read.
    pub(crate) fn of_collection(collection: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.collection == collection)
    }
}
