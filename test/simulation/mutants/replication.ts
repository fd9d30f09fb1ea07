/** Mistakes of replication: which messages count, and what they may do to a log. */

import type { Mutant } from "./mutant.ts";

const lowerTermGate = `if (term < state.currentTerm) return this.#answerLowerTerm(envelope);`;

export const replicationMutants: readonly Mutant[] = [
  {
    id: "M8",
    what: "A leader takes no notice of a higher term in an answer to what it sent",
    patches: [{
      file: "src/raft/core.ts",
      find: `if (term > state.currentTerm) this.#adoptTerm(envelope);`,
      replace:
        `const answers = message.kind === "appendEntriesReply" || message.kind === "heartbeatReply";
    if (term > state.currentTerm && !answers) this.#adoptTerm(envelope);`,
    }],
    expected: ["I16", "I1"],
  },
  {
    id: "M9",
    what: "AppendEntries of a lower term are accepted",
    patches: [{
      file: "src/raft/core.ts",
      find: lowerTermGate,
      replace: `const appends = message.kind === "appendEntries" && this.#role.role === "follower";
    if (term < state.currentTerm && !appends) return this.#answerLowerTerm(envelope);`,
    }],
    expected: ["I3", "I5", "assertion"],
  },
  {
    id: "M11",
    what: "A follower commits up to leaderCommit, though its own entries there are not verified",
    patches: [{
      file: "src/raft/follower.ts",
      find: `commitTo(Math.min(leaderCommit, this.#state.verifiedIndex));`,
      replace: `commitTo(Math.min(leaderCommit, this.#state.log.lastIndex));`,
    }],
    expected: ["I5", "assertion"],
  },
  {
    id: "M12",
    what: "Everything behind prevLog that is not committed is replaced, conflict or not",
    patches: [{
      file: "src/raft/log.ts",
      find: `entry.index > this.#boundary.position.index && this.term(entry.index) !== entry.term`,
      replace: `entry.index > this.#commitIndex`,
    }],
    expected: ["I8", "I4"],
  },
  {
    id: "M13",
    what: "The term of prevLog is not compared",
    patches: [{
      file: "src/raft/follower.ts",
      find: `if (!below && !log.matches(prevLog)) {`,
      replace: `if (!below && prevLog.index > log.lastIndex) {`,
    }],
    expected: ["I3", "I5", "assertion"],
  },
  {
    id: "M14a",
    what: "A late acknowledgement counts for everything that was sent since",
    patches: [{
      file: "src/raft/leader.ts",
      find: `const news = progress.matched(result.position, attempt, nowMs);`,
      replace: `const sent = Math.max(result.position.index, progress.next - 1);
        const news = progress.matched(log.positionAt(sent), attempt, nowMs);`,
    }],
    expected: ["I8"],
  },
  {
    id: "M14b",
    what: "An acknowledgement of an earlier term counts, by its index alone",
    patches: [
      {
        file: "src/raft/core.ts",
        find: lowerTermGate,
        replace: `const acknowledges = message.kind === "appendEntriesReply";
    if (term < state.currentTerm && !acknowledges) return this.#answerLowerTerm(envelope);`,
      },
      {
        file: "src/raft/leader.ts",
        find: `if (!log.matches(result.position)) return undefined;`,
        replace: `if (result.position.index > log.lastIndex) return undefined;`,
      },
    ],
    expected: ["I8"],
  },
  {
    id: "M32",
    what: "Every answer, however late, opens the window anew or makes the leader probe",
    patches: [
      {
        file: "src/raft/progress.ts",
        find: `if (attempt !== this.#attempt) return news;`,
        replace: ``,
      },
      {
        file: "src/raft/progress.ts",
        find: `if (this.#mode === "replicating") this.#window = Math.max(1, `,
        replace: `this.#window = Math.max(this.#limits.messagesMax, `,
      },
      {
        file: "src/raft/leader.ts",
        find:
          `const stale = attempt !== progress.attempt || result.rejected.index <= progress.match;`,
        replace: `const stale = result.rejected.index <= progress.match ||
          (progress.mode === "probing" && result.rejected.index !== progress.next - 1);`,
      },
    ],
    expected: ["I14"],
  },
];
