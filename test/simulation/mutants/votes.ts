/** Mistakes about votes: whom they are given to, and what is on the disk when they are told. */

import type { Mutant } from "./mutant.ts";

export const voteMutants: readonly Mutant[] = [
  {
    id: "M1",
    what: "A vote is told before it is on the disk",
    patches: [{
      file: "src/raft/follower.ts",
      find: `state.sendDurable(envelope.from, { kind: "requestVoteReply", voteGranted: true });`,
      replace: `state.send(envelope.from, { kind: "requestVoteReply", voteGranted: true });`,
    }],
    expected: ["I7", "I1"],
  },
  {
    id: "M2",
    what: "A new term and the vote in it are two writes, the vote only in the second",
    patches: [
      {
        file: "src/raft/state.ts",
        find: `    this.writes.markHardState();
    this.writes.dropHeld();`,
        replace: `    this.writes.markTerm();
    this.writes.dropHeld();`,
      },
      {
        file: "src/raft/write_queue.ts",
        find: `  markHardState(): void {`,
        replace: `  #termChanged = false;

  markTerm(): void {
    this.#termChanged = true;
  }

  markHardState(): void {`,
      },
      {
        file: "src/raft/write_queue.ts",
        find: `    if (!this.#isDirty()) return undefined;
`,
        replace: `    if (!this.#isDirty()) return undefined;
    const { currentTerm, commitIndex } = hardState;
    const isTermAlone = this.#termChanged;
    this.#termChanged = false;
`,
      },
      {
        file: "src/raft/write_queue.ts",
        find: `      hardState,
`,
        replace: `      hardState: isTermAlone ? { currentTerm, commitIndex } : hardState,
`,
      },
      {
        file: "src/raft/write_queue.ts",
        find: `    this.#hardStateChanged = false;`,
        replace: `    this.#hardStateChanged = isTermAlone && this.#hardStateChanged;`,
      },
      {
        file: "src/raft/write_queue.ts",
        find: `    return this.#hardStateChanged ||`,
        replace: `    return this.#termChanged || this.#hardStateChanged ||`,
      },
    ],
    expected: ["I7"],
  },
  {
    id: "M3",
    what: "Who steps down within a term forgets its vote in it",
    patches: [
      {
        file: "src/raft/core.ts",
        find: `if (transition.term > state.currentTerm) state.enterTerm(transition.term);`,
        replace: `state.enterTerm(transition.term);`,
      },
      {
        file: "src/raft/state.ts",
        find: `assert(term > this.#currentTerm, `,
        replace: `assert(term >= this.#currentTerm, `,
      },
    ],
    expected: ["I7", "I1"],
  },
  {
    id: "M4a",
    what: "Votes and pre-votes are given without a look at how fresh the candidate's log is",
    patches: [{
      file: "src/raft/log.ts",
      find: `    const mine = this.last;
    return theirs.term !== mine.term ? theirs.term > mine.term : theirs.index >= mine.index;`,
      replace: `    return theirs.index >= 0;`,
    }],
    expected: ["I4", "assertion"],
  },
  {
    id: "M4b",
    what: "A vote is given without a look at the candidate's log, a pre-vote is not",
    patches: [{
      file: "src/raft/follower.ts",
      find: `if (!free || state.recovering || !state.log.isUpToDate(message.lastLog)) {`,
      replace: `if (!free || state.recovering) {`,
    }],
    expected: ["I4", "assertion"],
  },
  {
    id: "M5",
    what: "The longer log counts as the fresher one, whatever its last term",
    patches: [{
      file: "src/raft/log.ts",
      find:
        `return theirs.term !== mine.term ? theirs.term > mine.term : theirs.index >= mine.index;`,
      replace: `return theirs.index >= mine.index;`,
    }],
    expected: ["I4", "assertion"],
  },
];
