/** The cursors of lists: where the next page of a range begins, and at which revision. */

import { ByteWriter, compareBytes, emptyBytes } from "../lib/bytes.ts";
import type { RangeQuery, Revision } from "../service/contract.ts";
import { openCursor, sealCursor } from "./cursor_seal.ts";

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

/** `position` as text, of use only with the same `range`. */
export function encodeCursor(range: ListedRange, position: CursorPosition): string {
  const body = new ByteWriter().varint(position.revision).raw(position.next).finish();
  return sealCursor(bytesOf(range), body);
}

/** The position in `text`, or the refusal `invalid_cursor`. */
export function decodeCursor(range: ListedRange, text: string): CursorPosition {
  return openCursor(bytesOf(range), text, (body) => {
    const position = { revision: body.varint(), next: body.raw(body.remaining).slice() };
    return inRange(range, position.next) ? position : undefined;
  });
}

function bytesOf(range: ListedRange): Uint8Array {
  return new ByteWriter()
    .bytes(range.start)
    .u8(range.end === undefined ? 0 : 1)
    .bytes(range.end ?? emptyBytes)
    .u8((range.reverse ? 1 : 0) | (range.keysOnly ? 2 : 0))
    .bytes(range.delimiter?.bytes ?? emptyBytes)
    .varint(range.delimiter?.prefixLength ?? 0)
    .finish();
}

/** A made-up cursor must not lead out of its range. */
function inRange(range: ListedRange, next: Uint8Array): boolean {
  const aboveStart = compareBytes(next, range.start) >= 0;
  return aboveStart && (range.end === undefined || compareBytes(next, range.end) <= 0);
}
