/** Mistakes of locks and elections: who holds, for how long, and by which token. */

import type { Mutant } from "./mutant.ts";

export const contestMutants: readonly Mutant[] = [
  {
    id: "M46",
    what: "The time of a new leader runs ahead, and ends leases whose holders count on them",
    patches: [{
      file: "src/raft/leader.ts",
      find: `return this.#clusterTimeAtElectionMs + (nowMs - this.#electedMs);`,
      replace: `return this.#clusterTimeAtElectionMs + nowMs;`,
    }],
    expected: ["I17"],
  },
  {
    id: "M47",
    what: "A token is the contestant's place in the line, and so is given again",
    patches: [{
      file: "src/kv/apply_contest.ts",
      find: `const token = stamp.revision;`,
      replace: `const token = before + 1;`,
    }],
    expected: ["I5", "I9", "I17"],
  },
  {
    id: "M48",
    what: "Who asks for a lock that others wait for is given it before them",
    patches: [{
      file: "src/kv/contests.ts",
      find: `const rows = { ...this.#range, rowsMax: 1, reverse: false, values: true };`,
      replace: `const rows = { ...this.#range, rowsMax: 1, reverse: true, values: true };`,
    }],
    expected: ["I5", "I9", "I11", "I17"],
  },
  {
    id: "M49",
    what: "The lease of a lock is kept alive in words, and ends all the same",
    patches: [{
      file: "src/kv/leases.ts",
      find: `if (kept.deadlineMs === lease.deadlineMs) return lease;`,
      replace: `if (kept.deadlineMs === lease.deadlineMs || lease.isPrivate) return lease;`,
    }],
    expected: ["I5", "I9", "I17"],
  },
  {
    id: "M50",
    what: "Who has waited too long leaves, though it has become the holder and may count on it",
    patches: [{
      file: "src/kv/apply_contest.ts",
      find: `(asked.onlyWaiting && before === 0) ||`,
      replace: `(asked.onlyWaiting && contest.count() === 0) ||`,
    }],
    expected: ["I5", "I9", "I17"],
  },
];
