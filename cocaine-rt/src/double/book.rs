//! What is expected of a double, and what has been called.

use std::{
    any::Any,
    fmt::Write as _,
    mem,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use crate::{
    protocol::{args::Args, error::Error, spec::ServiceSpec},
    wire::{
        decode,
        encode::{self, Encoded},
    },
};

/// What makes an answer of encoded arguments.
pub(super) type Answer<O> = Box<dyn Fn(&bytes::Bytes) -> O + Send + Sync>;

/// What an expectation says of arguments.
#[derive(Clone)]
pub(super) enum Fits {
    Anything,
    Exactly(bytes::Bytes),
    If(Arc<dyn Fn(&bytes::Bytes) -> bool + Send + Sync>),
}

impl Fits {
    fn fits(&self, args: &bytes::Bytes) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(expected) => expected == args,
            Self::If(holds) => holds(args),
        }
    }
}

/// One expectation.
pub(super) struct Rule {
    method: usize,
    /// Where the test says so.
    place: &'static Location<'static>,
    pub(super) fits: Fits,
    /// How often it is to be met; without a number, any number of times.
    pub(super) times: Option<usize>,
    made: usize,
    /// An [`Answer`].
    pub(super) answer: Option<Arc<dyn Any + Send + Sync>>,
}

impl Rule {
    fn is_open(&self) -> bool {
        self.times.is_none_or(|times| self.made < times)
    }

    fn is_met(&self) -> bool {
        self.times.is_none_or(|times| self.made == times)
    }
}

#[derive(Default)]
struct Pages {
    rules: Vec<Rule>,
    in_order: bool,
    /// What went wrong where the test may not have seen it.
    faults: Vec<String>,
}

impl Pages {
    /// Returns whether the call may be made that the rule at `index` expects.
    fn is_next(&self, index: usize) -> bool {
        let in_turn = || {
            self.rules[..index].iter().all(Rule::is_met)
                && self.rules[index + 1..].iter().all(|rule| rule.made == 0)
        };
        self.rules[index].is_open() && (!self.in_order || in_turn())
    }
}

/// The expectations of a double, which its clones share.
pub(super) struct Book {
    spec: &'static ServiceSpec,
    pages: Mutex<Pages>,
    /// How many scripts are being played.
    playing: watch::Sender<usize>,
}

impl Book {
    pub(super) fn new(spec: &'static ServiceSpec) -> Self {
        Self { spec, pages: Mutex::default(), playing: watch::Sender::new(0) }
    }

    pub(super) fn spec(&self) -> &'static ServiceSpec {
        self.spec
    }

    pub(super) fn playing(&self) -> &watch::Sender<usize> {
        &self.playing
    }

    pub(super) fn in_order(&self) {
        self.lock().in_order = true;
    }

    /// Adds an expectation, and returns its place.
    pub(super) fn expect(&self, method: usize, place: &'static Location<'static>) -> usize {
        let mut pages = self.lock();
        let rule = Rule { method, place, fits: Fits::Anything, times: Some(1), made: 0, answer: None };
        pages.rules.push(rule);
        pages.rules.len() - 1
    }

    /// Changes an expectation, unless it has been forgotten.
    pub(super) fn change(&self, rule: usize, change: impl FnOnce(&mut Rule)) {
        if let Some(rule) = self.lock().rules.get_mut(rule) {
            change(rule);
        }
    }

    /// Notes what the test may not see otherwise.
    pub(super) fn fault(&self, text: String) {
        self.lock().faults.push(text);
    }

    /// Returns the method of an expectation.
    pub(super) fn method_of(&self, rule: usize) -> usize {
        self.lock().rules.get(rule).map_or(0, |rule| rule.method)
    }

    /// Returns the name of a method.
    pub(super) fn method(&self, method: usize) -> &'static str {
        self.spec.methods.get(method).map_or("?", |method| method.name)
    }

    /// Returns arguments as they would be sent.
    pub(super) fn encode<T: Serialize>(&self, method: usize, args: &T) -> bytes::Bytes {
        let mut encoded = Encoded::default();
        if let Err(error) = encode::args(args, &mut encoded).map_err(Error::from_encode) {
            panic!("the arguments of {}.{} cannot be sent: {error}", self.spec.name, self.method(method));
        }
        encoded.flatten().into()
    }

    /// Returns the [`Answer`] to a call, and counts the call.
    pub(super) fn claim(&self, method: usize, args: &bytes::Bytes) -> Arc<dyn Any + Send + Sync> {
        // A test's own code runs without the lock: it may call the double.
        let rules: Vec<_> = (self.lock().rules.iter().map(|rule| (rule.method, rule.fits.clone()))).collect();
        let fitting: Vec<_> = (rules.iter().enumerate())
            .filter(|(_, (expected, fits))| *expected == method && fits.fits(args))
            .map(|(index, _)| index)
            .collect();
        let mut pages = self.lock();
        let found = fitting.into_iter().find(|index| pages.is_next(*index));
        let text = match found.and_then(|index| pages.rules.get_mut(index)) {
            Some(rule) => {
                rule.made += 1;
                if let Some(answer) = &rule.answer {
                    return answer.clone();
                }
                format!(
                    "{} is expected at {}, but not what it answers: add `.returns(…)`, or what fits its kind",
                    self.call(method, args),
                    rule.place
                )
            }
            None => self.unexpected(&pages, method, args),
        };
        pages.faults.push(text.clone());
        drop(pages);
        panic!("{text}");
    }

    fn unexpected(&self, pages: &Pages, method: usize, args: &bytes::Bytes) -> String {
        let name = self.method(method);
        let mut text = format!("{} is not expected", self.call(method, args));
        let told: Vec<_> =
            pages.rules.iter().filter(|rule| pages.in_order || rule.method == method).collect();
        if told.is_empty() {
            let _ = write!(text, ": no call of `{name}` is");
        } else if pages.in_order {
            text.push_str(" now; expected are, in this order:");
        } else {
            let _ = write!(text, "; expected of `{name}` are:");
        }
        for rule in told {
            let _ = write!(text, "\n  {}", self.describe(rule));
        }
        text
    }

    /// Returns a call as Rust writes it.
    fn call(&self, method: usize, args: &bytes::Bytes) -> String {
        format!("{}.{}({})", self.spec.name, self.method(method), shown(args))
    }

    fn describe(&self, rule: &Rule) -> String {
        let args = match &rule.fits {
            Fits::Anything => "…".to_owned(),
            Fits::Exactly(args) => shown(args),
            Fits::If(_) => "… if they fit".to_owned(),
        };
        let times = match rule.times {
            None => "any number of times".to_owned(),
            Some(times) => often(times, "never"),
        };
        let made = often(rule.made, "not once");
        format!("{}({args}), {times}, and called {made} ({})", self.method(rule.method), rule.place)
    }

    /// Returns what the test has to know, and forgets it.
    pub(super) fn settle(&self) -> Option<String> {
        let mut pages = self.lock();
        let mut lines = mem::take(&mut pages.faults);
        let unmet: Vec<_> = pages.rules.iter().filter(|rule| !rule.is_met()).collect();
        lines.extend(
            unmet.iter().map(|rule| format!("expected of {}: {}", self.spec.name, self.describe(rule))),
        );
        if lines.is_empty() {
            return None;
        }
        pages.rules.clear();
        Some(lines.join("\n"))
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        if let Some(text) = self.settle() {
            panic!("{text}");
        }
    }
}

/// Returns arguments as a closure takes them.
pub(super) fn decode<T: DeserializeOwned>(args: &bytes::Bytes) -> T {
    decode::args(args).unwrap_or_else(|malformed| {
        panic!("({}) are not read as they were written: {malformed}", shown(args))
    })
}

fn often(times: usize, never: &str) -> String {
    match times {
        0 => never.to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}

/// As much of an argument as a message shows.
const SHOWN: usize = 120;

/// Returns arguments as a reader wants them.
fn shown(args: &bytes::Bytes) -> String {
    let Ok(Args(values)) = decode::args(args) else {
        return "…".to_owned();
    };
    let cut = |text: String| match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let values: Vec<_> = values.iter().map(|value| cut(value.to_string())).collect();
    values.join(", ")
}
