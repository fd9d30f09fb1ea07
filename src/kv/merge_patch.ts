/**
 * JSON Merge Patch (RFC 7396) from bytes to bytes. It runs where commands are applied, so every
 * replica must come to the same bytes on any runtime: the text is never turned into numbers and
 * strings and back. Values are moved about as they were written, `1.0` stays `1.0` and `1e400`
 * stays `1e400`; only member names are decoded, to compare them.
 *
 * JSON here is RFC 8259 to the letter, with the two things it leaves open closed: a member name
 * stands once in an object, and a lone surrogate escape (`\ud800`) is a character like others.
 *
 * It is not a JSON parser for other uses, knows nothing of keys or media types, and does no
 * JSON Patch (RFC 6902).
 */

import { ByteWriter, lossyText, utf8 } from "../lib/bytes.ts";

/** The longest document, patch and result, in bytes: a result can always be patched again. */
export const mergePatchBytesMax: number = 1024 * 1024;

/** How deep objects and arrays may nest; one at the top is at depth 1. */
export const mergePatchDepthMax = 64;

/** The patched document in memory of its own, or a sentence why there is none, for people. */
export type MergePatchResult =
  | { readonly ok: true; readonly value: Uint8Array }
  | { readonly ok: false; readonly reason: string };

/**
 * `document` with `patch` merged into it. Members keep their order and the spelling of their names,
 * new ones follow in the order of the patch.
 *
 * An object that the patch names members of is written anew without white space between its tokens,
 * whether they differ or not; every other value keeps its bytes, white space within included. White
 * space around the outermost value goes, except that the patch `{}` leaves an object as it is, byte
 * for byte.
 *
 * Refuses a document or patch that {@link jsonRefusal} finds fault with (the document first), and a
 * result above {@link mergePatchBytesMax}. Never throws. The time is linear in both lengths.
 */
export function applyMergePatch(document: Uint8Array, patch: Uint8Array): MergePatchResult {
  const target = scanJson(document);
  if (typeof target === "string") return refused(`the document is ${target}`);
  const change = scanJson(patch);
  if (typeof change === "string") return refused(`the patch is ${change}`);
  // What is written is never longer than both texts: each byte of it stands in one of them.
  const writer = new ByteWriter(document.length + patch.length);
  if (keepsAll(target, change)) writer.raw(document);
  else writeMerged(writer, target, change);
  if (writer.length <= mergePatchBytesMax) return { ok: true, value: writer.finish() };
  return refused(`the patched document is ${tooLong(writer.length)}`);
}

/**
 * Why `bytes` can be neither document nor patch, undefined when they can: they are too long, not
 * strict JSON in strict UTF-8 without a byte order mark, nested too deep, or repeat a member name
 * in an object. The text follows on "it is", for example "not JSON: at byte 17 stands 0x7d where
 * a value belongs". Never throws.
 */
export function jsonRefusal(bytes: Uint8Array): string | undefined {
  const scanned = scanJson(bytes);
  return typeof scanned === "string" ? scanned : undefined;
}

function refused(reason: string): MergePatchResult {
  return { ok: false, reason };
}

function tooLong(length: number): string {
  return `${length} bytes long, allowed are ${mergePatchBytesMax}`;
}

/** A value is only where it stands in its text, and of an object the members. */
interface JsonValue {
  readonly text: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** By decoded name, in the order of the text; undefined when the value is no object. */
  readonly members: JsonMembers | undefined;
}

interface JsonMember extends JsonValue {
  /** Where the name stands, with its quotation marks. */
  readonly nameStart: number;
  readonly nameEnd: number;
}

type JsonMembers = ReadonlyMap<string, JsonMember>;

const noMembers: JsonMembers = new Map();

function keepsAll(target: JsonValue, patch: JsonValue): boolean {
  return target.members !== undefined && patch.members?.size === 0;
}

/** MergePatch of RFC 7396 §2; `target` is undefined where the document has nothing. */
function writeMerged(writer: ByteWriter, target: JsonValue | undefined, patch: JsonValue): void {
  const { members: changes } = patch;
  if (changes === undefined) return writeBytes(writer, patch);
  if (target !== undefined && keepsAll(target, patch)) return writeBytes(writer, target);
  const old = target?.members ?? noMembers;
  writer.u8(braceOpen);
  let isFirst = true;
  const writeName = ({ text, nameStart, nameEnd }: JsonMember): void => {
    if (!isFirst) writer.u8(comma);
    isFirst = false;
    writer.raw(text.subarray(nameStart, nameEnd)).u8(colon);
  };
  for (const [name, member] of old) {
    const change = changes.get(name);
    if (change !== undefined && isNull(change)) continue;
    writeName(member);
    if (change === undefined) writeBytes(writer, member);
    else writeMerged(writer, member, change);
  }
  for (const [name, change] of changes) {
    if (old.has(name) || isNull(change)) continue;
    writeName(change);
    writeMerged(writer, undefined, change);
  }
  writer.u8(braceClose);
}

function writeBytes(writer: ByteWriter, value: JsonValue): void {
  writer.raw(value.text.subarray(value.start, value.end));
}

function isNull(value: JsonValue): boolean {
  return value.text[value.start] === letterN;
}

const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const letterE = 0x65;
const letterF = 0x66;
const letterN = 0x6e;
const letterT = 0x74;
const letterU = 0x75;
const bracketOpen = 0x5b;
const backslash = 0x5c;
const bracketClose = 0x5d;
const braceOpen = 0x7b;
const braceClose = 0x7d;

/** A name in a reason is cut after so many bytes. */
const nameShownBytesMax = 64;

const escapeLetters: ReadonlySet<number> = new Set(utf8('"\\/bfnrtu'));
/** The letters that do not stand for themselves. */
const escapedControls: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Ends a scan; its message is what {@link jsonRefusal} gives. */
class RefusedJson extends Error {
  override readonly name = "RefusedJson";
}

function scanJson(text: Uint8Array): JsonValue | string {
  if (text.length > mergePatchBytesMax) return tooLong(text.length);
  try {
    return new JsonScanner(text).whole();
  } catch (error) {
    if (error instanceof RefusedJson) return error.message;
    throw error;
  }
}

/** Recursive descent: the depth is bounded, and so is the stack. */
class JsonScanner {
  readonly #text: Uint8Array;
  #at = 0;

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  whole(): JsonValue {
    this.#space();
    const start = this.#at;
    const members = this.#value(1);
    const end = this.#at;
    this.#space();
    if (this.#at < this.#text.length) throw this.#misplaced("the end");
    return { text: this.#text, start, end, members };
  }

  /** One value at `depth`, if it is an object or array; what an array holds is only checked. */
  #value(depth: number): JsonMembers | undefined {
    switch (this.#text[this.#at]) {
      case braceOpen:
        return this.#object(depth);
      case bracketOpen:
        return void this.#array(depth);
      case quote:
        return void this.#string();
      case letterT:
        return void this.#literal("true");
      case letterF:
        return void this.#literal("false");
      case letterN:
        return void this.#literal("null");
      default:
        return void this.#number();
    }
  }

  #object(depth: number): JsonMembers {
    this.#enter(depth);
    if (this.#take(braceClose)) return noMembers;
    const members = new Map<string, JsonMember>();
    do {
      this.#space();
      if (this.#text[this.#at] !== quote) throw this.#misplaced("a member name");
      const nameStart = this.#at;
      this.#string();
      const nameEnd = this.#at;
      const name = decodedName(this.#text, nameStart, nameEnd);
      if (members.has(name)) throw this.#repeated(nameStart, nameEnd);
      this.#space();
      if (!this.#take(colon)) throw this.#misplaced(":");
      this.#space();
      const start = this.#at;
      const inner = this.#value(depth + 1);
      members.set(name, {
        text: this.#text,
        start,
        end: this.#at,
        members: inner,
        nameStart,
        nameEnd,
      });
      this.#space();
    } while (this.#take(comma));
    if (!this.#take(braceClose)) throw this.#misplaced(", or }");
    return members;
  }

  #array(depth: number): void {
    this.#enter(depth);
    if (this.#take(bracketClose)) return;
    do {
      this.#space();
      this.#value(depth + 1);
      this.#space();
    } while (this.#take(comma));
    if (!this.#take(bracketClose)) throw this.#misplaced(", or ]");
  }

  /** Past the bracket or brace that opens, and the white space behind it. */
  #enter(depth: number): void {
    if (depth > mergePatchDepthMax) {
      throw new RefusedJson(`nested deeper than ${mergePatchDepthMax} at byte ${this.#at}`);
    }
    this.#at += 1;
    this.#space();
  }

  #string(): void {
    this.#at += 1;
    for (;;) {
      const byte = this.#text[this.#at];
      // Control characters must be escaped.
      if (byte === undefined || byte < 0x20) throw this.#misplaced("the rest of a string");
      if (byte === backslash) this.#escape();
      else if (byte >= 0x80) this.#character();
      else this.#at += 1;
      if (byte === quote) return;
    }
  }

  #escape(): void {
    this.#at += 1;
    const letter = this.#text[this.#at];
    if (letter === undefined || !escapeLetters.has(letter)) {
      throw this.#misplaced('one of "\\/bfnrtu');
    }
    this.#at += 1;
    if (letter !== letterU) return;
    for (let digits = 0; digits < 4; digits++) {
      if (!isHexDigit(this.#text[this.#at])) throw this.#misplaced("a hexadecimal digit");
      this.#at += 1;
    }
  }

  #character(): void {
    const length = characterLength(this.#text, this.#at);
    if (length === 0) throw this.#misplaced("a whole UTF-8 character");
    this.#at += length;
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (!this.#take(word.charCodeAt(i))) throw this.#misplaced(`the rest of ${word}`);
    }
  }

  #number(): void {
    const isNegative = this.#take(minus);
    if (!isNegative && !isDigit(this.#text[this.#at])) throw this.#misplaced("a value");
    if (!this.#take(zero)) this.#digits();
    if (this.#take(dot)) this.#digits();
    if (!this.#take(letterE) && !this.#take(letterE - 0x20)) return;
    if (!this.#take(minus)) this.#take(plus);
    this.#digits();
  }

  #digits(): void {
    if (!isDigit(this.#text[this.#at])) throw this.#misplaced("a digit");
    while (isDigit(this.#text[this.#at])) this.#at += 1;
  }

  #space(): void {
    for (;;) {
      const byte = this.#text[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  /** Past `byte` if it is the next one. */
  #take(byte: number): boolean {
    if (this.#text[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  #misplaced(wanted: string): RefusedJson {
    const byte = this.#text[this.#at];
    const found = byte === undefined ? "it ends" : `stands 0x${hexByte(byte)}`;
    return new RefusedJson(`not JSON: at byte ${this.#at} ${found} where ${wanted} belongs`);
  }

  #repeated(start: number, end: number): RefusedJson {
    let shownEnd = Math.min(end, start + nameShownBytesMax);
    // Not cut within a character: runtimes could show the half differently.
    while (((this.#text[shownEnd] ?? 0) & 0xc0) === 0x80) shownEnd -= 1;
    const shown = lossyText(this.#text.subarray(start, shownEnd)) + (shownEnd < end ? "…" : "");
    return new RefusedJson(
      `ambiguous: at byte ${start} the member name ${shown} stands a second time in its object`,
    );
  }
}

/** What the name in `text` between `start` and `end`, with its quotation marks, means. */
function decodedName(text: Uint8Array, start: number, end: number): string {
  const written = lossyText(text.subarray(start + 1, end - 1));
  return written.replace(
    /\\(?:u(.{4})|(.))/g,
    (_, code: string | undefined, letter: string) =>
      code === undefined
        ? escapedControls.get(letter) ?? letter
        : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** The bytes of the character at `at` beyond ASCII (RFC 3629 §4); 0 when it is none. */
function characterLength(text: Uint8Array, at: number): number {
  const lead = text[at] ?? 0;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte keeps out overlong forms, surrogates and what is above U+10FFFF.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = text[at + 1] ?? 0;
  if (second < lowest || second > highest) return 0;
  for (let next = at + 2; next < at + length; next++) {
    if (((text[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}

function isHexDigit(byte: number | undefined): boolean {
  const lower = (byte ?? 0) | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
