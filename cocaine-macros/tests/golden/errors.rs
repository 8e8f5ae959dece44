fn ping(message: &str) {}
/// The event that `ping` handles, for `cocaine::events!`.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default)]
struct ping {}
#[automatically_derived]
impl ::cocaine::Events for ping {
    fn register(self, _: &mut ::cocaine::bind::event::HandlerRegistry) {}
    fn describe(_: &mut ::cocaine::bind::event::HandlerRegistry) {}
}
::core::compile_error! {
    "no such setting: `cocaine::worker` takes `event = \"name\"`, `inline`, `cancel` and `errors(NotFound = 1)`"
}
::core::compile_error! {
    "an event is asynchronous: write `async fn ping`"
}
::core::compile_error! {
    "an event owns its arguments: write `String`"
}
