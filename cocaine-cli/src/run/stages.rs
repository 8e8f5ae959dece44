//! What each app does, without anything that does it.

use std::collections::VecDeque;

/// What an app does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for its turn.
    Waiting,
    Building,
    Starting,
    Serving,
    /// The newest version does not serve, for this reason.
    Failed(String),
}

/// One app.
#[derive(Debug)]
pub(super) struct AppStage {
    pub(super) stage: Stage,
    /// The number of the version that serves, beginning with 1; none does at 0.
    pub(super) version: u32,
    /// How many versions have served.
    versions: u32,
    /// The file that has changed since the last build began. The first build needs none.
    change: Option<String>,
    is_queued: bool,
}

/// All apps. They are built one after the other.
#[derive(Debug)]
pub(super) struct AppStages {
    apps: Vec<AppStage>,
    queue: VecDeque<usize>,
}

impl AppStages {
    /// All apps wait for their first build.
    pub(super) fn new(apps: usize) -> Self {
        let waiting =
            || AppStage { stage: Stage::Waiting, version: 0, versions: 0, change: None, is_queued: true };
        Self { apps: (0..apps).map(|_| waiting()).collect(), queue: (0..apps).collect() }
    }

    pub(super) fn apps(&self) -> &[AppStage] {
        &self.apps
    }

    /// A file of an app has changed: it is to be built, again if it is being built.
    pub(super) fn change(&mut self, app: usize, file: &str) {
        let state = &mut self.apps[app];
        state.change.get_or_insert_with(|| file.to_owned());
        if !state.is_queued {
            state.is_queued = true;
            self.queue.push_back(app);
        }
    }

    /// Begins the next build. Returns the app, and the file that has changed.
    pub(super) fn begin_build(&mut self) -> Option<(usize, Option<String>)> {
        let app = self.queue.pop_front()?;
        let state = &mut self.apps[app];
        state.is_queued = false;
        state.stage = Stage::Building;
        Some((app, state.change.take()))
    }

    pub(super) fn begin_start(&mut self, app: usize) {
        self.apps[app].stage = Stage::Starting;
    }

    /// A new version serves. Returns its number.
    pub(super) fn serve_new(&mut self, app: usize) -> u32 {
        let state = &mut self.apps[app];
        state.versions += 1;
        state.version = state.versions;
        state.stage = Stage::Serving;
        state.version
    }

    /// The build has made what serves already. Returns its number.
    pub(super) fn serve_on(&mut self, app: usize) -> u32 {
        self.apps[app].stage = Stage::Serving;
        self.apps[app].version
    }

    /// The newest version does not serve. Returns the number of the version that goes on.
    pub(super) fn fail(&mut self, app: usize, reason: String, is_served: bool) -> Option<u32> {
        let state = &mut self.apps[app];
        state.stage = Stage::Failed(reason);
        if !is_served {
            state.version = 0;
        }
        (state.version > 0).then_some(state.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_apps_are_built_in_their_order() {
        let mut stages = AppStages::new(2);
        assert_eq!(stages.begin_build(), Some((0, None)));
        assert_eq!(stages.apps()[0].stage, Stage::Building);
        assert_eq!(stages.apps()[1].stage, Stage::Waiting);
        assert_eq!(stages.begin_build(), Some((1, None)));
        assert_eq!(stages.begin_build(), None);
    }

    #[test]
    fn change_during_a_build_builds_once_more() {
        let mut stages = AppStages::new(1);
        stages.begin_build();
        stages.change(0, "a.rs");
        stages.change(0, "b.rs");
        stages.begin_start(0);
        assert_eq!(stages.serve_new(0), 1);
        assert_eq!(stages.begin_build(), Some((0, Some("a.rs".to_owned()))));
        assert_eq!(stages.begin_build(), None);
    }

    #[test]
    fn failure_leaves_the_version_that_serves() {
        let mut stages = AppStages::new(1);
        stages.begin_build();
        assert_eq!(stages.fail(0, "no build".to_owned(), false), None);
        assert_eq!(stages.serve_new(0), 1);
        assert_eq!(stages.fail(0, "no start".to_owned(), true), Some(1));
        assert_eq!(stages.serve_on(0), 1);
        assert_eq!(stages.fail(0, "stopped first".to_owned(), false), None);
        assert_eq!(stages.serve_new(0), 2);
    }
}
