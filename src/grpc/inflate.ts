/** Compressed messages, inflated no further than there is room for them. */

import { createGunzip, createInflate } from "node:zlib";
import { grpcStatus } from "../service/errors.ts";
import { CallError } from "./call.ts";

/**
 * Rejects with CallError when `bytes` are not what `encoding` says; with what `take` throws as soon
 * as it does: it is told of every piece that comes out.
 */
export function inflate(
  bytes: Uint8Array,
  encoding: string,
  take: (bytes: number) => void,
): Promise<Buffer> {
  const inflater = encoding === "gzip"
    ? createGunzip()
    : encoding === "deflate"
    ? createInflate()
    : undefined;
  if (inflater === undefined) {
    const text = `grpc-encoding is "${encoding}", allowed are identity, gzip and deflate`;
    return Promise.reject(new CallError(grpcStatus.unimplemented, text));
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    inflater.on("data", (part: Buffer) => {
      try {
        take(part.length);
        parts.push(part);
      } catch (error) {
        inflater.destroy();
        reject(error);
      }
    });
    inflater.on("end", () => resolve(Buffer.concat(parts)));
    inflater.on("error", ({ message }) => {
      const text = `The request cannot be inflated: ${message}`;
      reject(new CallError(grpcStatus.invalidArgument, text));
    });
    inflater.end(bytes);
  });
}
