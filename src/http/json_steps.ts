/**
 * JSON that is written in steps with a rest after each. A value of 8 MiB becomes up to 48 MiB of
 * JSON, and a page holds several: written in one go, they would hold up everything else that the
 * node has to do.
 */

import { concatBytes, utf8 } from "../lib/bytes.ts";
import { answer, jsonAnswer } from "./answer.ts";
import type { Call } from "./call.ts";

/** Of text, in UTF-16 units: before and after it is made JSON. */
const stepLength = 512 * 1024;

/** JSON text that grows. */
export class JsonSteps {
  readonly #rest: () => Promise<void>;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Not yet among the parts. */
  #text = "";

  constructor(rest: () => Promise<void>) {
    this.#rest = rest;
  }

  /** What was written so far, about. */
  get bytes(): number {
    return this.#bytes + this.#text.length;
  }

  /** Adds `json` as it stands. */
  async raw(json: string): Promise<void> {
    this.#text += json;
    if (this.#text.length < stepLength) return;
    this.#flush();
    await this.#rest();
  }

  /** Adds `value` as JSON.stringify would write it. It must be made of plain objects and arrays. */
  async value(value: unknown): Promise<void> {
    if (textLength(value) <= stepLength) return await this.raw(JSON.stringify(value));
    if (typeof value === "string") return await this.#longText(value);
    const isList = Array.isArray(value);
    let separator = isList ? "[" : "{";
    for (const [name, member] of Object.entries(Object(value))) {
      if (member === undefined) continue;
      await this.raw(isList ? separator : `${separator}${JSON.stringify(name)}:`);
      await this.value(member);
      separator = ",";
    }
    await this.raw(isList ? "]" : "}");
  }

  async #longText(text: string): Promise<void> {
    await this.raw('"');
    for (let at = 0; at < text.length;) {
      const end = at + stepLength;
      // Half of a pair would be written as an escape.
      const splitsPair = isHighSurrogate(text.charCodeAt(end - 1)) && end < text.length;
      const slice = text.slice(at, splitsPair ? end - 1 : end);
      await this.raw(JSON.stringify(slice).slice(1, -1));
      at += slice.length;
    }
    await this.raw('"');
  }

  #flush(): void {
    const part = utf8(this.#text);
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#text = "";
  }

  /** All of it, in UTF-8. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    return concatBytes(this.#parts);
  }
}

/** Of all texts in it, in UTF-16 units. */
export function textLength(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let length = 0;
  for (const member of Object.values(value)) length += textLength(member);
  return length;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** As {@link jsonAnswer}, for what may hold large values. */
export async function recordsAnswer(
  call: Call,
  status: number,
  value: unknown,
  contentType = "application/json",
): Promise<Response> {
  if (textLength(value) <= stepLength) return jsonAnswer(call, status, value, contentType);
  const json = new JsonSteps(() => call.services.clock.yield());
  await json.value(value);
  return answer(call, status, { content: json.finish(), contentType });
}
