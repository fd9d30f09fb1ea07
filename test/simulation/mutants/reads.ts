/** Mistakes of linearizable reads. */

import type { Mutant } from "./mutant.ts";

export const readMutants: readonly Mutant[] = [
  {
    id: "M20",
    what: "A new leader answers reads before an entry of its own term is committed",
    patches: [
      {
        file: "src/raft/leader.ts",
        find: `this.#reads.begin(nowMs, this.#knowsCommit() ? log.commitIndex : undefined);`,
        replace: `this.#reads.begin(nowMs, log.commitIndex);`,
      },
      {
        file: "src/raft/leader.ts",
        find: `if (this.#reads.hasWaiting && this.#knowsCommit()) this.#heartbeat();`,
        replace: `if (this.#reads.hasWaiting) this.#heartbeat();`,
      },
    ],
    expected: ["I11", "I15"],
  },
  {
    id: "M21",
    what: "A leader answers its own reads without a round",
    patches: [{
      file: "src/raft/leader.ts",
      find: `const index = level === "lease" ? this.leaseIndex() : undefined;`,
      replace: `const index = level === "lease"
      ? this.leaseIndex()
      : this.#knowsCommit()
      ? this.#state.log.commitIndex
      : undefined;`,
    }],
    expected: ["I11", "I15"],
  },
  {
    id: "M22",
    what: "A round of reads that was dropped is asked for again under the same id",
    patches: [
      {
        file: "src/node/readers.ts",
        find: `    const id = { node, nonce, counter: ++this.#counter };
`,
        replace: `    const id = this.#dropped ?? { node, nonce, counter: ++this.#counter };
    this.#dropped = undefined;
`,
      },
      {
        file: "src/node/readers.ts",
        find: `  readonly #self: ReadsFrom;
`,
        replace: `  readonly #self: ReadsFrom;
  #dropped: ReadId | undefined;
`,
      },
      {
        file: "src/node/readers.ts",
        find:
          `    if (reason === "overloaded") this.#settleAll(readers, { kind: "failed", reason });
`,
        replace: `    if (reason !== "overloaded") this.#dropped = id;
    if (reason === "overloaded") this.#settleAll(readers, { kind: "failed", reason });
`,
      },
    ],
    expected: ["I11", "I15"],
  },
  {
    id: "M23",
    what: "A read is answered before the store has applied its index",
    patches: [{
      file: "src/node/readers.ts",
      find: `    this.#confirmed.push({ index, readers });`,
      replace: `    this.#settleAll(readers, { kind: "readable", index });`,
    }],
    expected: ["I11"],
  },
  {
    id: "M35",
    what: "A lease lasts as long as an election timeout, however clocks drift",
    patches: [{
      file: "src/raft/lease.ts",
      find: `sentMs + electionTimeoutMinMs - driftMs - lease.marginMs`,
      replace: `sentMs + electionTimeoutMinMs + 0 * driftMs`,
    }],
    expected: ["I11", "I15"],
  },
  {
    id: "M36",
    what: "A lease outlives a suspension of its machine",
    patches: [{
      file: "src/service/lease_reads.ts",
      find: `    return nowMs >= this.#voidUntilMs;`,
      replace: `    return this.#voidUntilMs <= Infinity;`,
    }],
    expected: ["I11", "I15"],
  },
  {
    id: "M37",
    what: "A leader that hands over reads under its lease until it hears of the other",
    patches: [{
      file: "src/raft/leader.ts",
      find: `    if (this.transfer.timeoutNowSent || `,
      replace: `    if (`,
    }],
    expected: ["I11", "I15"],
  },
  {
    id: "M38",
    what: "A lease counts from when its round was confirmed, not from when it was sent",
    patches: [
      {
        file: "src/raft/read_index.ts",
        find: `  confirm(round: number): readonly ConfirmedRead[] {`,
        replace: `  confirm(round: number, nowMs: number): readonly ConfirmedRead[] {`,
      },
      {
        file: "src/raft/read_index.ts",
        find: `      this.#confirmedSentMs = oldest.ms;`,
        replace: `      this.#confirmedSentMs = nowMs;`,
      },
      {
        file: "src/raft/leader.ts",
        find: `this.#reads.confirm(round)`,
        replace: `this.#reads.confirm(round, this.#state.nowMs)`,
      },
    ],
    expected: ["I11", "I15"],
  },
];
