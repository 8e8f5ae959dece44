// schemas.mjs FOLDER URL   validates the documents in FOLDER, and calls the app `table` at URL, each of whose events returns
// its argument, with random values that are valid: what is answered must be valid and the same. Writes `values.ts`, in which
// the values have the types that TypeScript has for them.

import { createRequire } from "node:module";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import Ajv from "ajv/dist/2020.js";

const { validateOpenRPCDocument } = createRequire(import.meta.url)("@open-rpc/schema-utils-js");

const CASES = 60;
const KEYWORDS = ["x-cocaine-name", "x-cocaine-numbers", "x-cocaine-order", "x-cocaine-type"];

const [folder, url] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));

/** Returns a function that returns the validator of a definition. */
function compile(schema) {
  // An alias is required in the place of its field, beside which its type stands.
  const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTuples: false });
  KEYWORDS.forEach((keyword) => ajv.addKeyword(keyword));
  ajv.addSchema(schema, "document");
  const pointer = (name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
  return (name) => ajv.compile({ $ref: `document#/$defs/${pointer(name)}` });
}

for (const name of readdirSync(folder).sort()) {
  if (name.endsWith(".openrpc.json")) {
    const result = validateOpenRPCDocument(read(name));
    if (result !== true) {
      throw new Error(`${name}: ${result.message} ${JSON.stringify(result.errors)}`);
    }
    console.log(`${name} is OpenRPC`);
  }
  if (name.endsWith(".schema.json")) {
    const schema = read(name);
    const names = Object.keys(schema.$defs);
    names.forEach(compile(schema));
    console.log(`${name} is JSON Schema: ${names.length} definitions`);
  }
}

/** Returns the same numbers in each run. */
function numbers(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (limit) => Math.floor(next() * limit), pick: (list) => list[Math.floor(next() * list.length)] };
}

const TEXTS = ["", "a", "caf\u00e9", "\u{1f600}", "0", "null", "a b", "$bytes", "\u0000", "\"\\"];
const CHARACTERS = ["a", "0", "\u00e9", "\u{1f600}", "\"", "\u0000"];
const ANY = [null, true, 1, -1.5, "x", [], [1, [2]], {}, { a: { b: null } }, { $bytes: "/wA=" }, { $float: "NaN" }];

/** Makes values of schemas; the deeper it is, the more it avoids what goes deeper. */
class Generator {
  constructor(schema, random) {
    this.definitions = schema.$defs;
    this.random = random;
  }

  value(schema, depth = 0) {
    const { random } = this;
    if (schema.$ref) return this.value(this.definitions[schema.$ref.slice("#/$defs/".length)], depth);
    if (schema["x-cocaine-type"] === "any") return random.pick(ANY);
    if (schema.anyOf) return this.value(this.alternative(schema.anyOf, depth), depth + 1);
    if (schema.enum) return random.pick(schema.enum);
    if ("const" in schema) return schema.const;
    switch (schema.type) {
      case "null": return null;
      case "boolean": return random.pick([true, false]);
      case "integer": return this.integer(schema);
      case "number": return random.pick([0, 1, -1, 0.5, -2.25, 1024, 1.5e300].slice(0, depth > 0 ? 6 : 7));
      case "string": return this.text(schema);
      case "array": return this.array(schema, depth + 1);
      case "object": return this.object(schema, depth + 1);
      default: throw new Error(`no value of ${JSON.stringify(schema)} can be made`);
    }
  }

  alternative(schemas, depth) {
    const simple = schemas.filter((schema) => !schema.$ref && !["array", "object"].includes(schema.type));
    return this.random.pick(depth > 6 && simple.length > 0 ? simple : schemas);
  }

  integer({ minimum, maximum, not }) {
    const [low, high] = [Math.max(minimum, Number.MIN_SAFE_INTEGER), Math.min(maximum, Number.MAX_SAFE_INTEGER)];
    const values = [low, high, Math.max(low, 0), 1, Math.min(high, 100)];
    return this.random.pick(values.filter((value) => value !== not?.const));
  }

  text(schema) {
    if (schema.contentEncoding) return this.random.pick(["", "/w==", "/wA=", "AAECAwQF"]);
    if (schema.pattern) return this.random.pick(["9007199254740993", "9223372036854775807"]);
    return this.random.pick(schema.maxLength === 1 ? CHARACTERS : TEXTS);
  }

  array({ prefixItems, items, minItems = 0, maxItems = depthLimited }, depth) {
    if (prefixItems) return prefixItems.map((item) => this.value(item, depth));
    const most = Math.min(maxItems, minItems + (depth > 6 ? 0 : 3));
    const length = minItems + this.random.below(most - minItems + 1);
    return Array.from({ length }, () => this.value(items, depth));
  }

  object(schema, depth) {
    const made = {};
    for (const part of schema.allOf ?? []) Object.assign(made, this.value(part.anyOf ? part.anyOf[0] : part, depth));
    for (const [name, of] of Object.entries(schema.properties ?? {})) {
      if (schema.required?.includes(name) || this.random.below(2) === 0) made[name] = this.value(of, depth);
    }
    const further = schema.additionalProperties ?? schema.unevaluatedProperties;
    const count = further && depth <= 6 ? this.random.below(3) : 0;
    for (let index = 0; index < count; index += 1) {
      const name = this.name(schema.propertyNames);
      if (!Object.hasOwn(made, name)) made[name] = this.value(further, depth);
    }
    return made;
  }

  name(names) {
    if (names?.enum) return this.random.pick(names.enum);
    if (names?.pattern) return this.random.pick(["0", "7", "65535"]);
    return this.random.pick(names?.maxLength === 1 ? CHARACTERS : ["x1", "caf\u00e9", "$map", "__proto_", "prototype"]);
  }
}

const depthLimited = 1000;

async function call(requests) {
  const headers = { "content-type": "application/json", "x-cocaine-json-rpc": "1" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(requests) });
  return response.json();
}

/** A value without the differences between numbers and the texts of their digits. */
function canonical(value) {
  return JSON.parse(JSON.stringify(value), (_, part) => (typeof part === "number" ? String(part) : part));
}

const schema = read("table.schema.json");
const validator = compile(schema);
const generator = new Generator(schema, numbers(1));
const constants = [];
for (const name of Object.keys(schema.$defs).filter((name) => name.endsWith(".result"))) {
  const method = name.slice(0, -".result".length);
  // A type without values, and one with a field that only a worker writes.
  if (["table.Never", "table.Link"].includes(method)) continue;
  const [params, result] = [validator(`${method}.params`), validator(name)];
  const cases = Array.from({ length: CASES }, () => ({ value: generator.value(schema.$defs[name]) }));
  for (const made of cases) {
    if (!result(made.value)) throw new Error(`${method}: made ${JSON.stringify(made)}: ${JSON.stringify(result.errors)}`);
    if (!params(made)) throw new Error(`${method}: sent ${JSON.stringify(made)}: ${JSON.stringify(params.errors)}`);
  }
  const requests = cases.map((params, id) => ({ jsonrpc: "2.0", id, method, params }));
  for (const [id, answer] of (await call(requests)).entries()) {
    const about = `${method} of ${JSON.stringify(cases[id].value)}: ${JSON.stringify(answer.result ?? answer.error)}`;
    if (answer.error) throw new Error(about);
    if (!result(answer.result)) throw new Error(`${about}: ${JSON.stringify(result.errors)}`);
    if (!isDeepStrictEqual(canonical(answer.result), canonical(cases[id].value))) throw new Error(`${about} is another value`);
    const [sent, received] = [schema.$defs[`${method}.params`].properties.value, schema.$defs[name]].map(({ $ref }) => $ref);
    constants.push([sent, cases[id].value], [received, answer.result]);
  }
}
const lines = constants.map(
  ([ref, value], index) => `export const value${index}: types.${ref.split("/").pop()} = ${JSON.stringify(value)};\n`,
);
writeFileSync(`${folder}/values.ts`, `import type * as types from "./table.js";\n\n${lines.join("")}`);
console.log(`JSON Schema: ${constants.length / 2} values went through the gateway`);
