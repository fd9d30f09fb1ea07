/** Watches over a store, without a node. */

import type { Operation } from "../../src/kv/command.ts";
import type { RevisionChanges } from "../../src/kv/query.ts";
import { lossyText } from "../../src/lib/bytes.ts";
import { RevisionWait } from "../../src/service/revision_wait.ts";
import { Watch, type WatchStart } from "../../src/service/watch.ts";
import { WatchHub } from "../../src/service/watch_hub.ts";
import { WatchMemory } from "../../src/service/watch_memory.ts";
import { FakeStore } from "./fake_store.ts";
import { bytes } from "./kv_commands.ts";

/** A store that tells when it has applied something, with a hub on it. */
export class Watched {
  readonly store = new FakeStore();
  readonly node = {
    readNow: this.store.read.bind(this.store),
    onApplied: this.store.onApplied.bind(this.store),
  };
  readonly hub = new WatchHub(this.node);
  readonly revisions = new RevisionWait(this.node, () => this.store.revision);
  readonly memory: WatchMemory;

  constructor(memoryBytesMax = 64 * 1024 * 1024) {
    this.memory = new WatchMemory(memoryBytesMax);
  }

  apply(...operations: readonly Operation[]): void {
    this.store.isQuiet = true;
    for (const operation of operations) this.store.apply(operation);
    this.store.isQuiet = false;
    this.store.tell();
  }

  watch(request: Partial<WatchStart> = {}): Watch {
    const { node, hub, revisions, memory } = this;
    const target = { kind: "range", start: new Uint8Array(0) } as const;
    const soon = (run: () => void) => setImmediate(run);
    const parts = { node, hub, revisions, memory, soon };
    return new Watch(parts, { target, after: 1, prev: false, ...request });
  }
}

/** What is there now, without waiting. */
export async function taken(watch: Watch): Promise<readonly string[]> {
  const seen: string[] = [];
  for (;;) {
    const frame = await watch.next({ ms: 0 });
    if (frame.kind === "changes") seen.push(shown(frame.changes));
    else return [...seen, toldOf(frame)];
  }
}

function toldOf(frame: Exclude<Awaited<ReturnType<Watch["next"]>>, { kind: "changes" }>): string {
  switch (frame.kind) {
    case "progress":
      return `at ${frame.revision}`;
    case "lagging":
      return `at ${frame.at} of ${frame.revision}`;
    case "compacted":
      return `compacted, oldest ${frame.oldest}`;
    case "closing":
      return "closing";
  }
}

/** `revision: key=value was value -key`, and `…` behind a revision that goes on. */
export function shown({ revision, events, isPartial }: RevisionChanges): string {
  const all = events.map((event) => {
    const before = event.prev === undefined ? "" : ` was ${lossyText(event.prev.value)}`;
    return event.kind === "put"
      ? `${lossyText(event.record.key)}=${lossyText(event.record.value)}${before}`
      : `-${lossyText(event.key)}${before}`;
  });
  return `${revision}${isPartial ? "…" : ""}: ${all.join(" ")}`;
}

/** The target of a watch of one key. */
export function key(text: string): WatchStart["target"] {
  return { kind: "key", key: bytes(text) };
}
