/**
 * Byte strings: comparison in the one order that the store knows (unsigned bytes), the text forms
 * that surfaces show, and the writer and reader of every binary record that the project defines
 * itself.
 */

import { assert } from "./assert.ts";

const encoder = new TextEncoder();
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Negative, zero or positive as `a` sorts before, with or after `b`, by unsigned bytes. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** True when both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** All parts, one behind the other, in new memory. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * The smallest byte string above every string that starts with `prefix`; undefined when there is
 * none (all 0xFF).
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    if (prefix[last]! === 0xff) continue;
    // A copy, which the slice of a Buffer is not.
    const end = new Uint8Array(prefix.subarray(0, last + 1));
    end[last]! += 1;
    return end;
  }
  return undefined;
}

/** The UTF-8 bytes of `text`; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of `bytes` when they are strict UTF-8, else undefined. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of `bytes` with U+FFFD for what is not UTF-8: for messages to people only. */
export function lossyText(bytes: Uint8Array): string {
  return lossyDecoder.decode(bytes);
}

/** Two lower-case hexadecimal digits a byte. */
export function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * The bytes of strict base64url (padding allowed, stray bits and other letters not); undefined when
 * it is none.
 */
export function fromBase64url(text: string): Uint8Array | undefined {
  // Only padded text is checked for stray bits by the runtime, so what has none is given some.
  const padded = text.endsWith("=") ? text : text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  const padding = padded.endsWith("==") ? 2 : padded.endsWith("=") ? 1 : 0;
  try {
    const bytes = Uint8Array.fromBase64(padded, {
      alphabet: "base64url",
      lastChunkHandling: "strict",
    });
    // The runtime passes over white space, which then makes fewer bytes than the text has room for.
    return bytes.length === (padded.length / 4) * 3 - padding ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Appends fixed and variable width fields to one growing buffer. Integers are unsigned, at most
 * 2^53 − 1.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Little-endian, four bytes. */
  u32(value: number): this {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = value >>> shift;
    return this;
  }

  /** Seven bits a byte, lowest first (LEB128): small numbers take one byte. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `varint of ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A length as varint, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    return this.bytes(encoder.encode(text));
  }

  /** The bytes written so far, as a copy that no later write changes. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/**
 * Thrown by {@link ByteReader} when the bytes are not what the format says: an input error, not a
 * broken invariant.
 */
export class MalformedBytesError extends Error {
  override readonly name = "MalformedBytesError";
  /** The bytes may well have a meaning, which a later version of the program gave them. */
  readonly isLater: boolean;

  constructor(message: string, why: "malformed" | "later version" = "malformed") {
    super(message);
    this.isLater = why === "later version";
  }
}

/** Reads what {@link ByteWriter} wrote. Every read checks its bounds. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  u32(): number {
    this.#need(4);
    let value = 0;
    for (let i = 3; i >= 0; i--) value = value * 256 + this.#bytes[this.#at + i]!;
    this.#at += 4;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw new MalformedBytesError(`varint above 2^53 - 1 at byte ${this.#at}`);
  }

  /** A view, not a copy. */
  raw(length: number): Uint8Array {
    this.#need(length);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const text = strictText(this.bytes());
    if (text === undefined) {
      throw new MalformedBytesError(`text that is not UTF-8 at byte ${this.#at}`);
    }
    return text;
  }

  /** Call it last: bytes behind the end are as wrong as bytes missing. */
  end(): void {
    if (this.remaining !== 0) {
      throw new MalformedBytesError(`${this.remaining} bytes behind the end`);
    }
  }

  #need(length: number): void {
    if (length > this.remaining) {
      throw new MalformedBytesError(
        `${length} bytes wanted at byte ${this.#at}, ${this.remaining} left`,
      );
    }
  }
}
