/** Incarnations come from the outside: nothing below the composition draws at random. */

import { hex } from "./lib/bytes.ts";

/** Sixteen hexadecimal digits that nobody else draws. */
export function drawIncarnation(): string {
  return hex(crypto.getRandomValues(new Uint8Array(8)));
}
