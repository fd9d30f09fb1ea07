/**
 * Repeated writes: the key that a request names, and what tells a repetition from another request
 * that uses the same key by mistake.
 */

import { ByteWriter, concatBytes } from "../lib/bytes.ts";
import type { Idempotency } from "../service/contract.ts";
import type { Call } from "./call.ts";
import { resourceOf } from "./target.ts";

/** Options that say how the answer comes, and nothing about what is asked. */
const incidental: ReadonlySet<string> = new Set([
  "timeout",
  "wait",
  "redirect",
  "cluster_id",
  "idempotency_key",
]);

/**
 * Under which key the request is remembered, undefined where it names none. To be asked for when
 * its body has been read. Nobody says who he is yet, so that all share one scope.
 */
export async function idempotencyOf(call: Call): Promise<Idempotency | undefined> {
  const key = call.options["idempotency_key"];
  if (typeof key !== "string") return undefined;
  return { identity: "", key, requestHash: await requestHash(call) };
}

/**
 * SHA-256 over what is asked: method, resource, options with conditions and media type among them,
 * and the body. By meaning where that is cheap: `ttl=60s` is `ttl=1m`, a header is its query
 * parameter, `/v1/kv64/YQ` is `/v1/kv/a`. A body is its bytes.
 */
async function requestHash(call: Call): Promise<Uint8Array> {
  const { request, path, mediaType, body } = call;
  const head = new ByteWriter()
    .text(request.method)
    .bytes(resourceOf(path))
    .text(optionsText(call.options))
    .text(mediaType)
    .finish();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concatBytes([head, body])));
}

function optionsText(options: Call["options"]): string {
  const kept = Object.entries(options)
    .filter(([name, value]) => value !== undefined && !incidental.has(name))
    .map(([name, value]) => [name, value instanceof Uint8Array ? [...value] : value] as const)
    .sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify(kept);
}
