#[allow(clippy::unused_async)]
#[cfg(unix)]
pub(crate) async fn ping(
    mut message: String,
    Point { x, .. }: Point,
    who: Context,
) -> Result<String> {
    Ok(message)
}
#[cfg(unix)]
/// The event that `ping` handles, for `cocaine::events!`.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ping {}
#[cfg(unix)]
#[automatically_derived]
impl ::cocaine::Events for ping {
    fn register(self, registry: &mut ::cocaine::bind::event::HandlerRegistry) {
        #[allow(unused_imports)]
        use ::cocaine::bind::event::Plain as _;
        registry
            .add(
                "say",
                ::cocaine::bind::event::ExecutionMode::Inline,
                |session| ::cocaine::bind::event::run(
                    &::cocaine::bind::event::Event {
                        name: "say",
                        cancel: true,
                    },
                    session,
                    ::cocaine::bind::event::arguments()
                        .and::<String, _>("message")
                        .and::<Point, _>("Point { x, .. }")
                        .and::<Context, _>("who"),
                    move |turn, ((((), argument0), argument1), argument2)| async move {
                        turn.reply(
                            ::cocaine::bind::event::Returned(
                                    ping(argument0, argument1, argument2).await,
                                )
                                .outcome(),
                        )
                    },
                ),
            );
    }
}
