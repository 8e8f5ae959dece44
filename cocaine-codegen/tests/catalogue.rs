//! What a catalogue may say, and what is said of mistakes in it.

use cocaine_codegen::{Catalogue, Error, Metadata, Options, generate};

fn mistakes(text: &str) -> Vec<String> {
    let error = Catalogue::parse("my.rs", text).err();
    error.iter().flat_map(Error::problems).map(ToString::to_string).collect()
}

/// Returns the only mistake in a trait with this method.
fn mistake(method: &str) -> String {
    let mut found = mistakes(&format!("trait Echo {{\n    {method}\n}}"));
    assert_eq!(found.len(), 1, "{method}: {found:?}");
    found.remove(0)
}

#[test]
fn mistake_is_reported_with_location_and_remedy() {
    for (method, expected) in [
        ("fn ping(&self);", "my.rs:2:13: leave `self` out"),
        ("fn ping(_: u8);", "my.rs:2:13: an argument needs a name"),
        ("fn ping(aB: u8);", "my.rs:2:13: write the argument's name in snake_case: `a_b`"),
        ("fn ping(a: u8, a: u8);", "my.rs:2:20: there are two arguments `a`"),
        ("fn ping(a: Option<u8>, b: u8);", "my.rs:2:28: only trailing arguments may be left out"),
        ("fn ping(a: str);", "my.rs:2:16: write `&str`"),
        ("fn ping(a: usize);", "my.rs:2:16: `usize` has no form on the wire"),
        ("fn ping(a: HashMap<u8, u8>);", "my.rs:2:16: write `BTreeMap`"),
        ("fn ping(a: BTreeMap<u8>);", "my.rs:2:16: write `BTreeMap<Key, Value>`"),
        ("fn ping(a: Option);", "my.rs:2:16: write `Option<T>`"),
        ("fn ping(a: Own);", "my.rs:2:16: there is no type `Own` here"),
        ("fn ping(a: own::Own);", "my.rs:2:16: a type of your own needs a full path"),
        ("fn ping(a: &[u8]);", "my.rs:2:17: this is a list of numbers on the wire: write `Bytes`"),
        ("fn ping(a: &'a str);", "my.rs:2:17: leave the lifetime out"),
        ("fn ping(a: &mut Bytes);", "my.rs:2:16: an argument is only read"),
        ("fn ping(a: &&str);", "my.rs:2:16: one reference is enough"),
        ("fn ping(a: &[&Bytes]);", "my.rs:2:16: a reference other than `&str` stands outermost"),
        ("fn ping(a: fn());", "my.rs:2:16: write a reference, a tuple, or one of the named types"),
        ("fn ping(a: Stream<u8>);", "my.rs:2:16: "),
        ("fn ping(#[lossy] a: u8);", "my.rs:2:13: an argument takes `#[lossy]` only"),
        ("fn ping() -> &str;", "my.rs:2:18: what is received is owned"),
        ("fn ping() -> Vec<&str>;", "my.rs:2:18: what is received is owned"),
        (
            "fn ping() -> Stream;",
            "my.rs:2:18: write `Stream<T>`, `Duplex<In, Out>`, `Session<Tx, Rx>`, `Guard`",
        ),
        ("fn ping() -> Guard<u8>;", "my.rs:2:18: write `Stream<T>`"),
        ("fn ping() -> FlaggedOption;", "my.rs:2:18: write `Stream<T>`"),
        ("fn ping() -> Found<u8>;", "my.rs:2:18: `Found` is called `FlaggedOption` now"),
        ("fn ping() -> Tried<u8>;", "my.rs:2:18: `Tried` is called `FlaggedResult` now"),
        ("fn ping() -> List<u8>;", "my.rs:2:18: `List` is called `MaybeFlatVec` now"),
        ("fn ping() -> FlaggedResult<u8, u8>;", "my.rs:2:18: write `Stream<T>`"),
        ("fn ping() -> Stream<Guard>;", "my.rs:2:25: `Guard` stands alone, behind `->`"),
        ("fn ping() -> Vec<FlaggedOption<u8>>;", "my.rs:2:22: `FlaggedOption` stands alone, behind `->`"),
        ("fn ping() -> Session<Nobody, Reply<u8>>;", "my.rs:2:26: a side of a session is"),
        ("fn ping() {}", "my.rs:2:15: a method has no body here"),
        ("async fn ping();", "my.rs:2:14: write `fn name(arguments) -> reply;`"),
        ("fn ping<T>();", "my.rs:2:8: write `fn name(arguments) -> reply;`"),
        ("#[inline] fn ping();", "my.rs:2:5: a method takes `#[name = \"…\"]`"),
        ("fn readAll();", "my.rs:2:8: write the method's name in snake_case: `read_all`"),
        ("fn Ж();", "my.rs:2:8: write the method's name in snake_case: `u416`"),
        ("#[name = \"a\"] #[name = \"b\"] fn ping();", "my.rs:2:19: `#[name]` stands here twice"),
        (
            "#[revoke_on_drop] #[revoke_on_drop] fn ping();",
            "my.rs:2:23: `#[revoke_on_drop]` stands here twice",
        ),
        ("#[revoke_on_drop(x)] fn ping();", "my.rs:2:5: a method takes"),
        ("fn ping(#[lossy] #[lossy] a: &str);", "my.rs:2:22: `#[lossy]` stands here twice"),
        ("fn ping(#[lossy = 1] a: &str);", "my.rs:2:13: an argument takes `#[lossy]` only"),
        ("const X: u8;", "my.rs:2:5: a trait holds methods only"),
    ] {
        let found = mistake(method);
        assert!(found.starts_with(expected), "{method}: {found}");
    }
    let many = (0..17).map(|index| format!("a{index}: u8")).collect::<Vec<_>>().join(", ");
    assert!(mistake(&format!("fn ping({many});")).contains("at most 16 arguments"));
}

#[test]
fn mistakes_around_methods() {
    for (text, expected) in [
        ("trait X {", "my.rs:1:9: this is no Rust: a bracket or a quote here has no other half"),
        ("trait 1 {}", "my.rs:1:7: this is no Rust: expected identifier"),
        ("fn x() {}", "my.rs:1:1: a catalogue holds traits, types and `use` only"),
        ("trait X: Y {}", "my.rs:1:7: a trait has neither generics nor supertraits here"),
        (
            "#[service(nam = \"x\")] trait X {}",
            "my.rs:1:11: `service` takes `name`, `version` and `any_name`",
        ),
        ("#[service(version = \"x\")] trait X {}", "my.rs:1:21: expected integer literal"),
        ("#[must_use] trait X {}", "my.rs:1:1: a trait takes `#[service"),
        (
            "trait X {}\ntrait Y {}\n#[service(name = \"x\")] trait Z {}",
            "my.rs:3:30: `Z` describes `x`, which `X` does already",
        ),
        ("#[service(name = \"a\", name = \"b\")] trait X {}", "my.rs:1:23: this stands here twice"),
        ("#[service()] #[service()] trait X {}", "my.rs:1:14: `#[service]` stands here twice"),
        ("trait x {}", "my.rs:1:7: write the trait's name in CamelCase: `X`"),
        ("trait X_y {}", "my.rs:1:7: write the trait's name in CamelCase: `XY`"),
        ("trait X { fn a(); #[name = \"a\"] fn b(); }", "my.rs:1:36: `a` is described twice"),
        (
            "trait X { fn a() -> Session<Y, Reply<u8>>; }\ntrait Y { fn b() -> u8; }",
            "my.rs:2:14: a message has no answer of its own",
        ),
    ] {
        let found = mistakes(text);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    assert_eq!(mistakes("trait X { fn a(x: str); fn b(&self, y: usize) -> &str; }").len(), 4);
}

const VALUE: &str = r#"{"0": ["value", {}], "1": ["error", {}]}"#;
const STREAM: &str = r#"{"0": ["write", null], "1": ["error", {}], "2": ["close", {}]}"#;

/// Generates for a service `echo` with one method `ping`, and this description; the output without its warnings, or
/// all that is said.
fn merged(description: &str, dispatch: &str, upstream: &str) -> Result<String, String> {
    let json = format!(r#"{{"echo": {{"version": 1, "graph": {{"0": ["ping", {dispatch}, {upstream}]}}}}}}"#);
    let catalogue = Catalogue::parse("my.rs", description).unwrap();
    let output = generate(
        &Metadata::from_json(&json).unwrap(),
        &catalogue,
        &Options { strict: true, ..Options::default() },
    );
    output.map(|mut output| output.files.remove(0).text).map_err(|error| error.to_string())
}

#[test]
fn conflict_of_catalogue_and_graph_names_both() {
    for (method, dispatch, upstream, catalogue, graph) in [
        ("fn ping() -> u8;", "{}", "{}", "it answers with one value", "nothing is answered"),
        ("fn ping() -> Stream<u8>;", "{}", VALUE, "it answers with a stream", "it answers with one value"),
        ("fn ping();", "{}", STREAM, "it answers with no value", "it answers with a stream"),
        (
            "fn ping() -> Duplex<u8, u8>;",
            STREAM,
            VALUE,
            "the caller sends a stream and the service a stream",
            "the caller sends a stream and the service one value (a session)",
        ),
        (
            "fn ping() -> u8;",
            r#"{"0": ["discard", {}]}"#,
            VALUE,
            "it answers with one value",
            "the caller sends messages of its own (discard) and the service one value (a session)",
        ),
    ] {
        let error = merged(&format!("trait Echo {{ {method} }}"), dispatch, upstream).unwrap_err();
        let expected = format!(
            "service `echo`, method `ping`: the catalogue (my.rs:1:17) says that {catalogue}, the graph that {graph}; "
        );
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn missing_description_or_method_is_a_warning() {
    let error = merged("trait Echo { fn ping(); fn pong(); }", "{}", VALUE).unwrap_err();
    assert!(error.starts_with(
        "service `echo`, method `pong`: the catalogue describes it, but the graph has no such method"
    ));
    let error = merged("trait Echo {}", "{}", VALUE).unwrap_err();
    assert!(
        error.starts_with("service `echo`, method `ping`: the catalogue does not describe it"),
        "{error}"
    );
    let error = merged("trait Other {}", "{}", VALUE).unwrap_err();
    assert!(error.starts_with("service `echo`: no catalogue describes it"), "{error}");
    let error = merged("#[service(version = 2)] trait Echo { fn ping(); }", "{}", VALUE).unwrap_err();
    assert!(
        error.starts_with("service `echo`: the catalogue describes version 2, this is version 1"),
        "{error}"
    );
    let session = "trait Echo { fn ping() -> Session<Said, Reply<()>>; } trait Said { fn one(); fn two(); }";
    let error = merged(session, r#"{"0": ["one", null], "1": ["three", {}]}"#, VALUE).unwrap_err();
    assert!(error.contains("its message `three`") && error.contains("its message `two`"), "{error}");
}

#[test]
fn users_description_takes_precedence() {
    let own = Catalogue::parse("my.rs", "trait Storage { fn read(collection: &str) -> Value; }").unwrap();
    let json = format!(r#"{{"storage": {{"version": 1, "graph": {{"0": ["read", {{}}, {VALUE}]}}}}}}"#);
    let metadata = Metadata::from_json(&json).unwrap();
    let output = generate(&metadata, &own.with_fallback(Catalogue::builtin()), &Options::default()).unwrap();
    assert!(output.files[0].text.contains("async fn read(&self, collection: &str) -> Result<Value>"));
}

#[test]
fn app_description_applies_to_any_name() {
    let app = format!(
        r#"{{"0": ["enqueue", {STREAM}, {STREAM}], "1": ["info", {{}}, {VALUE}], "2": ["control", {STREAM}, {VALUE}]}}"#
    );
    let json = format!(r#"{{"my_app": {{"version": 1, "graph": {app}}}}}"#);
    let options = Options { strict: true, ..Options::default() };
    let output = generate(&Metadata::from_json(&json).unwrap(), &Catalogue::builtin(), &options).unwrap();
    let text = &output.files[0].text;
    assert!(text.contains("pub trait MyAppServer {") && text.contains("on_drop: OnDrop::Revoke"), "{text}");
}

#[test]
fn mistakes_in_types() {
    for (text, expected) in [
        ("struct X;", "my.rs:1:8: a struct has 1 to 16 fields with names, or one without"),
        ("struct X {}", "my.rs:1:8: a struct has 1 to 16 fields"),
        ("struct X(u8, u8);", "my.rs:1:8: a struct has 1 to 16 fields"),
        ("struct X<T>(u8);", "my.rs:1:9: a type has no generics here"),
        ("struct X(Own);", "my.rs:1:10: there is no type `Own` here"),
        ("struct X { a: &str }", "my.rs:1:15: what is received is owned"),
        ("struct X { aB: u8 }", "my.rs:1:12: write the field's name in snake_case: `a_b`"),
        ("struct X { #[a] b: u8 }", "my.rs:1:12: a field takes docs only"),
        ("#[flat] #[a] struct X { b: u8 }", "my.rs:1:9: a struct takes `#[flat]` and docs only"),
        ("struct an_x(u8);", "my.rs:1:8: write the type's name in CamelCase: `AnX`"),
        ("struct Value(u8);", "my.rs:1:8: `Value` is a name of the generated code's own"),
        ("struct X(u8);\nenum X { A = 1 }", "my.rs:2:6: there are two types `X`"),
        ("struct X(u8);\ntrait X {}", "my.rs:1:8: `X` is the name of a trait too"),
        ("enum X {}", "my.rs:1:6: an enum has at least one variant"),
        (
            "enum X { A = 1, B = 1 }",
            "my.rs:1:6: an enum has at least one variant, each with a number of its own",
        ),
        ("enum X { A }", "my.rs:1:10: write `Name = 1`; `Other` is there for all other numbers"),
        ("enum X { Other = 1 }", "my.rs:1:10: write `Name = 1`"),
        ("enum X { A(u8) = 1 }", "my.rs:1:10: write `Name = 1`"),
        ("enum X { #[a] A = 1 }", "my.rs:1:10: a variant takes docs only"),
        ("#[repr(f32)] enum X { A = 1 }", "my.rs:1:19: write one of `#[repr(i8|i16|"),
        ("#[repr(u8)] enum X { A = 256 }", "my.rs:1:22: 256 is no `u8`"),
        ("enum X { a = 1 }", "my.rs:1:10: write the variant's name in CamelCase: `A`"),
        ("enum X { A = 1, A = 2 }", "my.rs:1:17: there are two variants `A`"),
        ("struct X { a: u8, a: u8 }", "my.rs:1:19: there are two fields `a`"),
        ("#[flat] #[flat] struct X { a: u8 }", "my.rs:1:9: `#[flat]` stands here twice"),
        ("#[repr(u8)] #[repr(u16)] enum X { A = 1 }", "my.rs:1:13: `#[repr]` stands here twice"),
        (
            "struct X(X);",
            "my.rs:1:8: a value of `X` contains another `X`, and so has no end: put the inner one in a `Vec`",
        ),
        ("struct X { x: Option<(u8, X)> }", "my.rs:1:8: a value of `X` contains another `X`"),
        (
            "struct X(Y);\nstruct Y { z: Z, y: Vec<Y> }\nstruct Z(Option<Y>);",
            "my.rs:2:8: a value of `Y` contains",
        ),
        ("#[a] enum X { A = 1 }", "my.rs:1:1: an enum takes `#[repr(…)]` and docs only"),
    ] {
        let found = mistakes(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn recursion_through_lists_is_allowed() {
    assert_eq!(mistakes("struct X { x: Vec<X>, y: BTreeMap<String, X>, z: Y } struct Y(Vec<X>);"), [""; 0]);
}

#[test]
fn deeply_nested_catalogue_is_an_error() {
    let nested = |open: &str, close: &str, times| {
        mistake(&format!("fn ping(a: {}u16{});", open.repeat(times), close.repeat(times)))
    };
    for (open, close) in [("Vec<", ">"), ("(", ",)"), ("&[", "]"), ("::a<", ">"), ("&", "")] {
        let error = nested(open, close, 50_000);
        assert!(
            error.contains("nested too deeply here: declare a type for the inner ones"),
            "{open}: {error}"
        );
    }
    for (open, close) in [("Vec<", ">"), ("(", ",)"), ("::a<", ">")] {
        let error = nested(open, close, 40);
        assert!(error.starts_with("my.rs:2:16: types are nested more than 32 deep here"), "{open}: {error}");
    }
    let code = "fn a() { ".to_owned() + &"{".repeat(50_000) + &"}".repeat(50_000) + " }";
    assert!(mistakes(&code)[0].contains("nested too deeply"));
}

/// Returns what is generated for the one service of `graph`, described by `text`.
fn generated(graph: &str, text: &str) -> Result<String, String> {
    let metadata =
        Metadata::from_json(&format!(r#"{{"echo": {{"version": 1, "graph": {graph}}}}}"#)).unwrap();
    let output = generate(&metadata, &Catalogue::parse("my.rs", text).unwrap(), &Options::default());
    output.map(|output| output.files[0].text.clone()).map_err(|error| error.to_string())
}

#[test]
fn module_declares_only_types_its_service_needs() {
    let graph = r#"{"0": ["ping", {}, {"0": ["value", {}], "1": ["error", {}]}]}"#;
    let text = "trait Echo { fn ping(a: &[A]) -> B; }\ntrait Sun { fn shine(d: Day); }\n\
                struct A(i32); struct B { c: Vec<C> } struct C { b: Vec<B>, text: String } struct Day(u8);";
    let code = generated(graph, text).unwrap();
    for expected in [
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n    pub struct A(",
        "#[derive(Clone, Debug, PartialEq)]\n    #[allow(clippy::struct_excessive_bools, clippy::struct_field_names)]\n    pub struct B {",
        "pub struct C {",
        "pub use self::echo::{A, B, C, Echo, EchoClient, ServeEcho};",
    ] {
        assert!(code.contains(expected), "{expected}\n{code}");
    }
    assert!(!code.contains("struct Day"), "{code}");
}

#[test]
fn guard_requires_a_caller_that_can_close() {
    let upstream = r#"{"0": ["write", null], "1": ["error", {}], "2": ["close", {}]}"#;
    let text = "trait Echo { fn ping() -> Guard; }";
    let code = generated(&format!(r#"{{"0": ["ping", {{"0": ["close", {{}}]}}, {upstream}]}}"#), text);
    assert!(code.unwrap().contains("Guard::acquire(&self.0, 0, ()).await"));
    for dispatch in ["{}", r#"{"0": ["cancel", {}]}"#] {
        let error = generated(&format!(r#"{{"0": ["ping", {dispatch}, {upstream}]}}"#), text).unwrap_err();
        assert!(error.contains("it holds something until the caller sends `close`"), "{error}");
    }
}

#[test]
fn undescribed_method_takes_any_arguments() {
    let graph = r#"{"0": ["ping", {}, {"0": ["value", {}], "1": ["error", {}]}]}"#;
    let code = generated(graph, "trait Echo { /// Pings.\n fn ping(args: Args) -> Value; }").unwrap();
    for expected in [
        "fn ping(&self, args: Args) -> impl Future<Output = Result<Value>> + Send;",
        "let list = args.decode::<Args>()?;",
        "/// Pings.\n        pub async fn ping<R: DeserializeOwned>(",
    ] {
        assert!(code.contains(expected), "{expected}\n{code}");
    }
    let code = generated(graph, "trait Echo { fn ping(args: Args) -> MaybeFlatVec<i32>; }").unwrap();
    for expected in [
        "fn ping(&self, args: Args) -> impl Future<Output = Result<Vec<i32>>> + Send;",
        "pub async fn ping(&self, args: impl Serialize + Send) -> Result<Vec<i32>> {\n            \
         self.0.call(0, args).await.map(|MaybeFlatVec(answer)| answer)",
    ] {
        assert!(code.contains(expected), "{expected}\n{code}");
    }
    assert!(!code.contains("DeserializeOwned"), "{code}");
}

#[test]
fn trailing_none_of_a_struct_is_omitted() {
    let graph = r#"{"0": ["ping", {}, {"0": ["value", {}], "1": ["error", {}]}]}"#;
    let text = "trait Echo { fn ping(a: &A) -> B; }\nstruct A { x: Option<i32>, y: i32, z: Option<i32> }\n\
                #[flat] struct B { x: Option<i32>, y: Option<i32>, z: Option<i32> }";
    let code = generated(graph, text).unwrap();
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let code = lines.join(" ");
    for expected in [
        "if self.z.is_some() { SingleArgument((&self.x, &self.y, &self.z)).serialize(serializer) } \
         else { SingleArgument((&self.x, &self.y)).serialize(serializer) }",
        "let SingleArgument(OptionalTail((x, y, z))) = Deserialize::deserialize( deserializer, )?;",
        "if self.z.is_some() { (&self.x, &self.y, &self.z).serialize(serializer) } \
         else if self.y.is_some() { (&self.x, &self.y).serialize(serializer) } \
         else { (&self.x,).serialize(serializer) }",
        "let OptionalTail((x, y, z)) = Deserialize::deserialize(deserializer)?;",
    ] {
        assert!(code.contains(expected), "{expected}\n{code}");
    }
}
