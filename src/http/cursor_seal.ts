/**
 * What all cursors have in common: opaque text that is of use at any node, and with the query alone
 * that it came from. A checksum over both refuses one that is damaged or was taken from another
 * query. It is no signature: a made-up cursor gets through, and must do no harm.
 */

import {
  base64url,
  ByteReader,
  ByteWriter,
  fromBase64url,
  MalformedBytesError,
} from "../lib/bytes.ts";
import { crc32c } from "../lib/crc32c.ts";
import { ServiceError } from "../service/errors.ts";

const formatVersion = 1;

/** `body` as text, of use only with the same `query`. */
export function sealCursor(query: Uint8Array, body: Uint8Array): string {
  const sum = crc32c(body, crc32c(query));
  return base64url(new ByteWriter().u8(formatVersion).u32(sum).raw(body).finish());
}

/** What `read` makes of the body; the refusal `invalid_cursor` where it makes nothing of it. */
export function openCursor<T>(
  query: Uint8Array,
  text: string,
  read: (body: ByteReader) => T | undefined,
): T {
  const found = tryOpen(query, text, read);
  if (found !== undefined) return found;
  throw new ServiceError(
    "invalid_cursor",
    "The cursor is damaged or belongs to another query; repeat the options of the first page",
  );
}

function tryOpen<T>(
  query: Uint8Array,
  text: string,
  read: (body: ByteReader) => T | undefined,
): T | undefined {
  const bytes = fromBase64url(text);
  if (bytes === undefined) return undefined;
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== formatVersion) return undefined;
    const sum = reader.u32();
    const body = reader.raw(reader.remaining);
    return sum === crc32c(body, crc32c(query)) ? read(new ByteReader(body)) : undefined;
  } catch (error) {
    if (error instanceof MalformedBytesError) return undefined;
    throw error;
  }
}
