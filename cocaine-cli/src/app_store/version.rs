//! What is known of a version that is kept: all of it is in its key, so that a list reads no package.

use cocaine::schema::{hash_text, parse_hash};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Uploaded;
use crate::error::{Error, Result};

/// What stands in a key for what is not there.
const NONE: &str = "none";

/// A version of an app that is kept. The order is that in which they were uploaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AppVersion {
    /// 1 for the first version of the app. Two that are uploaded at the same time may have the same.
    pub(crate) number: u64,
    /// When it was kept, in microseconds since 1970.
    micros: u64,
    /// How many bytes its package has.
    pub(crate) size: u64,
    pub(crate) hashes: VersionHashes,
    /// The hash of its schema.
    pub(crate) schema: Option<u64>,
}

/// What tells two versions apart: the first 64 bits of SHA-256 of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VersionHashes {
    /// `None` for an app without a package, such as one in a container.
    pub(crate) package: Option<u64>,
    pub(crate) manifest: u64,
}

impl VersionHashes {
    /// Returns the hashes of what is uploaded; `None` if it has no manifest, and is no version therefore.
    pub(crate) fn of(uploaded: &Uploaded) -> Option<Self> {
        let manifest = hash(&uploaded.manifest.as_ref()?.blob);
        Some(Self { package: uploaded.package.as_ref().map(|package| hash(package)), manifest })
    }
}

pub(super) fn hash(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    u64::from_be_bytes(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

impl AppVersion {
    /// Returns the version that is made of what is uploaded now.
    pub(super) fn new(number: u64, uploaded: &Uploaded, hashes: VersionHashes) -> Self {
        Self {
            number,
            micros: Timestamp::now().as_microsecond().try_into().unwrap_or_default(),
            size: uploaded.package.as_ref().map_or(0, |package| package.len() as u64),
            hashes,
            schema: uploaded.manifest.as_ref().and_then(|manifest| parse_hash(&manifest.schema_hash()?)),
        }
    }

    /// Reads the key of a version of an app; `None` if it is none.
    pub(super) fn from_key(key: &str, app: &str) -> Option<Self> {
        let fields: Vec<_> = key.strip_suffix(app)?.strip_suffix(':')?.split('-').collect();
        let &[number, micros, size, package, manifest, schema] = fields.as_slice() else { return None };
        let optional = |text| if text == NONE { Some(None) } else { parse_hash(text).map(Some) };
        let version = Self {
            number: number.parse().ok()?,
            micros: micros.parse().ok()?,
            size: size.parse().ok()?,
            hashes: VersionHashes { package: optional(package)?, manifest: parse_hash(manifest)? },
            schema: optional(schema)?,
        };
        (version.key(app) == key).then_some(version)
    }

    /// Returns the key of the version. It begins with a digit, so that it is never that of a tag.
    pub(super) fn key(&self, app: &str) -> String {
        let Self { number, micros, size, hashes, schema } = self;
        let optional = |hash: Option<u64>| hash.map_or_else(|| NONE.to_owned(), hash_text);
        let (package, manifest) = (optional(hashes.package), hash_text(hashes.manifest));
        format!("{number:06}-{micros:016}-{size}-{package}-{manifest}-{}:{app}", optional(*schema))
    }

    /// Returns when it was kept, in UTC.
    pub(crate) fn time(&self) -> String {
        let time =
            i64::try_from(self.micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        time.map(|time| format!("{time:.0}")).unwrap_or_default()
    }

    /// Returns whether a text on the command line means it: its number, or the beginning of its hashes.
    fn has_hash(&self, text: &str) -> bool {
        let package = self.hashes.package.map(hash_text).unwrap_or_default();
        let hashes = format!("{package}-{}", hash_text(self.hashes.manifest));
        text.len() >= MIN_HASH && hashes.starts_with(&text.to_ascii_lowercase())
    }
}

/// The fewest digits that name a version by its hash.
const MIN_HASH: usize = 4;

/// The versions of an app that are kept, from the oldest to the newest.
#[derive(Clone, Debug, Default)]
pub(crate) struct VersionList(Vec<AppVersion>);

impl VersionList {
    pub(super) fn new(mut versions: Vec<AppVersion>) -> Self {
        versions.sort_unstable();
        Self(versions)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &AppVersion> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the newest version that has these bytes.
    pub(crate) fn with_hashes(&self, hashes: Option<VersionHashes>) -> Option<&AppVersion> {
        self.iter().rfind(|version| Some(version.hashes) == hashes)
    }

    /// Returns whether package and manifest are those of versions, though not of the same one: an upload was interrupted.
    pub(crate) fn is_mixture(&self, hashes: VersionHashes) -> bool {
        self.with_hashes(Some(hashes)).is_none()
            && self.iter().any(|version| version.hashes.package == hashes.package)
            && self.iter().any(|version| version.hashes.manifest == hashes.manifest)
    }

    /// Returns the version before the one that is uploaded. Where an upload was interrupted, that is the one before it, since the
    /// package is written first; where none of them is uploaded, the newest.
    pub(crate) fn before(&self, uploaded: Option<VersionHashes>) -> Option<&AppVersion> {
        let has_package =
            |version: &&AppVersion| uploaded.is_some_and(|hashes| hashes.package == version.hashes.package);
        let whole = self.with_hashes(uploaded);
        let is_mixture = uploaded.is_none_or(|hashes| self.is_mixture(hashes));
        let current = whole.or_else(|| self.iter().rfind(has_package).filter(|_| is_mixture));
        self.iter().rfind(|version| current.is_none_or(|current| *version < current))
    }

    /// Returns the version that a text on the command line names: by its number, or by the beginning of its hashes.
    ///
    /// # Errors
    /// There is none, or the text names several.
    pub(crate) fn find(&self, app: &str, text: &str) -> Result<&AppVersion> {
        let with_number: Vec<_> = self.iter().filter(|version| text.parse() == Ok(version.number)).collect();
        let found = if with_number.is_empty() {
            self.iter().filter(|version| version.has_hash(text)).collect()
        } else {
            with_number
        };
        match found.as_slice() {
            [only] => Ok(only),
            [] => Err(Error::NotFound(format!(
                "`{app}` has no version {text:?}: `cocaine app versions {app}` lists those that are kept"
            ))),
            several => {
                let hashes: Vec<_> = several
                    .iter()
                    .map(|version| {
                        let package = version.hashes.package.map(hash_text).unwrap_or_default();
                        format!("{package}-{}", hash_text(version.hashes.manifest))
                    })
                    .collect();
                Err(Error::Usage(format!(
                    "{text:?} names several versions of `{app}`: name one by its hash, {}",
                    hashes.join(" or ")
                )))
            }
        }
    }

    /// Returns the number of the next version.
    pub(super) fn next_number(&self) -> u64 {
        self.iter().map(|version| version.number).max().unwrap_or_default().saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, package: u64, manifest: u64) -> AppVersion {
        let hashes = VersionHashes { package: Some(package), manifest };
        AppVersion { number, micros: 1_700_000_000_000_000, size: 10, hashes, schema: Some(5) }
    }

    #[test]
    fn key_has_all_that_is_listed() {
        let none = VersionHashes { package: None, manifest: 1 };
        let nothing = AppVersion { schema: None, hashes: none, ..version(1, 0, 0) };
        for version in [version(7, 8, 9), nothing, version(u64::MAX, u64::MAX, 0)] {
            for app in ["shop", "a-b:c", "1"] {
                let key = version.key(app);
                assert_eq!(AppVersion::from_key(&key, app), Some(version.clone()), "{key}");
                assert!(key.len() + 100 < 256 && key.starts_with(|first: char| first.is_ascii_digit()));
            }
        }
        assert_eq!(version(7, 8, 9).time(), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn strange_keys_are_no_versions() {
        let key = version(7, 8, 9).key("shop");
        for strange in ["", "shop", ":shop", &key[1..], &format!("+{}", &key[1..]), &key.replace('8', "x")] {
            assert_eq!(AppVersion::from_key(strange, "shop"), None, "{strange}");
        }
        assert_eq!(AppVersion::from_key(&key, "hop"), None);
    }

    #[test]
    fn version_before_the_uploaded_one_is_found() {
        let list = VersionList::new(vec![version(3, 3, 1), version(1, 1, 1), version(2, 2, 2)]);
        let before = |package, manifest| {
            let version = list.before(Some(VersionHashes { package: Some(package), manifest }));
            version.map(|version| version.number)
        };
        assert_eq!((before(3, 1), before(2, 2), before(1, 1)), (Some(2), Some(1), None));
        assert_eq!(before(3, 2), Some(2), "interrupted after the package");
        assert_eq!((before(9, 9), before(9, 1), before(3, 9)), (Some(3), Some(3), Some(3)), "others");
        assert_eq!(list.before(None).map(|version| version.number), Some(3));
    }

    #[test]
    fn versions_are_named_by_number_or_hash() {
        let (package, manifest) = (0x1234_5678_0000_0000, 7);
        let list =
            VersionList::new(vec![version(7, package, manifest), version(7, package, 8), version(8, 1, 1)]);
        let find = |text: &str| list.find("shop", text).map(|version| version.hashes.manifest);
        assert_eq!(find("8").unwrap(), 1);
        assert_eq!(find("1234567800000000-0000000000000007").unwrap(), 7);
        let error = find("7").unwrap_err().to_string();
        assert!(error.contains("1234567800000000-0000000000000008"), "{error}");
        assert!(find("1234").is_err() && find("123").is_err() && find("").is_err());
    }
}
