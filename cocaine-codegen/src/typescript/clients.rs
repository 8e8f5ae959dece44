//! The clients of services and apps.

use std::fmt::Write as _;

use super::{
    text::{doc_comment, literal, property},
    types::Printer,
};
use crate::json_rpc::{Interface, JsonType, MethodResult, Param, Params, RpcMethod};

/// The longest line of parameters.
const LONGEST_LINE: usize = 110;

const SENT: Printer = Printer { is_readonly: true };
const RECEIVED: Printer = Printer { is_readonly: false };

/// Returns the class that calls a service or an app.
pub(super) fn client(interface: &Interface) -> String {
    let Interface { wire_name, client, docs, methods, omitted } = interface;
    let mut docs = docs.clone();
    if docs.is_empty() {
        docs.push(format!("The service `{wire_name}`."));
    }
    if !omitted.is_empty() {
        docs.extend([String::new(), "JSON-RPC cannot call:".to_owned()]);
        docs.extend(omitted.iter().map(|(name, reason)| format!("- `{name}`: {reason}")));
    }
    let mut text = doc_comment(&docs, "");
    let _ =
        writeln!(text, "export class {client} {{\n  readonly #caller: Caller;\n  readonly #name: string;\n");
    text.push_str("  /** `name` is that of the service or app, if it is another one of the same kind. */\n");
    let _ = writeln!(text, "  constructor(caller: Caller, name: string = {}) {{", literal(wire_name));
    text.push_str("    this.#caller = caller;\n    this.#name = name;\n  }\n");
    for method in methods {
        text.push('\n');
        text.push_str(&declaration(method));
    }
    text + "}\n"
}

fn declaration(method: &RpcMethod) -> String {
    let mut docs = method.docs.clone();
    let mut add = |line: String| {
        if !docs.is_empty() {
            docs.push(String::new());
        }
        docs.push(line);
    };
    if method.name != method.wire_name {
        add(format!("On the wire: `{}`.", method.wire_name));
    }
    if let Some(error) = &method.error {
        add(format!("What the app says that can go wrong is recognized by `is{error}`."));
    }
    let (mut params, args) = parameters(method);
    params.push("options?: CallOptions".to_owned());
    let (result, is_nothing) = match &method.result {
        MethodResult::Nothing(_) => ("void".to_owned(), true),
        MethodResult::Value(ty) => (RECEIVED.print(ty), false),
        MethodResult::Stream(ty) => (RECEIVED.print(&JsonType::List(Box::new(ty.clone()))), false),
    };
    let line = format!("  {}({}): Promise<{result}>", method.name, params.join(", "));
    let line = if line.len() > LONGEST_LINE {
        format!("  {}(\n    {},\n  ): Promise<{result}>", method.name, params.join(",\n    "))
    } else {
        line
    };
    let call = format!(
        "this.#caller.call(this.#name + {}, {args}, options)",
        literal(&format!(".{}", method.wire_name))
    );
    let docs = doc_comment(&docs, "  ");
    if is_nothing {
        return format!("{docs}{} {{\n    await {call};\n  }}\n", line.replacen("  ", "  async ", 1));
    }
    format!("{docs}{line} {{\n    return {call};\n  }}\n")
}

/// Returns the parameters of a method, and the expression that makes the `params` of a call of them.
fn parameters(method: &RpcMethod) -> (Vec<String>, String) {
    let (mut parameters, args) = match &method.params {
        Params::Unknown => (vec!["args: readonly Value[]".to_owned()], "args".to_owned()),
        Params::Positional(params) => {
            let names: Vec<_> = params.iter().map(|param| param.name.as_str()).collect();
            let list = format!("[{}]", names.join(", "));
            let has_optional = params.iter().any(|param| !param.is_required);
            let args = if has_optional { format!("withoutMissing({list})") } else { list };
            (params.iter().map(|param| member(&param.name, param)).collect(), args)
        }
        Params::Named(params) if params.is_empty() => (Vec::new(), "{}".to_owned()),
        Params::Named(params) => {
            let members: Vec<_> =
                params.iter().map(|param| member(&property(&param.wire_name), param)).collect();
            let is_optional = method.input.is_none() && params.iter().all(|param| !param.is_required);
            let default = if is_optional { " = {}" } else { "" };
            (vec![format!("params: {{ {} }}{default}", members.join("; "))], "params".to_owned())
        }
    };
    let Some(input) = &method.input else { return (parameters, args) };
    parameters.push(format!("input: {}", SENT.print(&JsonType::List(Box::new(input.clone())))));
    let args = if args == "{}" { "{ $input: input }" } else { "{ ...params, $input: input }" };
    (parameters, args.to_owned())
}

fn member(name: &str, param: &Param) -> String {
    format!("{name}{}: {}", if param.is_required { "" } else { "?" }, SENT.print(&param.ty))
}
