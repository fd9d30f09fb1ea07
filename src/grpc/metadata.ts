/** Metadata on its way to the library. */

import { Metadata } from "@grpc/grpc-js";
import type { CallMetadata } from "./call.ts";

/** `values` as grpc-js wants them. */
export function toMetadata(values: CallMetadata): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) {
    metadata.set(name, typeof value === "string" ? value : Buffer.from(value));
  }
  return metadata;
}
