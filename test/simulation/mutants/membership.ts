/** Mistakes of changing who votes. */

import type { Mutant } from "./mutant.ts";

const changeGate =
  `if (!this.#knowsCommit() || position.index > state.log.commitIndex || isJoint(configuration)) {`;

export const membershipMutants: readonly Mutant[] = [
  {
    id: "M24",
    what: "A leader changes the members before an entry of its own term is committed",
    patches: [{
      file: "src/raft/leader.ts",
      find: changeGate,
      replace: `if (position.index > state.log.commitIndex || isJoint(configuration)) {`,
    }],
    expected: ["I10", "I5"],
  },
  {
    id: "M25",
    what: "A second change of members begins while the first is under way",
    patches: [
      {
        file: "src/raft/leader.ts",
        find: changeGate,
        replace: `if (!this.#knowsCommit()) {`,
      },
      {
        file: "src/raft/configuration.ts",
        find:
          `  assert(!isJoint(present), "A change starts from a configuration that is not joint");
`,
        replace: ``,
      },
    ],
    expected: ["I10"],
  },
  {
    id: "M26",
    what: "A configuration stays in effect though its entry was truncated",
    patches: [{
      file: "src/raft/log.ts",
      find: `    this.configurations.truncateFrom(from);
`,
      replace: ``,
    }],
    expected: ["I10", "I18", "assertion"],
  },
  {
    id: "M51",
    what: "A leader that is not in C_new takes proposals behind it",
    patches: [{
      file: "src/raft/transfer.ts",
      find: `    return !this.isUnderWay && !this.#leaves;`,
      replace: `    return !this.isUnderWay;`,
    }],
    expected: ["I10"],
  },
  {
    id: "M52",
    what: "An id is given out again",
    patches: [{
      file: "src/raft/configuration.ts",
      find: `      ? member.id > present.nodeIdMax
`,
      replace: `      ? true
`,
    }],
    expected: ["I10"],
  },
];
