/** Digests of what is sent, as RFC 9530 writes them. */

import { ServiceError } from "../service/errors.ts";

const sha256Bytes = 32;

/** The value of Repr-Digest. */
export function digestField(sha256: Uint8Array): string {
  return `sha-256=:${sha256.toBase64()}:`;
}

/**
 * SHA-256 of the whole body as Repr-Digest or Content-Digest tell it, which is the same here;
 * undefined where neither does. Other algorithms are passed over, as the RFC has it. Throws
 * `bad_request` for a digest that is none.
 */
export function digestAsked({ headers }: Request): Uint8Array | undefined {
  for (const name of ["Repr-Digest", "Content-Digest"]) {
    const value = headers.get(name);
    const told = /(?:^|,)\s*sha-256\s*=\s*:([^:]*):/i.exec(value ?? "")?.[1];
    if (told === undefined) continue;
    const digest = fromBase64(told);
    if (digest?.length === sha256Bytes) return digest;
    throw new ServiceError("bad_request", `${name} is "${value}": sha-256 is no digest`);
  }
  return undefined;
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}
