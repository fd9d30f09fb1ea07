/** Hashes of the state between wire and vocabulary. */

import type { Wire } from "./codec.ts";
import { present, toPosition } from "./convert_parts.ts";
import { WireRefusal } from "./refusal.ts";
import type { PositionedHash } from "../service/forwarder.ts";

/** What one answer holds at most: raft.proto, StateHashes. */
const hashesMax = 128;

/** The wire shape of the hashes of a node. */
export function fromStateHashes(
  hashes: readonly PositionedHash[],
): Wire["skein.raft.v1.StateHashes"] {
  return { hashes: hashes.map(({ position, hash: { a, b } }) => ({ position, a, b })) };
}

/** What another node's store holds. Throws WireRefusal. */
export function toStateHashes(
  { hashes }: Wire["skein.raft.v1.StateHashes"],
): readonly PositionedHash[] {
  if (hashes.length > hashesMax) {
    throw new WireRefusal("malformed", `${hashes.length} state hashes, allowed are ${hashesMax}`);
  }
  return hashes.map(({ position, a, b }) => ({
    position: toPosition(present(position, "position"), "position"),
    hash: { a, b },
  }));
}
