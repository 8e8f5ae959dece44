//! Clients of apps with the user's own types, which the compiler checks.

mod compilers;

use cocaine::schema::AppSchema;
use cocaine_codegen::{Catalogue, Metadata, Options, OutputLayout, generate, generate_types};

use self::compilers::Compilers;

const SCHEMA: &str = r#"{"schema": 1,
"events": {
    "store": {"arguments": [{"name": "link", "type": {"named": "shop::Link"}}], "output": {"reply": {"named": "shop::Page<shop::Link>"}}},
    "clicks": {"output": {"stream": {"named": "shop::Click"}}}
},
"types": {
    "shop::Link": {"shape": {"struct": {"fields": [
        {"name": "slug", "type": "text"},
        {"name": "target", "type": "text"},
        {"name": "owner", "type": {"named": "shop::Owner"}},
        {"name": "former", "type": {"option": {"named": "shop::Link"}}, "read": "sometimes"}
    ]}}},
    "shop::Owner": {"shape": {"struct": {"fields": [
        {"name": "addresses", "type": {"list": {"named": "shop::Address"}}}
    ]}}},
    "shop::Address": {"shape": {"struct": {"fields": [{"name": "city", "type": {"named": "shop::City"}}]}}},
    "shop::City": {"shape": {"struct": {"fields": [{"name": "zip", "type": "u32"}]}}},
    "shop::Page<shop::Link>": {"shape": {"struct": {"fields": [
        {"name": "items", "type": {"list": {"named": "shop::Link"}}}
    ]}}},
    "shop::Click": {"shape": {"enum": {"tagging": {"internal": {"tag": "type"}}, "variants": [
        {"name": "direct"},
        {"name": "from", "content": {"struct": [{"name": "page", "type": "text"}]}}
    ]}}}
}}"#;

/// The user's module. It has neither docs nor the order, and derives nothing but what is needed.
const TYPES: &str = r#"
pub mod dto {
    use ::cocaine::{Schema, bind::{Deserialize, Serialize}};

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct Link {
        pub target: String,
        pub slug: String,
        pub former: Option<Box<Link>>,
        pub owner: Owner,
    }

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct Owner { pub addresses: Vec<Address> }

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct Address { pub city: City }

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct City { pub zip: u32 }

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct Paged<T> { pub items: Vec<T> }

    pub type Page = Paged<Link>;

    #[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde", tag = "type", rename_all = "lowercase")]
    pub enum Click { From { page: String }, Direct }
}
"#;

/// Returns what is generated for an app of this schema.
fn generate_app(app: &str, schema: &str, types: Option<&str>) -> String {
    let metadata = format!(r#"{{"services": {{}}, "apps": {{{app:?}: {schema}}}}}"#);
    let metadata = Metadata::from_json(&metadata).unwrap();
    let options = Options { types: types.map(str::to_owned), ..Options::default() };
    generate(&metadata, &Catalogue::builtin(), &options).unwrap().files.remove(0).text
}

fn shortener(types: Option<&str>) -> String {
    generate_app("shortener", SCHEMA, types)
}

/// Returns what the compiler says if the user's module is `types`.
fn compile_error(compilers: &Compilers, types: &str) -> String {
    compilers.error(&format!("{types}\npub mod own {{ {} }}", shortener(Some("crate::dto"))))
}

#[test]
fn own_types_replace_generated_ones() {
    let code = shortener(Some("crate::dto"));
    assert!(code.contains("pub use crate::dto::{Address, City, Click, Link, Owner, Page};"), "{code}");
    assert!(code.contains("link: &Link") && !code.contains("struct Link"), "{code}");
    assert!(!code.contains("Serialize"), "nothing is derived: {code}");

    let metadata = format!(r#"{{"services": {{}}, "apps": {{"shortener": {SCHEMA}}}}}"#);
    let metadata = Metadata::from_json(&metadata).unwrap();
    let layout = OutputLayout::FilePerService;
    let options = Options { layout, types: Some("::shop::dto".to_owned()), ..Options::default() };
    let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
    assert!(output.files[0].text.contains("pub use ::shop::dto::{Address,"), "{}", output.files[0].text);
}

#[test]
fn own_types_travel_like_generated_ones() {
    let program = r#"
use ::cocaine::msgpack;

/// Compiles: callers pass and get their own types.
#[allow(dead_code)]
async fn store(shortener: &impl own::shortener::Shortener, link: &dto::Link) -> ::cocaine::Result<dto::Page> {
    shortener.store(link).await
}

fn main() {
    let owner = || dto::Owner { addresses: vec![dto::Address { city: dto::City { zip: 7 } }] };
    let link = |former| dto::Link { target: "t".to_owned(), slug: "s".to_owned(), former, owner: owner() };
    let page = dto::Page { items: vec![link(Some(Box::new(link(None))))] };
    let bytes = msgpack::to_vec(&page).unwrap();
    let generated: plain::shortener::Page = msgpack::from_slice(&bytes).unwrap();
    let again: dto::Page = msgpack::from_slice(&msgpack::to_vec(&generated).unwrap()).unwrap();
    assert_eq!(msgpack::to_vec(&again).unwrap(), bytes);
    println!("{}", again.items[0].former.as_ref().unwrap().owner.addresses[0].city.zip);
}
"#;
    let (own, plain) = (shortener(Some("crate::dto")), shortener(None));
    let code = format!("{TYPES}\npub mod own {{ {own} }}\npub mod plain {{ {plain} }}\n{program}");
    assert_eq!(Compilers::find().run(&code, &[], ""), "7\n");
}

#[test]
fn types_that_differ_do_not_compile() {
    let compilers = Compilers::find();
    assert_eq!(compile_error(&compilers, TYPES), "");
    for (from, to, name) in [
        ("slug: String", "slug: u8", "Link"),
        ("pub target: String,", "", "Link"),
        ("target: String", "url: String", "Link"),
        ("page: String", "page: Vec<String>", "Click"),
        ("Direct }", "Indirect }", "Click"),
        (", Direct }", "}", "Click"),
        (r#"tag = "type""#, r#"tag = "kind""#, "Click"),
        ("zip: u32", "zip: u64", "City"),
        // Three types deep.
        ("zip: u32", "zip: u64", "Owner"),
        ("Option<Box<Link>>", "Vec<Link>", "Link"),
        ("Vec<T>", "Option<T>", "Page"),
    ] {
        let types = TYPES.replace(from, to);
        assert_ne!(types, TYPES, "{from}");
        let error = compile_error(&compilers, &types);
        let expected = format!("`crate::dto::{name}` is not the type `shop::{name}");
        assert!(error.contains(&expected), "{from} became {to}: {error}");
        assert!(error.contains("of the app `shortener`"), "{error}");
    }
}

#[test]
fn types_without_known_schema_are_named() {
    let compilers = Compilers::find();
    let by_hand = "pub struct Zip(u32);
        impl Schema for Zip {
            fn schema(definitions: &mut ::cocaine::schema::Definitions) -> ::cocaine::schema::Type {
                u32::schema(definitions)
            }
        }
        #[derive(Schema)] pub struct City { pub zip: Zip }";
    let city = r#"#[derive(Serialize, Deserialize, Schema)]
    #[serde(crate = "::cocaine::bind::serde")]
    pub struct City { pub zip: u32 }"#;
    let derived = by_hand.replace("pub zip", "#[schema(as = u32)] pub zip");
    let without_schema = city.replace(", Schema", "");
    for (replacement, expected) in [
        (by_hand, "`crate::dto::City` cannot be compared with the type `shop::City` of the app `shortener`"),
        ("", "unresolved import `crate::dto::City`"),
        (&without_schema, "`City: Schema` is not satisfied"),
    ] {
        let error = compile_error(&compilers, &TYPES.replace(city, replacement));
        assert!(error.contains(expected), "{error}");
    }
    let error = compile_error(&compilers, &TYPES.replace(city, &derived));
    assert!(!error.contains("cannot be compared"), "{error}");
}

#[test]
fn hostile_names_stay_text() {
    let app = "{0} \"; */ panic!() {";
    let schema = r##"{"schema": 1, "events": {"e": {"output": {"reply": {"named": "a::{x}\"#;"}}}}, "types": {
        "a::{x}\"#;": {"shape": {"newtype": {"option": {"named": "*/ {} {0:?}"}}}},
        "*/ {} {0:?}": {"shape": {"struct": {"fields": [{"name": "\"{}", "type": "u8"}]}}},
        "type": {"shape": "unit_struct"},
        "Value": {"shape": "unit_struct"}
    }}"##;
    let parsed: AppSchema = serde_json::from_str(schema).unwrap();
    let types = generate_types(app, &parsed).unwrap();
    let own = generate_app(app, schema, Some("crate::r#type::dto"));
    let compilers = Compilers::find();
    let code = |types: &str| {
        format!(
            "//! Types.\n/// Types.\npub mod r#type {{ /// Types.\n pub mod dto {{ {types} }} }}\n/// A client.\npub mod own {{ {own} }}"
        )
    };
    assert_eq!(compilers.error(&code(&types)), "");
    let error = compilers.error(&code(&types.replace(": u8", ": u16")));
    assert!(error.contains("is not the type `*/ {} {0:?}` of the app"), "{error}");
}
