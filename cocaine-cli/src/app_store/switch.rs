//! The switch from what is uploaded to another version.
//!
//! Both are kept as versions before anything is switched: whatever interrupts it, and whoever else uploads at the same time, both are there
//! to go back to.

use cocaine_bindings::Storage;

use super::{
    AppStore, Replaced, Uploaded,
    version::{AppVersion, VersionHashes},
};
use crate::error::{Error, Result};

/// How often a mixture of two uploads is replaced.
const MAX_ROUNDS: u32 = 5;

/// What a switch has kept.
#[derive(Debug, Default)]
struct Kept {
    /// The version that is switched to.
    new: Option<AppVersion>,
    /// Whether it was not there before.
    is_new: bool,
}

impl<S: Storage> AppStore<S> {
    /// Replaces what is uploaded. Both versions are kept, unless none are to be. After an error the former version is restored, as far as the
    /// storage still answers; the error says whether it is.
    ///
    /// This is not to be cancelled: a node that starts the app meanwhile could read the new package and the former manifest.
    pub(crate) async fn switch(
        &self,
        app: &str,
        former: &Uploaded,
        new: &Uploaded,
        keep: usize,
    ) -> Result<()> {
        let kept = if keep > 0 { self.keep_both(app, former, new).await? } else { Kept::default() };
        match self.replace(app, former, new).await {
            Ok(Replaced::Whole) => Ok(()),
            Ok(Replaced::Overtaken) => self.settle(app, new, kept.new.as_ref()).await,
            Err(error) => {
                let is_restored = matches!(error, Error::Interrupted { is_restored: true, .. });
                if let Some(version) = kept.new.filter(|_| kept.is_new && is_restored) {
                    // It was never uploaded. If the storage does not answer, it stays as one to go forward to.
                    let _ = self.remove_version(app, &version).await;
                }
                Err(error)
            }
        }
    }

    async fn keep_both(&self, app: &str, former: &Uploaded, new: &Uploaded) -> Result<Kept> {
        let before = self.versions(app).await?;
        let mut number = before.next_number();
        // What an interrupted upload has left is no version; what somebody has uploaded with another tool is one.
        if let Some(hashes) = VersionHashes::of(former)
            && before.with_hashes(Some(hashes)).is_none()
            && !before.is_mixture(hashes)
        {
            self.keep_version(app, number, former, hashes).await?;
            number = number.saturating_add(1);
        }
        let Some(hashes) = VersionHashes::of(new) else { return Ok(Kept::default()) };
        if let Some(known) = before.with_hashes(Some(hashes)).cloned() {
            return Ok(Kept { new: Some(known), is_new: false });
        }
        let version = self.keep_version(app, number, new, hashes).await?;
        Ok(Kept { new: Some(version), is_new: true })
    }

    /// Sees to it that package and manifest are of one version, where others have written theirs at the same time: of the last one.
    /// Whoever finds a mixture writes the same, in whatever order that happens.
    ///
    /// # Errors
    /// What is uploaded is the version of somebody else.
    async fn settle(&self, app: &str, new: &Uploaded, own: Option<&AppVersion>) -> Result<()> {
        let Some(own) = own else { return Err(overtaken(app)) };
        for _ in 0..MAX_ROUNDS {
            let (versions, uploaded) = (self.versions(app).await?, self.uploaded_as_it_is(app).await?);
            if uploaded.is_same(new) {
                return Ok(());
            }
            let hashes = VersionHashes::of(&uploaded);
            if let Some(version) = versions.with_hashes(hashes) {
                return Err(Error::Failed(format!(
                    "somebody else has uploaded version {} of `{app}` at the same time, which it is now; yours is kept as version \
                     {}: `cocaine app rollback {app} --to {}`",
                    version.number, own.number, own.number
                )));
            }
            let Some(hashes) = hashes.filter(|hashes| versions.is_mixture(*hashes)) else { break };
            let is_part = |version: &&AppVersion| {
                version.hashes.package == hashes.package || version.hashes.manifest == hashes.manifest
            };
            let last = versions.iter().rfind(is_part).filter(|last| *last > own);
            let winner = match last {
                Some(last) => &self.read_version(app, last).await?,
                None => new,
            };
            self.write(app, &uploaded, winner).await?;
        }
        Err(overtaken(app))
    }

    /// Removes all versions but so many of the newest and the one that is uploaded. With 0 that one is removed, too.
    pub(crate) async fn remove_older_versions(
        &self,
        app: &str,
        current: &Uploaded,
        keep: usize,
    ) -> Result<()> {
        let versions = self.versions(app).await?;
        let hashes = VersionHashes::of(current);
        let others = versions.iter().rev().filter(|version| keep == 0 || Some(version.hashes) != hashes);
        for version in others.skip(keep) {
            self.remove_version(app, version).await?;
        }
        Ok(())
    }
}

fn overtaken(app: &str) -> Error {
    Error::Failed(format!(
        "somebody else uploads `{app}` at the same time: agree on who does, and upload it again"
    ))
}
