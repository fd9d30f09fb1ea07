/** Mistakes of the store: leases, transactions, requests that are asked again. */

import type { Mutant } from "./mutant.ts";

export const storeMutants: readonly Mutant[] = [
  {
    id: "M29a",
    what: "A lease ends by the clock of the leader that proposes it, whatever the entry says",
    patches: [
      {
        file: "src/kv/apply_lease.ts",
        find: `const isOver = lease?.deadlineMs === deadlineMs && deadlineMs <= times.timeMs;`,
        replace: `const isOver = true;`,
      },
      {
        file: "src/service/lease_keeper.ts",
        find: `const leases = store.due(nowMs, leasesPerCommand);`,
        replace: `const leases = store.due(nowMs + 900, leasesPerCommand);`,
      },
    ],
    expected: ["I5", "I9"],
  },
  {
    id: "M29b",
    what: "A lease ends though it was kept alive since its end was proposed",
    patches: [{
      file: "src/kv/apply_lease.ts",
      find: `const isOver = lease?.deadlineMs === deadlineMs && deadlineMs <= times.timeMs;`,
      replace: `const isOver = deadlineMs <= times.timeMs;`,
    }],
    expected: ["I5", "I9"],
  },
  {
    id: "M33",
    what: "A request that is asked again is applied again",
    patches: [{
      file: "src/kv/apply_once.ts",
      find: `const recalled = store.answers.recall(idempotency, times.timeMs);`,
      replace: `const recalled = { kind: "new" } as ReturnType<typeof store.answers.recall>;`,
    }],
    expected: ["I5", "I9"],
  },
  {
    id: "M34",
    what: "A transaction that turns out to be impossible keeps what it did until then",
    patches: [{
      file: "src/kv/store.ts",
      find: `if (run()) return this.tables.releaseSavepoint();`,
      replace: `run();
    if (before !== undefined) return this.tables.releaseSavepoint();`,
    }],
    expected: ["I5", "I9"],
  },
  {
    id: "M53",
    what: "States are compared that are those behind different entries of one term",
    patches: [{
      file: "src/service/state_comparison.ts",
      find: `position.index === index && position.term === term`,
      replace: `position.term === term`,
    }],
    expected: ["I19", "assertion"],
  },
];
