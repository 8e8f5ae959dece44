//! The expected calls of a double, and the calls that were made.

use std::{
    any::Any,
    fmt::Write as _,
    mem,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde::Serialize;
use tokio::sync::watch;

use super::arguments::ArgumentEncoding;
use crate::protocol::spec::ServiceSpec;

/// Returns the answer to encoded arguments.
pub(super) type AnswerFn<O> = Box<dyn Fn(&bytes::Bytes) -> O + Send + Sync>;

/// Decides which arguments an expectation accepts.
#[derive(Clone)]
pub(super) enum ArgumentMatcher {
    Any,
    Equal(bytes::Bytes),
    Predicate(Arc<dyn Fn(&bytes::Bytes) -> bool + Send + Sync>),
}

impl ArgumentMatcher {
    fn matches(&self, args: &bytes::Bytes) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(expected) => expected == args,
            Self::Predicate(predicate) => predicate(args),
        }
    }
}

/// One expectation, with the number of its calls.
pub(super) struct ExpectedCall {
    method: usize,
    /// Where the test has set it.
    location: &'static Location<'static>,
    pub(super) matcher: ArgumentMatcher,
    /// The expected number of calls; `None` for any number.
    pub(super) times: Option<usize>,
    calls: usize,
    /// An [`AnswerFn`].
    pub(super) answer: Option<Arc<dyn Any + Send + Sync>>,
}

impl ExpectedCall {
    fn has_calls_left(&self) -> bool {
        self.times.is_none_or(|times| self.calls < times)
    }

    fn is_met(&self) -> bool {
        self.times.is_none_or(|times| self.calls == times)
    }
}

#[derive(Default)]
struct State {
    expected_calls: Vec<ExpectedCall>,
    in_order: bool,
    /// Panics in tasks, where the test may not see them.
    failures: Vec<String>,
}

impl State {
    /// Returns whether the expectation at `index` accepts a call now.
    fn is_next(&self, index: usize) -> bool {
        let is_its_turn = || {
            self.expected_calls[..index].iter().all(ExpectedCall::is_met)
                && self.expected_calls[index + 1..].iter().all(|expected| expected.calls == 0)
        };
        self.expected_calls[index].has_calls_left() && (!self.in_order || is_its_turn())
    }
}

/// The expectations of a double, which its clones share.
pub(super) struct Expectations {
    spec: &'static ServiceSpec,
    encoding: ArgumentEncoding,
    state: Mutex<State>,
    /// The number of scripts that have not ended.
    running_scripts: watch::Sender<usize>,
}

impl Expectations {
    pub(super) fn new(spec: &'static ServiceSpec, encoding: ArgumentEncoding) -> Self {
        Self { spec, encoding, state: Mutex::default(), running_scripts: watch::Sender::new(0) }
    }

    pub(super) fn spec(&self) -> &'static ServiceSpec {
        self.spec
    }

    pub(super) fn running_scripts(&self) -> &watch::Sender<usize> {
        &self.running_scripts
    }

    pub(super) fn in_order(&self) {
        self.lock().in_order = true;
    }

    /// Adds an expectation and returns its index.
    pub(super) fn expect(&self, method: usize, location: &'static Location<'static>) -> usize {
        let mut state = self.lock();
        let expected = ExpectedCall {
            method,
            location,
            matcher: ArgumentMatcher::Any,
            times: Some(1),
            calls: 0,
            answer: None,
        };
        state.expected_calls.push(expected);
        state.expected_calls.len() - 1
    }

    /// Changes an expectation, unless it has been cleared.
    pub(super) fn change(&self, expected: usize, change: impl FnOnce(&mut ExpectedCall)) {
        if let Some(expected) = self.lock().expected_calls.get_mut(expected) {
            change(expected);
        }
    }

    /// Records a panic that the test may not see, for [`Self::take_failures`].
    pub(super) fn record_failure(&self, text: String) {
        self.lock().failures.push(text);
    }

    /// Returns the method of an expectation.
    pub(super) fn expected_method(&self, expected: usize) -> usize {
        self.lock().expected_calls.get(expected).map_or(0, |expected| expected.method)
    }

    /// Returns the name of a method.
    pub(super) fn method_name(&self, method: usize) -> &'static str {
        self.spec.methods.get(method).map_or("?", |method| method.name)
    }

    /// Returns how arguments are encoded.
    pub(super) fn encoding(&self) -> ArgumentEncoding {
        self.encoding
    }

    /// Encodes arguments as a client does.
    pub(super) fn encode_args<T: Serialize>(&self, method: usize, args: &T) -> bytes::Bytes {
        self.encoding.encode(args).unwrap_or_else(|error| {
            panic!("the arguments of {}.{} cannot be sent: {error}", self.spec.name, self.method_name(method))
        })
    }

    /// Counts a call and returns its [`AnswerFn`]. Panics if the call is not expected.
    pub(super) fn match_call(&self, method: usize, args: &bytes::Bytes) -> Arc<dyn Any + Send + Sync> {
        // Predicates run without the lock: they may call the double.
        let expected_calls: Vec<_> =
            (self.lock().expected_calls.iter().map(|expected| (expected.method, expected.matcher.clone())))
                .collect();
        let candidates: Vec<_> = (expected_calls.iter().enumerate())
            .filter(|(_, (expected, matcher))| *expected == method && matcher.matches(args))
            .map(|(index, _)| index)
            .collect();
        let mut state = self.lock();
        let matched = candidates.into_iter().find(|index| state.is_next(*index));
        let text = match matched.and_then(|index| state.expected_calls.get_mut(index)) {
            Some(expected) => {
                expected.calls += 1;
                if let Some(answer) = &expected.answer {
                    return answer.clone();
                }
                format!(
                    "{} is expected at {}, but no reply is set: add `.returns(…)`, or the method for its kind",
                    self.format_call(method, args),
                    expected.location
                )
            }
            None => self.describe_unexpected(&state, method, args),
        };
        state.failures.push(text.clone());
        drop(state);
        panic!("{text}");
    }

    fn describe_unexpected(&self, state: &State, method: usize, args: &bytes::Bytes) -> String {
        let name = self.method_name(method);
        let mut text = format!("{} is not expected", self.format_call(method, args));
        let relevant: Vec<_> = state
            .expected_calls
            .iter()
            .filter(|expected| state.in_order || expected.method == method)
            .collect();
        if relevant.is_empty() {
            let _ = write!(text, ": no call of `{name}` is");
        } else if state.in_order {
            text.push_str(" now; expected are, in this order:");
        } else {
            let _ = write!(text, "; expected of `{name}` are:");
        }
        for expected in relevant {
            let _ = write!(text, "\n  {}", self.describe(expected));
        }
        text
    }

    /// Formats a call in the notation of Rust.
    fn format_call(&self, method: usize, args: &bytes::Bytes) -> String {
        format!("{}.{}({})", self.spec.name, self.method_name(method), self.encoding.format(args))
    }

    fn describe(&self, expected: &ExpectedCall) -> String {
        let args = match &expected.matcher {
            ArgumentMatcher::Any => "…".to_owned(),
            ArgumentMatcher::Equal(args) => self.encoding.format(args),
            ArgumentMatcher::Predicate(_) => "arguments that match the predicate".to_owned(),
        };
        let times = match expected.times {
            None => "any number of times".to_owned(),
            Some(times) => format_count(times, "never"),
        };
        let calls = format_count(expected.calls, "not once");
        format!(
            "{}({args}), {times}, and called {calls} ({})",
            self.method_name(expected.method),
            expected.location
        )
    }

    /// Removes and returns all failures: recorded ones and unmet expectations.
    pub(super) fn take_failures(&self) -> Option<String> {
        let mut state = self.lock();
        let mut lines = mem::take(&mut state.failures);
        let unmet: Vec<_> = state.expected_calls.iter().filter(|expected| !expected.is_met()).collect();
        lines.extend(
            unmet
                .iter()
                .map(|expected| format!("expected of {}: {}", self.spec.name, self.describe(expected))),
        );
        if lines.is_empty() {
            return None;
        }
        state.expected_calls.clear();
        Some(lines.join("\n"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Expectations {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        if let Some(text) = self.take_failures() {
            panic!("{text}");
        }
    }
}

fn format_count(times: usize, never: &str) -> String {
    match times {
        0 => never.to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}
