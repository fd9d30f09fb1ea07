/** Mistakes about disks: what is said too early, and what is made of what they lost. */

import type { Mutant } from "./mutant.ts";

export const durabilityMutants: readonly Mutant[] = [
  {
    id: "M15",
    what: "AppendEntries are acknowledged before they are on the disk",
    patches: [{
      file: "src/raft/follower.ts",
      find: `    state.sendDurable(envelope.from, {
      kind: "appendEntriesReply",`,
      replace: `    state.send(envelope.from, {
      kind: "appendEntriesReply",`,
    }],
    expected: ["I8", "I9"],
  },
  {
    id: "M17",
    what: "A write that failed counts as written",
    patches: [{
      file: "src/node/writes.ts",
      find: `      this.#parts.onFailed(error);`,
      replace: `      void error;
      this.#inflight--;
      this.#parts.onPersisted(write.number);`,
    }],
    expected: ["I7", "I8", "I9"],
  },
  {
    id: "M18",
    what: "The applied position is committed before the data, in a transaction of its own",
    patches: [
      {
        file: "src/kv/state_machine.ts",
        find: `      for (const entry of entries) results.push(this.#applyEntry(entry));`,
        replace: `      const last = entries.at(-1)!;
      this.#store.commitApplied({ index: last.index, term: last.term });
      for (const entry of entries) results.push(this.#applyEntry(entry));`,
      },
      {
        file: "src/kv/store.ts",
        find: `  /** Goes back to the last commit. */`,
        replace: `  commitApplied(applied: KvMeta["applied"]): void {
    const facts = this.#facts.snapshot();
    if (applied.index > facts.applied.index) this.tables.commit({ ...facts, applied }, "normal");
  }

  /** Goes back to the last commit. */`,
      },
    ],
    expected: ["I5", "I11"],
  },
  {
    id: "M19",
    what: "A damaged entry counts as the end of the log, and the node votes on",
    patches: [
      {
        file: "src/node/opening.ts",
        find:
          `  keeper.change({ recovering: true, logEpoch: keeper.identity.logEpoch + 1 }, () => {`,
        replace: `  const isTorn = storage.stored().firstBad !== undefined;
  const lost = { recovering: true, logEpoch: keeper.identity.logEpoch + 1 };
  keeper.change(isTorn ? {} : lost, () => {`,
      },
      {
        file: "src/node/recovery.ts",
        find: `    hardState: { currentTerm, votedFor: identity.nodeId, commitIndex },`,
        replace: `    hardState: stored.firstBad === undefined
      ? { currentTerm, votedFor: identity.nodeId, commitIndex }
      : { ...stored.hardState, commitIndex },`,
      },
    ],
    expected: ["I8", "I4", "I9"],
  },
];
