/** A body that is taken as it comes, however long it is: nobody holds all of it in memory. */

import { ServiceError } from "../service/errors.ts";
import { brokenOff, declaredLength, discard, refuseContentEncoding } from "./body.ts";
import type { Call } from "./call.ts";

/**
 * The pieces of the body. A pause longer than the time-out of the request is `request_timeout`.
 * Whoever does not take all of it ends the connection with the answer.
 */
export async function* bodyPieces(call: Call): AsyncGenerator<Uint8Array> {
  refuseContentEncoding(call);
  const declared = declaredLength(call.request);
  const reader = call.request.body?.getReader();
  let length = 0;
  let isWhole = false;
  try {
    for (;;) {
      const next = await inPatience(call, reader);
      if (next === undefined) break;
      length += next.length;
      yield next;
    }
    if (declared !== undefined && declared !== length) {
      const detail = `Content-Length is ${declared}, the body has ${length} bytes`;
      throw new ServiceError("bad_request", detail);
    }
    isWhole = true;
  } finally {
    if (!isWhole) {
      call.extraHeaders["Connection"] = "close";
      await discard(call, reader);
    }
  }
}

/** The next piece; undefined at the end. */
async function inPatience(
  call: Call,
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<Uint8Array | undefined> {
  if (reader === undefined) return undefined;
  let forget = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    forget = call.services.clock.after(call.timeoutMs, () => {
      const detail = `Nothing more of the body came within ${call.timeoutMs} ms`;
      reject(new ServiceError("request_timeout", detail, { retryable: true }));
    });
  });
  try {
    const next = await Promise.race([reader.read().catch(brokenOff), late]);
    return next.done ? undefined : next.value;
  } finally {
    forget();
  }
}
