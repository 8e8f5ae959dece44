/** Bytes, as base64. `toBytes` and `toBase64` convert them. */
export type Base64 = string;

/** An integer of 64 bits: a text of digits where a number would not be exact. `toNumber` and `toBigInt` convert it. */
export type Integer64 = number | string;

/** A number, or the form of one that JSON lacks. `toNumber` converts it; a `NaN` or an infinity can be sent as it is. */
export type Float = number | { $float: "NaN" | "inf" | "-inf" };

/** Bytes that no schema describes: a text if they are one. */
export type RawBytes = string | { $bytes: Base64 };

/**
 * A value that no schema describes. Beside what JSON has there are the forms `{ $bytes: Base64 }`,
 * `{ $float: "NaN" | "inf" | "-inf" }` and `{ $map: [Value, Value][] }`.
 */
export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };

/** Returns the number of a value that JSON cannot always express as one; an integer beyond 2^53 is rounded. */
export function toNumber(value: Float | Integer64): number {
  if (typeof value !== "object") {
    return Number(value);
  }
  return value.$float === "NaN" ? NaN : value.$float === "inf" ? Infinity : -Infinity;
}

/** Returns an integer of 64 bits, exactly. Its text, `String(integer)`, is what can be sent. */
export function toBigInt(value: Integer64): bigint {
  return BigInt(value);
}

/** Returns the bytes of a base64 text. */
export function toBytes(text: Base64): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Returns bytes as base64. */
export function toBase64(bytes: Uint8Array): Base64 {
  let text = "";
  for (const byte of bytes) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

/** How a call is made. */
export interface CallOptions {
  /** Ends the call, which rejects with the reason of the signal. The app is not told. */
  signal?: AbortSignal | undefined;
  /** How many milliseconds it may take. */
  timeout?: number | undefined;
  /** Further headers. */
  headers?: { readonly [name: string]: string } | undefined;
}

/** How all calls of a client are made, unless a call says otherwise; headers are added to one another. */
export interface ClientOptions extends CallOptions {
  /** What sends requests in the place of `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** What calls methods: a client, or a batch. */
export interface Caller {
  call<T>(method: string, params: object, options?: CallOptions): Promise<T>;
}

/**
 * What went wrong: `rpc` is an error of the gateway or of what it called, `http` an answer that is none of JSON-RPC,
 * `network` no answer, `timeout` none in time, and `protocol` an answer that does not fit the request.
 */
export type ErrorKind = "rpc" | "http" | "network" | "timeout" | "protocol";

/** A call that failed. `name` is that of the error if the app declares it, and else `CocaineError`. */
export class CocaineError extends Error {
  override readonly name: string;
  readonly kind: ErrorKind;
  /** The method that was called. */
  readonly method: string;
  /** The code of the error; of `http` the status, and 0 where there is none. */
  readonly code: number;
  /** The category of the code, if the error is one of a service or an app. */
  readonly category: number | undefined;
  /** What else the gateway says. */
  readonly data: unknown;

  constructor(
    kind: ErrorKind,
    method: string,
    message: string,
    details: { code?: number; data?: unknown; cause?: unknown } = {},
  ) {
    super(method + ": " + message, "cause" in details ? { cause: details.cause } : undefined);
    const data = isObject(details.data) ? details.data : {};
    this.name = typeof data["name"] === "string" ? data["name"] : "CocaineError";
    this.kind = kind;
    this.method = method;
    this.code = details.code ?? 0;
    this.category = typeof data["category"] === "number" ? data["category"] : undefined;
    this.data = details.data;
  }
}

/** Calls services and apps through the JSON-RPC of a gateway. */
export class CocaineClient implements Caller {
  readonly #url: string;
  readonly #options: ClientOptions;
  #lastId = 0;

  /** `url` is that of the gateway, whatever its path; on a page of the gateway itself it may be `/`. */
  constructor(url: string | URL, options: ClientOptions = {}) {
    this.#url = String(url);
    this.#options = options;
  }

  /** Calls a method that no generated client has, such as `app.event`, with its arguments as a list or by name. */
  async call<T>(method: string, params: object, options: CallOptions = {}): Promise<T> {
    const request = this.#request(method, params);
    const response = await this.#send(method, request, options);
    return resultOf(method, response, request.id) as T;
  }

  /** Calls a method without an answer. Whether the call succeeds stays unknown. */
  async notify(method: string, params: object, options: CallOptions = {}): Promise<void> {
    const response = await this.#send(method, { jsonrpc: "2.0", method, params }, options);
    if (response !== undefined) {
      resultOf(method, response, null);
    }
  }

  /** Returns a batch: calls that travel in one request. */
  batch(): Batch {
    const send = async (calls: readonly PendingCall[], options: CallOptions) => {
      const requests = calls.map((call) => this.#request(call.method, call.params));
      const response = await this.#send("batch of " + calls.length, requests, options);
      calls.forEach((call, index) => call.settle(responseIn(response, requests[index]?.id), requests[index]?.id));
    };
    return new Batch(send);
  }

  #request(method: string, params: object) {
    this.#lastId += 1;
    return { jsonrpc: "2.0", method, params, id: this.#lastId };
  }

  /** Returns the answer to a request, or `undefined` if it is empty. */
  async #send(method: string, request: unknown, options: CallOptions): Promise<unknown> {
    const send = this.#options.fetch ?? globalThis.fetch;
    const headers = new Headers(this.#options.headers);
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    headers.set("content-type", "application/json");
    headers.set("x-cocaine-json-rpc", "1");
    const body = JSON.stringify(request, encodeNumber);
    const limit = options.timeout ?? this.#options.timeout;
    const controller = new AbortController();
    const signals = [this.#options.signal, options.signal].filter((signal): signal is AbortSignal => signal !== undefined);
    const abort = () => controller.abort(signals.find((signal) => signal.aborted)?.reason);
    signals.forEach((signal) => (signal.aborted ? abort() : signal.addEventListener("abort", abort)));
    let isLate = false;
    const expire = () => {
      isLate = true;
      controller.abort();
    };
    const timer = limit === undefined ? undefined : setTimeout(expire, limit);
    try {
      const response = await send(this.#url, { method: "POST", headers, body, signal: controller.signal });
      return parseAnswer(method, response, await response.text());
    } catch (cause) {
      if (isLate) {
        throw new CocaineError("timeout", method, "no answer within " + limit + " ms", { cause });
      }
      if (controller.signal.aborted || cause instanceof CocaineError) {
        throw controller.signal.aborted ? controller.signal.reason : cause;
      }
      throw new CocaineError("network", method, "no answer: " + String(cause), { cause });
    } finally {
      clearTimeout(timer);
      signals.forEach((signal) => signal.removeEventListener("abort", abort));
    }
  }
}

/** Calls that travel in one request. Each has its own result or error, once `send` has resolved. */
export class Batch implements Caller {
  readonly #send: (calls: readonly PendingCall[], options: CallOptions) => Promise<void>;
  #calls: PendingCall[] = [];

  /** `CocaineClient.batch` returns one. */
  constructor(send: (calls: readonly PendingCall[], options: CallOptions) => Promise<void>) {
    this.#send = send;
  }

  /** Adds a call. Options are those of the request: pass them to `send`. */
  call<T>(method: string, params: object, options?: CallOptions): Promise<T> {
    if (options !== undefined) {
      throw new TypeError(method + ": a call of a batch has no options of its own, pass them to `send`");
    }
    const result = new Promise<T>((resolve, reject) => {
      const settle = (response: unknown, id: unknown) => {
        try {
          resolve(resultOf(method, response, id) as T);
        } catch (error) {
          reject(error);
        }
      };
      this.#calls.push({ method, params, settle, reject });
    });
    // Whoever looks at it after `send` is not too late.
    result.catch(() => undefined);
    return result;
  }

  /** Sends the calls that were added so far; it rejects, and they do, if the request fails as a whole. */
  async send(options: CallOptions = {}): Promise<void> {
    const calls = this.#calls;
    this.#calls = [];
    if (calls.length === 0) {
      return;
    }
    try {
      await this.#send(calls, options);
    } catch (error) {
      calls.forEach((call) => call.reject(error));
      throw error;
    }
  }
}

/** A call of a batch. */
export interface PendingCall {
  readonly method: string;
  readonly params: object;
  settle(response: unknown, id: unknown): void;
  reject(error: unknown): void;
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Writes the numbers that JSON lacks. */
function encodeNumber(_name: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) {
    return value;
  }
  return { $float: Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf" };
}

/** Leaves out the arguments at the end that are missing. */
function withoutMissing(args: readonly unknown[]): readonly unknown[] {
  let length = args.length;
  while (length > 0 && args[length - 1] === undefined) {
    length -= 1;
  }
  return args.slice(0, length);
}

function parseAnswer(method: string, response: Response, text: string): unknown {
  if (response.ok && text === "") {
    return undefined;
  }
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    const start = text.slice(0, 500);
    if (response.ok) {
      throw new CocaineError("protocol", method, "the answer is not JSON: " + start, { cause });
    }
    throw new CocaineError("http", method, "HTTP " + response.status + ": " + start, { code: response.status });
  }
  // A request that cannot be read as a whole has one error, whatever was in it.
  if (isObject(answer) && isObject(answer["error"]) && answer["id"] === null) {
    throw errorOf(method, answer["error"]);
  }
  if (!response.ok) {
    throw new CocaineError("http", method, "HTTP " + response.status, { code: response.status, data: answer });
  }
  return answer;
}

function errorOf(method: string, error: { readonly [name: string]: unknown }): CocaineError {
  const code = typeof error["code"] === "number" ? error["code"] : 0;
  const data = error["data"];
  const reason = typeof data === "string" ? ": " + data : "";
  return new CocaineError("rpc", method, "[" + code + "] " + String(error["message"]) + reason, { code, data });
}

function responseIn(responses: unknown, id: unknown): unknown {
  return Array.isArray(responses) ? responses.find((response) => isObject(response) && response["id"] === id) : undefined;
}

function resultOf(method: string, response: unknown, id: unknown): unknown {
  if (isObject(response) && response["id"] === id) {
    if (isObject(response["error"])) {
      throw errorOf(method, response["error"]);
    }
    if ("result" in response) {
      return response["result"];
    }
  }
  throw new CocaineError("protocol", method, "the answer is none to the request");
}
