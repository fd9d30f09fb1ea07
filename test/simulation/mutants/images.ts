/** Mistakes of compaction, and of images of the store. */

import type { Mutant } from "./mutant.ts";

export const imageMutants: readonly Mutant[] = [
  {
    id: "M27a",
    what: "A log is compacted with the newest configuration, not with that of its new beginning",
    patches: [{
      file: "src/raft/log.ts",
      find: `    const configuration = this.configurations.at(position.index);
    this.#boundary = { position, timeMs: entry!.timeMs, configuration };
`,
      replace: `    const configuration = this.configurations.latest();
    this.#boundary = { position, timeMs: entry!.timeMs, configuration };
`,
    }],
    expected: ["I10", "I18", "assertion"],
  },
  {
    id: "M27b",
    what: "An image lacks the requests that were answered",
    patches: [
      {
        file: "src/storage/memory/kv_image.ts",
        find: `  yield* blocksOf(kinds.ledger, rows.ledger, writeLedgerRow);
`,
        replace: `  yield* blocksOf(kinds.ledger, [], writeLedgerRow);
`,
      },
      {
        file: "src/storage/memory/kv_image.ts",
        find: `varint(rows.changes.length).varint(rows.ledger.length)`,
        replace: `varint(rows.changes.length).varint(0)`,
      },
    ],
    expected: ["I5", "I9", "I12", "I13", "I16", "I17", "assertion"],
  },
  {
    id: "M28a",
    what: "An image is taken and installed though it is older than what is committed",
    patches: [
      {
        file: "src/raft/installation.ts",
        find: `return position.index > log.commitIndex ? "this" : "none";`,
        replace: `return "this";`,
      },
      {
        file: "src/raft/installation.ts",
        find: `    if (log.matches(position)) {
`,
        replace: `    if (this.#state.needsSnapshot() && log.matches(position)) {
`,
      },
    ],
    expected: ["I3", "I6", "I16", "assertion"],
  },
  {
    id: "M28b",
    what: "What conflicts with an image stays in the log",
    patches: [{
      file: "src/raft/installation.ts",
      find: `    if (log.matches(position)) {
`,
      replace: `    if (log.lastIndex >= position.index) {
`,
    }],
    expected: ["I3", "I5", "I16", "I18", "assertion"],
  },
];
