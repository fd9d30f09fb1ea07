/** Mistakes of watches: where they begin and go on, and how history passes into what is live. */

import type { Mutant } from "./mutant.ts";

const withoutGuard = {
  file: "src/service/watch.ts",
  find: `if (changes.revision <= this.#through) return;`,
  replace: ``,
};

export const watchMutants: readonly Mutant[] = [
  {
    id: "M39",
    what: "A watch that goes on behind a revision leaves the next one out",
    patches: [{
      file: "src/kv/changes.ts",
      find: `return lastChangeAt(store.tables, from.after, store.meta) + 1;`,
      replace: `return lastChangeAt(store.tables, from.after + 1, store.meta) + 1;`,
    }],
    expected: ["I13"],
  },
  {
    id: "M40",
    what: "A watch that has read history is handed its last revision again as it becomes live",
    patches: [
      withoutGuard,
      {
        file: "src/service/watch_hub.ts",
        find: `if (this.size === 0) this.#next = next;`,
        replace: `if (this.size === 0) this.#next = next - 1;`,
      },
    ],
    expected: ["I13"],
  },
  {
    id: "M41",
    what: "A node that is behind tells a watch again what it has seen at another one",
    patches: [
      withoutGuard,
      {
        file: "src/kv/changes.ts",
        find: `if (from.after > revision) return "future";`,
        replace: ``,
      },
    ],
    expected: ["I13"],
  },
  {
    id: "M42",
    what: "It is noted how far a watch has come before it is handed what there is",
    patches: [{
      file: "src/service/watch_hub.ts",
      find: `for (const changes of answer.revisions) this.#tell(changes);
      this.#next = answer.next;
      this.#through = answer.through;`,
      replace: `this.#through = answer.through;
      for (const changes of answer.revisions) this.#tell(changes);
      this.#next = answer.next;`,
    }],
    expected: ["I13"],
  },
  {
    id: "M43",
    what: "One look into history counts as all of it",
    patches: [
      {
        file: "src/kv/changes.ts",
        find: `const through = isAll ? revision : isPartial ? last.revision - 1 : last.revision;`,
        replace: `const through = revision;`,
      },
      // Nobody is a thousand changes behind here.
      {
        file: "src/service/watch.ts",
        find: `const changesPerLook = 1_000;`,
        replace: `const changesPerLook = 10;`,
      },
    ],
    expected: ["I13"],
  },
  {
    id: "M44",
    what: "A watch whose place is given up goes on with what is left",
    patches: [
      {
        file: "src/kv/changes.ts",
        find: `if (from.after < oldest) return undefined;`,
        replace: ``,
      },
      {
        file: "src/service/watch_service.ts",
        find: `if (after < oldest) throw compacted(after, oldest);`,
        replace: ``,
      },
    ],
    expected: ["I13"],
  },
  {
    id: "M45",
    what: "A watch that was too slow goes on behind what the store has, not what it was handed",
    patches: [{
      file: "src/service/watch.ts",
      find: `this.#from = { after: this.#through };
    this.#wake();`,
      replace: `this.#from = { after: this.#parts.node.readNow({
      ...{ kind: "changes", range: this.#range, from: this.#from, prev: false },
      ...{ changesMax: 1, bytesMax: 1 },
    })?.revision ?? this.#through };
    this.#wake();`,
    }],
    expected: ["I13"],
  },
];
