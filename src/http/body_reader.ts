/**
 * From the members of a body to keys, values and ranges. What is wrong is collected, with its place
 * in the body, and told at the end all at once.
 */

import { emptyBytes, fromBase64url, utf8 } from "../lib/bytes.ts";
import { keyBytesMax, type KeyTarget } from "../service/contract.ts";
import { type Issue, ServiceError } from "../service/errors.ts";
import { memberPath, shown } from "./json_path.ts";
import { octetStream } from "./media_type.ts";
import { validationFailed } from "./options.ts";
import { isEverything, type KeyRange, rangeFlaw, rangeOf } from "./ranges.ts";
import type { KeyJson, PutJson, RangeJson, ValueJson } from "./request_members.ts";

/** A put as the operations of the store have it. */
export interface ReadPut {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly mediaType?: string;
  readonly lease?: string;
  readonly ttlMs?: number;
  readonly prev: boolean;
}

/** Reads one body. `at` is always the place of the object that holds the members. */
export class BodyReader {
  readonly #issues: Issue[] = [];
  readonly #valueBytesMax: number;

  constructor({ valueBytesMax }: { readonly valueBytesMax: number }) {
    this.#valueBytesMax = valueBytesMax;
  }

  /** Something is wrong at `path`. */
  refuse(path: string, message: string): void {
    this.#issues.push({ path, message });
  }

  /** Throws when anything was wrong. */
  finish(): void {
    if (this.#issues.length > 0) throw validationFailed(this.#issues);
  }

  /** One of `key` and `key64`. */
  key(json: KeyJson, at: string): Uint8Array {
    const given = { text: json.key, coded: json.key64 };
    const key = this.#bound(at, "key", { ...given, bytesMin: 1 });
    if (key === undefined) this.refuse(at, `${place(at)} has neither key nor key64`);
    return key ?? emptyBytes;
  }

  /** One of `value` and `value64`. */
  value(json: ValueJson, at: string): Uint8Array {
    const { value, value64 } = json;
    const bytes = this.#bytesOf(at, { name: "value", text: value, coded: value64 });
    if (bytes === undefined) {
      this.refuse(at, `${place(at)} has neither value nor value64`);
      return emptyBytes;
    }
    if (bytes.length <= this.#valueBytesMax) return bytes;
    const path = memberPath(at, value === undefined ? "value64" : "value");
    throw new ServiceError(
      "value_too_large",
      `${path} has ${bytes.length} bytes, allowed are ${this.#valueBytesMax}`,
    );
  }

  /** All that a put says. */
  put(json: PutJson, at: string): ReadPut {
    const { content_type: mediaType, lease, ttl, prev } = json;
    if (lease !== undefined && ttl !== undefined) {
      this.refuse(memberPath(at, "ttl"), `${place(at)} has both ttl and lease, allowed is one`);
    }
    return {
      key: this.key(json, at),
      value: this.value(json, at),
      ...(mediaType === undefined || mediaType === octetStream ? {} : { mediaType }),
      ...(lease === undefined ? {} : { lease }),
      ...(ttl === undefined ? {} : { ttlMs: ttl }),
      prev: prev ?? false,
    };
  }

  /** A range; all keys where nothing is named. */
  range(json: RangeJson, at: string): KeyRange {
    const options = {
      prefix: this.#bound(at, "prefix", { text: json.prefix, coded: json.prefix64, bytesMin: 0 }),
      start: this.#bound(at, "start", { text: json.start, coded: json.start64, bytesMin: 0 }),
      end: this.#bound(at, "end", { text: json.end, coded: json.end64, bytesMin: 0 }),
    };
    const flaw = rangeFlaw(options);
    if (flaw === undefined) return rangeOf(options);
    this.refuse(memberPath(at, flaw.path), `${place(at)}: ${flaw.message}`);
    return rangeOf({});
  }

  /** A key, or a range that is not everything. */
  target(json: KeyJson & RangeJson, at: string): KeyTarget {
    const names = rangeNames.filter((name) => json[name] !== undefined);
    const isKey = json.key !== undefined || json.key64 !== undefined;
    if (isKey) {
      for (const name of names) {
        this.refuse(memberPath(at, name), `${place(at)} has a key and ${name}, allowed is one`);
      }
      return { kind: "key", key: this.key(json, at) };
    }
    const range = this.range(json, at);
    if (names.length === 0) {
      this.refuse(at, `${place(at)} names no key: allowed are key, prefix, or start and end`);
    } else if (isEverything(range)) {
      const path = memberPath(at, names[0]!);
      this.refuse(path, `${path} is empty: this would be every key, name a narrower range`);
    }
    return range;
  }

  #bound(
    at: string,
    name: string,
    given: Omit<Given, "name"> & { readonly bytesMin: number },
  ): Uint8Array | undefined {
    const { bytesMin } = given;
    const bytes = this.#bytesOf(at, { name, ...given });
    if (bytes === undefined || (bytes.length >= bytesMin && bytes.length <= keyBytesMax)) {
      return bytes;
    }
    const path = memberPath(at, given.text === undefined ? `${name}64` : name);
    const allowed = `allowed are ${bytesMin} to ${keyBytesMax}`;
    this.refuse(path, `${path} has ${bytes.length} bytes, ${allowed}`);
    return emptyBytes;
  }

  /** Undefined where neither is given. */
  #bytesOf(at: string, { name, text, coded }: Given): Uint8Array | undefined {
    const path = memberPath(at, name);
    if (text !== undefined && coded !== undefined) {
      this.refuse(path, `${place(at)} has both ${name} and ${name}64, allowed is one`);
    }
    if (text !== undefined) {
      if (!text.isWellFormed()) {
        this.refuse(path, `${path} holds half of a surrogate pair; send its bytes as ${name}64`);
      }
      return utf8(text);
    }
    if (coded === undefined) return undefined;
    const bytes = fromBase64url(coded);
    if (bytes === undefined) this.refuse(`${path}64`, `${path}64 is ${shown(coded)}, no base64url`);
    return bytes ?? unreadable;
  }
}

/** Stands for what was refused, and is wrong in no other way. */
const unreadable = Uint8Array.of(0);

/** Bytes as the two members that may carry them. */
interface Given {
  readonly name: string;
  readonly text: string | undefined;
  readonly coded: string | undefined;
}

const rangeNames = ["prefix", "prefix64", "start", "start64", "end", "end64"] as const;

/** How a message names an object. */
function place(at: string): string {
  return at === "" ? "The body" : at;
}
