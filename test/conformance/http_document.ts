/**
 * Holds an answer against the OpenAPI document: a status, header or body member that the document
 * does not declare for that operation is an error, as is one that does not fit its schema.
 */

import type { OpenApiDocument } from "../../src/http/openapi.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Exchange {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly response: Response;
  /** The body, read already. */
  readonly body: Uint8Array;
}

/** What is wrong with the answer, one line each; empty when it is as declared. */
export function deviations(document: OpenApiDocument, exchange: Exchange): readonly string[] {
  return new Checker(document).check(exchange);
}

const jsonTypes = new Set([
  "application/json",
  "application/problem+json",
  "application/vnd.skein.record+json",
]);

const streamTypes = new Set(["text/event-stream", "application/x-ndjson"]);

/** What the events of a stream carry. */
function dataOf(text: string): readonly string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
}

class Checker {
  readonly #document: Json;
  readonly #found: string[] = [];
  /** What stands before each deviation. */
  #where = "";

  constructor(document: OpenApiDocument) {
    this.#document = object(document);
  }

  check({ method, target, response, body }: Exchange): readonly string[] {
    this.#where = `${method} ${target} → ${response.status}`;
    const operation = this.#operation(method, target.split("?", 1)[0]!);
    const declared = this.#response(operation, response.status);
    if (declared === undefined) this.#say("this status is not declared");
    else {
      this.#checkHeaders(object(declared["headers"]), response.headers);
      this.#checkBody(object(declared["content"]), { method, response, body });
    }
    return this.#found;
  }

  #say(what: string): void {
    this.#found.push(`${this.#where}: ${what}`);
  }

  #operation(method: string, path: string): Json | undefined {
    const paths = object(this.#document["paths"]);
    const match = Object.keys(paths).find((template) => patternOf(template).test(path));
    const item = match === undefined ? {} : object(paths[match]);
    const operation = item[method.toLowerCase()];
    return operation === undefined ? undefined : object(operation);
  }

  /** What no operation answers is the router's: 404 and 405, and what the door refuses. */
  #response(operation: Json | undefined, status: number): Json | undefined {
    if (operation === undefined) {
      const ofRouter = [403, 404, 405, 414, 421, 429, 431, 500].includes(status);
      return ofRouter ? this.#resolve({ $ref: "#/components/responses/Problem" }) : undefined;
    }
    const declared = object(operation["responses"])[status];
    return declared === undefined ? undefined : this.#resolve(declared);
  }

  #resolve(value: unknown): Json {
    const reference = object(value)["$ref"];
    if (typeof reference !== "string") return object(value);
    let found: unknown = this.#document;
    for (const part of reference.slice(2).split("/")) found = object(found)[part];
    if (found === undefined) {
      throw new Error(`The document refers to ${reference}, which is not there`);
    }
    return this.#resolve(found);
  }

  #checkHeaders(declared: Json, headers: Headers): void {
    const known = new Map(
      Object.entries(declared).map(([name, docs]) => [name.toLowerCase(), this.#resolve(docs)]),
    );
    for (const [name, value] of headers) {
      if (name === "content-type") continue;
      const docs = known.get(name);
      if (docs === undefined) this.#say(`header ${name} is not declared`);
      else this.#checkHeaderValue(name, value, object(docs["schema"]));
    }
    for (const name of ["x-request-id", "cache-control"]) {
      if (!headers.has(name)) this.#say(`header ${name} is missing`);
    }
  }

  #checkHeaderValue(name: string, value: string, schema: Json): void {
    const isInteger = schema["type"] === "integer";
    if (isInteger && !/^[0-9]+$/.test(value)) this.#say(`header ${name} is ${value}`);
    this.#checkValue(isInteger ? Number(value) : value, schema, `header ${name}`);
  }

  #checkBody(declared: Json, { method, response, body }: Omit<Exchange, "target">): void {
    const contentType = response.headers.get("Content-Type");
    const essence = contentType?.split(";", 1)[0] ?? "";
    if (method === "HEAD") {
      if (body.length > 0) this.#say("a HEAD answer has a body");
      return;
    }
    if (Object.keys(declared).length === 0) {
      if (body.length > 0) this.#say("no body is declared");
      return;
    }
    const content = declared[essence];
    if (content === undefined) {
      // A value comes with whatever media type was stored with it.
      if (declared["application/octet-stream"] !== undefined) return;
      return this.#say(`media type ${essence} is not declared`);
    }
    if (!jsonTypes.has(essence) && !streamTypes.has(essence)) return;
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const schema = object(object(content)["schema"]);
    if (jsonTypes.has(essence)) return this.#checkValue(JSON.parse(text), schema, "body");
    const frames = essence === "text/event-stream" ? dataOf(text) : text.split("\n").slice(0, -1);
    for (const [at, frame] of frames.entries()) {
      this.#checkValue(JSON.parse(frame), schema, `frame ${at}`);
    }
  }

  #checkValue(value: unknown, given: Json, at: string): void {
    const schema = this.#resolve(given);
    if (Array.isArray(schema["anyOf"])) return this.#checkAnyOf(value, schema["anyOf"], at);
    if (!hasType(value, schema["type"])) {
      return this.#say(`${at} is ${JSON.stringify(value)}, not ${schema["type"]}`);
    }
    if (typeof value === "number") this.#checkNumber(value, schema, at);
    if (typeof value === "string") this.#checkString(value, schema, at);
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        this.#checkValue(item, object(schema["items"]), `${at}[${i}]`);
      }
    } else if (typeof value === "object" && value !== null) {
      this.#checkObject(object(value), schema, at);
    }
  }

  #checkAnyOf(value: unknown, choices: readonly unknown[], at: string): void {
    const attempts = choices.map((choice) => {
      const attempt = new Checker(this.#document as unknown as OpenApiDocument);
      attempt.#where = this.#where;
      attempt.#checkValue(value, object(choice), at);
      return attempt.#found;
    });
    if (attempts.some((found) => found.length === 0)) return;
    this.#found.push(...(attempts[0] ?? []));
  }

  #checkNumber(value: number, schema: Json, at: string): void {
    const { minimum, maximum, type } = schema;
    if (type === "integer" && !Number.isSafeInteger(value)) this.#say(`${at} is ${value}`);
    if (typeof minimum === "number" && value < minimum) this.#say(`${at} is ${value} < ${minimum}`);
    if (typeof maximum === "number" && value > maximum) this.#say(`${at} is ${value} > ${maximum}`);
  }

  #checkString(value: string, schema: Json, at: string): void {
    const { pattern } = schema;
    if (typeof pattern === "string" && !new RegExp(pattern).test(value)) {
      this.#say(`${at} is ${JSON.stringify(value)}, not ${pattern}`);
    }
    if (Array.isArray(schema["enum"]) && !schema["enum"].includes(value)) {
      this.#say(`${at} is ${JSON.stringify(value)}, not one of ${schema["enum"]}`);
    }
  }

  #checkObject(value: Json, schema: Json, at: string): void {
    const properties = object(schema["properties"]);
    const open = schema["additionalProperties"] !== undefined &&
      schema["additionalProperties"] !== false;
    for (const [name, member] of Object.entries(value)) {
      if (Object.hasOwn(properties, name)) {
        this.#checkValue(member, object(properties[name]), `${at}.${name}`);
      } else if (!open) this.#say(`${at}.${name} is not declared`);
    }
    for (const name of Array.isArray(schema["required"]) ? schema["required"] : []) {
      if (!Object.hasOwn(value, name)) this.#say(`${at}.${name} is missing`);
    }
  }
}

/** A key takes the rest of a path, slashes included; any other parameter is one segment. */
function patternOf(template: string): RegExp {
  const source = template.replaceAll(".", "\\.").replace(/\{key(64)?\}$/, ".*")
    .replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${source}$`, "s");
}

function hasType(value: unknown, type: unknown): boolean {
  if (type === undefined) return true;
  if (Array.isArray(type)) return type.some((one) => hasType(value, one));
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "integer":
    case "number":
      return typeof value === "number";
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`The checker knows no type ${type}`);
  }
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? value as Json : {};
}
