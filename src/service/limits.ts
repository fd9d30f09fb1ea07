/** What no request may exceed, whatever protocol it came by. */

import { keyBytesMax, type Operation, type Query } from "./contract.ts";
import { type Outcome, ServiceError } from "./errors.ts";

/** Limits that the configuration sets. */
export interface ServiceLimits {
  /** Of a value that is written, bytes. */
  readonly valueBytesMax: number;
}

/** Throws where a key or the value of `operation` is too large, or a key is empty. */
export function checkOperation(operation: Operation, { valueBytesMax }: ServiceLimits): void {
  switch (operation.kind) {
    case "nothing":
      return;
    case "put":
      checkKey(operation.key, "not_applied");
      return checkValue(operation.value, valueBytesMax);
    case "delete":
      if (operation.target.kind === "key") checkKey(operation.target.key, "not_applied");
  }
}

/** Throws where a key that `query` names is too long or empty. */
export function checkQuery(query: Query): void {
  if (query.kind === "get") { for (const key of query.keys) checkKey(key, undefined); }
}

function checkKey(key: Uint8Array, outcome: Outcome | undefined): void {
  if (key.length >= 1 && key.length <= keyBytesMax) return;
  const detail = `The key has ${key.length} bytes, allowed are 1 … ${keyBytesMax}`;
  throw new ServiceError(key.length === 0 ? "bad_request" : "key_too_long", detail, { outcome });
}

function checkValue(value: Uint8Array, bytesMax: number): void {
  if (value.length <= bytesMax) return;
  const detail = `The value has ${value.length} bytes, allowed are ${bytesMax}`;
  throw new ServiceError("value_too_large", detail, { outcome: "not_applied" });
}
