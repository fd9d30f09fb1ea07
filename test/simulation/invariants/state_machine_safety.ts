/**
 * I5, State Machine Safety: nobody applies another entry at an index than others do, or one that is
 * not committed (paper §5.4.3); and who has applied the same is in the same state, at the
 * revision that the witness is at.
 */

import type { StateHash } from "../../../src/kv/checksum.ts";
import type { Index } from "../../../src/raft/types.ts";
import { formatPosition } from "../../../src/raft/format.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function stateMachineSafety({ log, witness }: Scene, broken: Broken): Invariant {
  const states = new Map<Index, StateHash>();
  return {
    ...unwatched,
    id: "I5",
    turned: (node, { commitIndex: before }, { commitIndex }) => {
      if (commitIndex > before && commitIndex > log.committedIndex) {
        broken(
          `node ${node.id} takes ${commitIndex} for committed, no leader is beyond ` +
            `${log.committedIndex}`,
        );
      }
    },
    applied: (node, entries) => {
      for (const entry of entries) {
        const committed = log.committed(entry.index);
        if (committed?.crc32c === entry.crc32c && committed.term === entry.term) continue;
        const there = committed === undefined ? "nothing there" : formatPosition(committed);
        broken(`node ${node.id} applies ${formatPosition(entry)}, committed is ${there}`);
      }
      const status = node.machine?.status();
      if (status === undefined) return;
      const { applied: { index }, revision, oldest, stateHash } = status;
      const expected = witness.view(index);
      if (revision !== expected?.revision || oldest !== expected.oldest) {
        broken(
          `node ${node.id} is at revision ${revision}, readable from ${oldest}, behind entry ` +
            `${index}, not ${expected?.revision} from ${expected?.oldest}`,
        );
      }
      const known = states.get(index);
      if (known === undefined) states.set(index, stateHash);
      else if (known.a !== stateHash.a || known.b !== stateHash.b) {
        broken(`node ${node.id} is in another state than others behind entry ${index}`);
      }
    },
  };
}
