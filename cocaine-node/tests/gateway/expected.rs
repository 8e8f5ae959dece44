//! Where the gateway is not what the original proxies were, and why.

/// What a client gets.
#[derive(Debug)]
pub(crate) enum Ours {
    /// An answer of the gateway's: a status, and a text with this in it.
    Instead(u16, &'static str),
    /// The same if nothing was sent yet, and else an answer that ends before it is whole.
    Never(u16, &'static str),
    /// An answer of the worker's: status, headers, body.
    Whole(u16, &'static [(&'static str, &'static str)], &'static str),
}

/// An answer of a worker that breaks a rule, or that is told otherwise.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) scenarios: &'static [&'static str],
    pub(crate) ours: Ours,
}

/// An exchange that the original proxies answer with another status, or not at all, or not in HTTP.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) scenarios: &'static [&'static str],
    proxy: &'static str,
    /// The statuses of the gateway.
    pub(crate) ours: &'static [u16],
    /// What the original does, and why this is better, or shown elsewhere.
    pub(crate) why: &'static str,
}

impl Other {
    pub(crate) fn is_of(&self, scenario: &str, proxy: &str) -> bool {
        self.scenarios.contains(&scenario) && (self.proxy == proxy || self.proxy == "both")
    }
}

const fn row(
    scenarios: &'static [&'static str],
    proxy: &'static str,
    ours: &'static [u16],
    why: &'static str,
) -> Other {
    Other { scenarios, proxy, ours, why }
}

/// A first chunk that is no head of an answer.
const NO_HEAD: Ours = Ours::Instead(500, "the first chunk of the response is not [status, headers]");

const TEXT: (&str, &str) = ("content-type", "text/plain");
const TWO: (&str, &str) = ("content-length", "2");

/// By scenario, what becomes of the answers of workers that are not a plain head, a body of the length that was declared,
/// and an end. What the original proxies make of them: `worker.md` 6.2, 6.4.
pub(crate) const ANSWERS: &[Odd] = &[
    // An error instead of an answer.
    Odd {
        scenarios: &["reply-error", "head-error", "http10-error", "keep-alive-after-error"],
        ours: Ours::Instead(500, "[7]: on purpose"),
    },
    Odd { scenarios: &["reply-error-utf8"], ours: Ours::Instead(500, "[7]: n") },
    Odd { scenarios: &["python-boom"], ours: Ours::Instead(500, "[100]: the app has failed") },
    Odd {
        scenarios: &["event-odd", "unknown-event", "unknown-event-python", "dispatch-one-segment-slash"],
        ours: Ours::Instead(404, "the app has no event of this name"),
    },
    // Tornado calls the worker twice for this one, which is the worker's own.
    Odd { scenarios: &["reply-error-sys"], ours: Ours::Instead(500, "[32]: Broken pipe") },
    Odd { scenarios: &["app-stopped-in-flight"], ours: Ours::Instead(500, "[125]: ") },
    Odd { scenarios: &["queue-full"], ours: Ours::Instead(503, "Retry limit exceeded: queue is full") },
    Odd { scenarios: &["app-restarted-cached", "app-stopped-cached"], ours: Ours::Instead(503, "") },
    // No word at all.
    Odd {
        scenarios: &["reply-choke-only", "head-choke-only", "python-silent"],
        ours: Ours::Instead(500, "received `close` event without prior meta info"),
    },
    // An error after the head: Tornado writes a second answer into the body of the first.
    Odd {
        scenarios: &["reply-error-after-body", "reply-error-after-body-cl", "http10-error-after-body"],
        ours: Ours::Never(500, "[7]: after body"),
    },
    Odd { scenarios: &["reply-error-after-meta-cl"], ours: Ours::Never(500, "[7]: after meta") },
    Odd { scenarios: &["python-boom-late"], ours: Ours::Never(500, "[100]: the app has failed") },
    Odd { scenarios: &["worker-dies-after-meta"], ours: Ours::Never(500, "[2]: slave has been discarded") },
    // Fewer bytes than were declared: both send what they have, and close.
    Odd { scenarios: &["reply-cl-long"], ours: Ours::Never(500, "Content-Length") },
    // More bytes: Tornado closes without a byte.
    Odd { scenarios: &["reply-cl-short"], ours: Ours::Whole(200, &[TEXT, ("content-length", "5")], "hello") },
    Odd { scenarios: &["reply-cl0-body"], ours: Ours::Whole(200, &[TEXT, ("content-length", "0")], "") },
    // No head: the Rust proxy takes bytes behind it, and sends odd statuses as 500 with the worker's headers and body;
    // Tornado sends them.
    Odd {
        scenarios: &[
            "reply-code-nil",
            "reply-code-string",
            "reply-meta-bad",
            "reply-meta-int",
            "reply-meta-one",
            "reply-meta-split",
            "reply-meta-trailing",
            "reply-s0",
            "reply-s100",
            "reply-s1000",
            "reply-s70000",
            "reply-sneg",
        ],
        ours: NO_HEAD,
    },
    Odd { scenarios: &["reply-proto20"], ours: Ours::Instead(500, "1.0 and 1.1 are known") },
    // Heads in other words, which lose nothing: one of the two refuses each.
    Odd { scenarios: &["reply-hdr-int"], ours: Ours::Whole(200, &[TWO, ("x-n", "7")], "ok") },
    Odd { scenarios: &["reply-hdr-map"], ours: Ours::Whole(200, &[TEXT, TWO], "ok") },
    Odd { scenarios: &["reply-hdr-triple"], ours: Ours::Whole(200, &[("a", "b"), TWO], "ok") },
    Odd { scenarios: &["reply-meta-three"], ours: Ours::Whole(200, &[TWO], "ok") },
    // Headers that HTTP does not allow: both send the first two, and Tornado fails at the third.
    Odd { scenarios: &["reply-hdr-empty"], ours: Ours::Whole(200, &[("x-empty", ""), TWO], "ok") },
    Odd { scenarios: &["reply-hdr-space"], ours: Ours::Whole(200, &[("x-b", "padded"), TWO], "ok") },
    Odd { scenarios: &["reply-hdr-newline"], ours: Ours::Whole(200, &[TWO], "ok") },
    // Which app has answered is the gateway's word.
    Odd {
        scenarios: &["reply-own-proxy-headers"],
        ours: Ours::Whole(
            200,
            &[
                ("x-powered-by", "worker"),
                ("x-xss-protection", "0"),
                ("x-cocaine-application", "app"),
                ("x-request-id", "feed"),
                ("server", "w/1"),
                ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
                TWO,
            ],
            "ok",
        ),
    },
];

/// Where the Rust proxy sends an event that the gateway does not send: to a service that is no app.
pub(crate) const NOT_ASKED: &str = "not-an-app";

/// By scenario, where the statuses are not those of the original proxy.
pub(crate) const EXCHANGES: &[Other] = &[
    // What clients send.
    row(
        &[
            "chunked-request-bad",
            "header-no-colon",
            "http2-version",
            "request-line-garbage",
            "length-twice-different",
        ],
        "both",
        &[400],
        "both close without a word",
    ),
    row(&["chunked-request-trailer"], "both", &[200], "both close without a word; HTTP allows trailers"),
    row(&["client-gone-upload"], "both", &[400], "nobody is there to be told"),
    row(&["client-gone", "client-gone-stream"], "both", &[200], "nobody is there to be told"),
    row(
        &["client-half-close"],
        "tornado",
        &[504],
        "a half-close loses the request; the worker's answer was not kept",
    ),
    row(&["header-folded", "header-name-space"], "rust", &[400], "closes without a word"),
    row(&["header-folded", "header-name-space"], "tornado", &[400], "takes what others read otherwise"),
    row(&["header-huge"], "tornado", &[200], "closes without a word; up to 128 KiB is taken here"),
    row(&["http12"], "rust", &[400], "closes without a word"),
    row(&["http12"], "tornado", &[400], "takes it for 1.1"),
    row(&["length-negative"], "rust", &[400], "closes without a word"),
    row(&["length-negative"], "tornado", &[400], "takes it for 0, and the body for the next request"),
    row(&["length-too-big"], "both", &[413], "waits for ever, or closes without a word"),
    row(&["uri-bytes"], "rust", &[400], "closes without a word; a URI is ASCII"),
    row(&["uri-bytes"], "tornado", &[400], "passes bytes that no URI has"),
    // Whom a request is for.
    row(&["dispatch-absolute-form"], "both", &[200], "takes the host for a part of the path"),
    row(&["dispatch-empty-service"], "both", &[400], "503 or 404: the header is wrong, not the cloud"),
    row(&["dispatch-one-segment-slash"], "rust", &[404], "asks for an event without a name"),
    row(&["dispatch-only-event", "dispatch-only-service"], "tornado", &[400], "leaves a header aside"),
    row(&["dispatch-repeated-service"], "tornado", &[400], "asks for an app whose name is both"),
    row(&["ping-head", "ping-post", "ping-query"], "rust", &[200], "has no /ping"),
    row(&["ping-slash"], "rust", &[404], "asks for an app without a name"),
    row(&["trace-32", "trace-uuid"], "rust", &[200], "knows 16 digits alone"),
    row(&["trace-uuid"], "tornado", &[200], "fails"),
    row(
        &["rs-trace-17", "trace-bad", "trace-negative", "trace-prefix", "trace-repeated"],
        "rust",
        &[200],
        "400: an id need not be a number",
    ),
    row(
        &["trace-bad", "trace-negative", "trace-repeated"],
        "tornado",
        &[200],
        "500: an id need not be a number",
    ),
    row(&["trace-zero"], "rust", &[504], "the runtime closes the connection, and no answer is recorded"),
    row(&["rs-trace-policy-bad"], "rust", &[400], "takes it for `Auto`"),
    // What workers answer, as HTTP.
    row(&["head-choke-only", "head-error"], "rust", &[500], "closes without a word"),
    row(&["event-odd", "unknown-event", "unknown-event-python"], "both", &[404], "500: nobody has failed"),
    row(&["unknown-app-head"], "rust", &[503], "closes without a word"),
    row(&["http10-chunks", "http10-chunks-slow", "http10-keepalive-nocl"], "rust", &[200], "chunks on 1.0"),
    row(&["http10-error", "http10-error-after-body"], "rust", &[500], "chunks on 1.0"),
    row(
        &["head-chunks", "head-chunks-slow", "head-no-body"],
        "tornado",
        &[200],
        "chunks in an answer to HEAD",
    ),
    row(&["keep-alive-head-chunked"], "tornado", &[200, 200], "chunks in an answer to HEAD"),
    row(&["head-s204", "reply-s204", "reply-s204-body"], "tornado", &[204], "chunks where no body may be"),
    row(&["head-s304", "reply-s304"], "tornado", &[304], "chunks where no body may be"),
    row(&["reply-s204-cl0"], "both", &[204], "a length with 204"),
    row(&["http10-s204"], "tornado", &[204], "a length with 204"),
    row(
        &["python-boom-late", "reply-error-after-body", "worker-dies-after-meta"],
        "tornado",
        &[500],
        "writes a second answer into the body of the first",
    ),
    row(&["reply-chunks-empty"], "tornado", &[200], "an empty chunk of the worker's ends the body"),
    row(&["reply-cl-long"], "both", &[500], "the body is shorter than its length"),
    row(&["reply-cl-short", "reply-cl0-body"], "tornado", &[200], "closes without a byte"),
    row(&["reply-hdr-empty", "reply-hdr-space"], "both", &[200], "sends headers that are none"),
    row(&["reply-hdr-int"], "both", &[200], "refuses what loses nothing"),
    row(&["reply-hdr-map", "reply-hdr-bytes"], "rust", &[200], "refuses what loses nothing"),
    row(&["reply-hdr-triple", "reply-meta-three"], "tornado", &[200], "refuses what loses nothing"),
    row(&["reply-hdr-newline"], "tornado", &[200], "fails for one bad header, which is left out here"),
    row(&["reply-hop-te-cl"], "both", &[200], "a length, and chunks"),
    row(&["reply-hop-te"], "tornado", &[200], "chunks twice"),
    row(&["reply-meta-trailing"], "rust", &[500], "leaves bytes behind the head aside"),
    row(&["reply-proto20"], "rust", &[500], "does not know the header"),
    row(
        &["reply-s0", "reply-s1000", "reply-s70000", "reply-sneg"],
        "tornado",
        &[500],
        "sends what is no status",
    ),
    row(&["reply-s100"], "both", &[500], "answers with what is no answer"),
    row(&["reply-s799"], "rust", &[799], "makes 500 of it"),
    // What is shown elsewhere, since here the app is always there, and answers at once.
    row(&["app-stopped"], "both", &[200, 200], "`faults`: 503 while it is stopped"),
    row(&["app-stopped-cached"], "tornado", &[200, 200, 200], "`faults`: 503 while it is stopped"),
    row(&["ping-locator-down"], "tornado", &[200, 200], "`faults`: 503 while there is no locator"),
    row(&["queue-full"], "tornado", &[200, 200, 200, 200], "tries twice; the third try is answered here"),
    row(&["upgrade-websocket"], "both", &[501], "asks the app, and the client waits for what nobody speaks"),
    row(&["queue-full"], "rust", &[200, 200, 200, 503], "500: it may be tried again later"),
    row(
        &[
            "rs-request-timeout-hit",
            "rs-timeout-default",
            "timeout-before-meta",
            "timeout-body-cl",
            "timeout-head",
        ],
        "both",
        &[200],
        "`faults`: 504 when the time is over",
    ),
    // Other ports, which are not the gateway's.
    row(
        &["rs-monitor-set-severity", "rs-monitor-v1-severity-access", "rs-monitor-v1-severity-common"],
        "rust",
        &[503],
        "is asked for its own log; here /v1/severity is an app that is not there",
    ),
    row(&["util-info"], "tornado", &[200, 404], "is asked for its own state; /metrics has it"),
];
