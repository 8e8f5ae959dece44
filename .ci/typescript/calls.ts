// Calls of the app `shortener` and of `storage` with the generated clients, as a page or a program makes them.

import {
  Batch,
  CocaineClient,
  CocaineError,
  ShortenerClient,
  StorageClient,
  isShortenError,
  toBase64,
  toBigInt,
  toBytes,
  toNumber,
} from "./client.js";
import type { Click, Link, LinkInput, Value } from "./client.js";

let checks = 0;

function equal(actual: unknown, expected: unknown): void {
  const [have, want] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (have !== want) {
    throw new Error("have " + have + ", want " + want);
  }
  checks += 1;
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call has not failed");
}

async function cocaineError(call: Promise<unknown>): Promise<CocaineError> {
  const error = await failure(call);
  if (error instanceof CocaineError) {
    return error;
  }
  throw error;
}

/** What the compiler refuses; nobody calls it. */
export async function refused(shortener: ShortenerClient): Promise<void> {
  // @ts-expect-error: an argument is missing
  await shortener.shorten({});
  // @ts-expect-error: a name is wrong
  await shortener.shorten({ url: "", tll: 1 });
  // @ts-expect-error: a type is wrong
  await shortener.shorten({ url: 1 });
  // @ts-expect-error: the answer is no text
  const text: string = await shortener.shorten({ url: "" });
  // @ts-expect-error: a link that is received always has `ttl`
  const link: Link = { slug: "", target: "" };
  // @ts-expect-error: only one kind of click has an agent
  const click: Click = { kind: "robot", agent: "" };
  // @ts-expect-error: the items are links
  await shortener.import({ replace: true }, [1]);
  void [text, link, click];
}

async function callApp(shortener: ShortenerClient): Promise<void> {
  const link: Link = await shortener.shorten({ url: "https://example.org", ttl: 60 });
  equal(link, { slug: "example", target: "https://example.org", ttl: 60 });
  equal((await shortener.shorten({ url: "x" })).ttl, null);
  equal((await shortener.shorten({ url: "x", ttl: null })).ttl, null);
  const page = await shortener.find();
  equal([page.items.length, page.total, toBigInt(page.total).toString()], [1, "18446744073709551615", "18446744073709551615"]);
  equal((await shortener.find({ query: { tag: "none" } })).items, []);
  await shortener.update({ link });
  equal((await shortener.readAll()).map((read) => read.tags), [["first"], undefined]);
  const clicks = await shortener.clicks({ slug: "example" });
  equal(clicks.map((click) => (click.kind === "browser" ? click.agent + toNumber(click.at) : click.kind)), ["curl7", "robot"]);
  const links: LinkInput[] = [{ slug: "a", target: "b" }, { slug: "c", target: "d", tags: ["e"] }];
  equal(await shortener.import({ replace: false }, links), 2);
  equal(await shortener.party(["ada", "alan"]), ["ADA", "ALAN"]);
  equal([...toBytes(await shortener.blob({ content: toBase64(new Uint8Array([255, 0, 7])) }))], [7, 0, 255]);
  const value: Value = { list: [1, null, "x", { $bytes: "/wA=" }], map: { $map: [[1, 2.5]] } };
  equal(await shortener.anything({ value }), value);
  equal(await shortener.ping(), undefined);
}

async function callService(storage: StorageClient): Promise<void> {
  await storage.write("texts", "a", "text", ["tag"]);
  await storage.write("texts", "b", { $bytes: "/wA=" });
  equal([await storage.read("texts", "a"), await storage.read("texts", "b")], ["text", { $bytes: "/wA=" }]);
  equal(await storage.find("texts", ["tag"]), ["a"]);
  const missing = await cocaineError(storage.read("texts", "c"));
  equal([missing.kind, missing.name, missing.category, missing.code], ["rpc", "CocaineError", 12, 2]);
}

async function fail(client: CocaineClient, shortener: ShortenerClient, url: string): Promise<void> {
  const declared = await failure(shortener.shorten({ url: "missing" }));
  equal(isShortenError(declared) && [declared.name, declared.category, declared.code], ["NotFound", 43, 1]);
  const other = await cocaineError(shortener.shorten({ url: "undeclared" }));
  equal([isShortenError(other), other.name, other.code], [false, "CocaineError", 9]);
  const unknown = await cocaineError(client.call("shortener.nothing", {}));
  equal([unknown.kind, unknown.code], ["rpc", -32601]);
  const wrong = await cocaineError(client.call("shortener.shorten", { url: 1 }));
  equal([wrong.code, wrong.message.includes("url")], [-32602, true]);
  equal((await cocaineError(new ShortenerClient(client, "nobody").ping())).kind, "rpc");

  const late = await cocaineError(new ShortenerClient(new CocaineClient(url, { timeout: 50 })).shorten({ url: "slow" }));
  equal(late.kind, "timeout");
  const controller = new AbortController();
  const call = shortener.shorten({ url: "slow" }, { signal: controller.signal });
  controller.abort(new Error("enough"));
  equal(String(await failure(call)), "Error: enough");
  equal(String(await failure(shortener.ping({ signal: controller.signal }))), "Error: enough");

  const answers = (body: string | null, status: number) =>
    new CocaineClient(url, { fetch: async () => new Response(body, { status }) });
  const http = await cocaineError(answers("<p>busy</p>", 503).call("a.b", {}));
  equal([http.kind, http.code, http.message], ["http", 503, "a.b: HTTP 503: <p>busy</p>"]);
  for (const body of ["<p>hello</p>", "{}", "null", '{"jsonrpc": "2.0", "id": 7, "result": 1}', "[]"]) {
    equal((await cocaineError(answers(body, 200).call("a.b", {}))).kind, "protocol");
  }
  equal((await cocaineError(answers(null, 204).call("a.b", {}))).kind, "protocol");
  const refused = '{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "Parse error", "data": "line 1"}}';
  const parse = await cocaineError(answers(refused, 400).call("a.b", {}));
  equal([parse.kind, parse.code, parse.message], ["rpc", -32700, "a.b: [-32700] Parse error: line 1"]);
  const broken = new CocaineClient(url, { fetch: () => Promise.reject(new TypeError("no route")) });
  equal((await cocaineError(broken.call("a.b", {}))).kind, "network");
}

async function callTogether(client: CocaineClient): Promise<void> {
  const batch: Batch = client.batch();
  const shortener = new ShortenerClient(batch);
  const [link, missing, ping] = [shortener.shorten({ url: "x" }), shortener.shorten({ url: "missing" }), shortener.ping()];
  await batch.send();
  equal([(await link).target, (await cocaineError(missing)).name, await ping], ["x", "NotFound", undefined]);
  await batch.send();
  await client.notify("shortener.ping", {});
  const broken = new CocaineClient("x:", { fetch: () => Promise.reject(new TypeError("no route")) }).batch();
  const lost = broken.call("a.b", {});
  equal([(await cocaineError(broken.send())).kind, (await cocaineError(lost)).kind], ["network", "network"]);
}

/** Calls everything through the gateway at `url`, and returns how many checks there were. */
export async function run(url: string): Promise<number> {
  const client = new CocaineClient(url, { headers: { "x-request-id": "typescript" } });
  const shortener = new ShortenerClient(client);
  await callApp(shortener);
  await callService(new StorageClient(client));
  await fail(client, shortener, url);
  await callTogether(client);
  return checks;
}
