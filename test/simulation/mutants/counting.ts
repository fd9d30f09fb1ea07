/** Mistakes of counting: how many are a majority, who belongs to it, and what it may commit. */

import type { Mutant } from "./mutant.ts";

export const countingMutants: readonly Mutant[] = [
  {
    id: "M6",
    what: "Half of the voters, rounded down, count as a majority",
    patches: [{
      file: "src/raft/quorum.ts",
      find: `return Math.floor(voters / 2) + 1;`,
      replace: `return Math.max(1, Math.floor(voters / 2));`,
    }],
    expected: ["I1", "I8"],
  },
  {
    id: "M7",
    what: "Learners count in a quorum",
    patches: [
      {
        file: "src/raft/configuration.ts",
        find: `const sets = [votersOf(configuration.members)];`,
        replace: `const sets = [configuration.members.map(({ id }) => id)];`,
      },
      {
        file: "src/raft/configuration.ts",
        find: `sets.push(votersOf(configuration.outgoing));`,
        replace: `sets.push(configuration.outgoing.map(({ id }) => id));`,
      },
    ],
    expected: ["I8", "I1"],
  },
  {
    id: "M10",
    what: "An entry of an earlier term is committed by counting its copies",
    patches: [{
      file: "src/raft/leader.ts",
      find:
        `if (reached <= log.commitIndex || log.term(reached) !== currentTerm) return undefined;`,
      replace: `if (reached <= log.commitIndex) return undefined;`,
    }],
    expected: ["I8", "I4", "I5"],
  },
  {
    id: "M16",
    what: "The leader counts its own copy before it is on its disk",
    patches: [{
      file: "src/raft/leader.ts",
      find: `(voter) => voter === self ? log.stableIndex : `,
      replace: `(voter) => voter === self ? log.lastIndex : `,
    }],
    expected: ["I8", "I9"],
  },
];
