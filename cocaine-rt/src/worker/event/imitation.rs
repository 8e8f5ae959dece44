//! What generated code adds the events of an imitated app with.

use std::{future::Future, sync::Arc};

use crate::{
    protocol::error::Result,
    schema::{ErrorDefinition, ErrorVariant, EventOutput, Schema},
    worker::{
        description::EventDescriber,
        events::{ExecutionMode, HandlerRegistry},
        session::Session,
    },
};

/// Adds an event whose handler gets the app.
pub fn add<T, F, R>(registry: &mut HandlerRegistry, app: &Arc<T>, event: &str, handler: F)
where
    T: Send + Sync + 'static,
    F: Fn(Arc<T>, Session) -> R + Send + Sync + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let app = app.clone();
    registry.add(event, ExecutionMode::Spawned, move |session| handler(app.clone(), session));
}

/// Returns the definition of errors with these names, docs, categories and codes.
pub fn error_definition(doc: &str, variants: &[(&str, &str, i64, i64)]) -> ErrorDefinition {
    let variants = variants.iter().map(|(name, doc, category, code)| ErrorVariant {
        name: (*name).to_owned(),
        doc: (*doc).to_owned(),
        category: *category,
        code: *code,
    });
    ErrorDefinition { doc: doc.to_owned(), variants: variants.collect() }
}

impl EventDescriber<'_> {
    /// Adds an argument of the type `T`.
    pub fn argument<T: Schema>(&mut self, name: &str) {
        let ty = T::schema(self.definitions());
        self.add_argument(name, ty);
    }

    /// Sets `T` as the type of the chunks that follow the arguments.
    pub fn input<T: Schema>(&mut self) {
        let ty = T::schema(self.definitions());
        self.set_input(ty);
    }

    /// Sets `T` as the type of the reply.
    pub fn reply<T: Schema>(&mut self) {
        let ty = T::schema(self.definitions());
        self.set_output(EventOutput::Reply(ty));
    }

    /// Sets `T` as the type of the chunks of a stream.
    pub fn stream<T: Schema>(&mut self) {
        let ty = T::schema(self.definitions());
        self.set_output(EventOutput::Stream(ty));
    }
}
