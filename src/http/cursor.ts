/**
 * Cursors: where the next page of a list begins, and at which revision. Opaque to clients, of use
 * at any node, and bound to the query they came from: a checksum over both refuses a cursor that is
 * damaged or was taken from another list.
 */

import {
  base64url,
  ByteReader,
  ByteWriter,
  compareBytes,
  emptyBytes,
  fromBase64url,
  MalformedBytesError,
} from "../lib/bytes.ts";
import { crc32c } from "../lib/crc32c.ts";
import type { RangeQuery, Revision } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";

/** What of a query its cursor is bound to: everything but the size of a page. */
export type ListedRange = Pick<
  RangeQuery,
  "start" | "end" | "reverse" | "keysOnly" | "delimiter"
>;

/** What a cursor tells. */
export interface CursorPosition {
  readonly revision: Revision;
  /** Forward the first key of the next page, reverse its exclusive end. */
  readonly next: Uint8Array;
}

const formatVersion = 1;

/** `position` as text, of use only with the same `range`. */
export function encodeCursor(range: ListedRange, position: CursorPosition): string {
  const body = new ByteWriter().varint(position.revision).raw(position.next).finish();
  const sum = checksum(range, body);
  return base64url(new ByteWriter().u8(formatVersion).u32(sum).raw(body).finish());
}

/** The position in `text`, or the refusal `invalid_cursor`. */
export function decodeCursor(range: ListedRange, text: string): CursorPosition {
  const position = tryDecode(range, text);
  if (position !== undefined && inRange(range, position.next)) return position;
  throw new ServiceError(
    "invalid_cursor",
    "The cursor is damaged or belongs to another query; repeat the options of the first page",
  );
}

function tryDecode(range: ListedRange, text: string): CursorPosition | undefined {
  const bytes = fromBase64url(text);
  if (bytes === undefined) return undefined;
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== formatVersion) return undefined;
    const sum = reader.u32();
    const body = reader.raw(reader.remaining);
    if (sum !== checksum(range, body)) return undefined;
    const inner = new ByteReader(body);
    return { revision: inner.varint(), next: inner.raw(inner.remaining).slice() };
  } catch (error) {
    if (error instanceof MalformedBytesError) return undefined;
    throw error;
  }
}

function checksum(range: ListedRange, body: Uint8Array): number {
  const query = new ByteWriter()
    .bytes(range.start)
    .u8(range.end === undefined ? 0 : 1)
    .bytes(range.end ?? emptyBytes)
    .u8((range.reverse ? 1 : 0) | (range.keysOnly ? 2 : 0))
    .bytes(range.delimiter?.bytes ?? emptyBytes)
    .varint(range.delimiter?.prefixLength ?? 0)
    .finish();
  return crc32c(body, crc32c(query));
}

/** The checksum is no signature: a made-up cursor must not lead out of its range. */
function inRange(range: ListedRange, next: Uint8Array): boolean {
  const aboveStart = compareBytes(next, range.start) >= 0;
  return aboveStart && (range.end === undefined || compareBytes(next, range.end) <= 0);
}
