/** Mistakes that lose nothing and stand still. */

import type { Mutant } from "./mutant.ts";

export const livenessMutants: readonly Mutant[] = [
  {
    id: "M30a",
    what: "A pre-vote from or to a node in a lower term is dropped",
    patches: [
      {
        file: "src/raft/core.ts",
        find: `if (message.kind === "preVote") return`,
        replace: `if (message.kind === "preVote" && term >= state.currentTerm) return`,
      },
      {
        file: "src/raft/core.ts",
        find: `if (message.kind === "preVoteReply" && message.voteGranted) {`,
        replace: `const isLower = term < state.currentTerm;
    if (message.kind === "preVoteReply" && message.voteGranted && !isLower) {`,
      },
    ],
    expected: ["I16"],
  },
  {
    id: "M30b",
    what: "Every election timeout is the same",
    patches: [{
      file: "src/raft/state.ts",
      find: `= this.rng.below(electionTimeoutMaxMs - electionTimeoutMinMs + 1);`,
      replace: `= (electionTimeoutMaxMs - electionTimeoutMinMs) / 2;`,
    }],
    expected: ["I16"],
  },
];
