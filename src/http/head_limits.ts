/**
 * How large the head of a request may be. Both runtimes take heads of up to 64 KiB
 * (requestHeadBytesMax in runtime/mod.ts) and answer a larger one themselves, without a problem
 * document: the limits here stand together below that.
 */

import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";

/**
 * Path and query without the cursor, bytes as they are escaped. The longest key takes 24 KiB when
 * each of its bytes is escaped.
 */
export const targetBytesMax = 32 * 1024;
/** The cursor of the longest key: it has its own room, so that every page leads to the next. */
export const cursorLengthMax = 11 * 1024;
/** Names and values of all headers. */
export const headersBytesMax = 16 * 1024;

/** Refuses heads above the limits with `target_too_long` and `headers_too_large`. */
export function checkHead(call: Call): void {
  const length = call.path.length + call.query.length;
  if (length > targetBytesMax && length - cursorLength(call.query) > targetBytesMax) {
    throw new ServiceError(
      "target_too_long",
      `Path and query have ${length} bytes, allowed are ${targetBytesMax} beside a cursor`,
    );
  }
  let bytes = 0;
  call.request.headers.forEach((value, name) => {
    bytes += name.length + value.length;
  });
  if (bytes <= headersBytesMax) return;
  throw new ServiceError(
    "headers_too_large",
    `The headers have ${bytes} bytes, allowed are ${headersBytesMax}`,
  );
}

function cursorLength(query: string): number {
  return /(?:^|&)(cursor=[^&]*)/.exec(query)?.[1]?.length ?? 0;
}
