/** Our own store as a machine for the suite of images. */

import type { KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { Entry } from "../../src/raft/types.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { EntryMaker, range } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { RandomKv } from "../harness/random_kv.ts";
import { randomPage } from "../harness/random_page.ts";
import { scrubAll } from "../harness/scrubbing.ts";
import { assert } from "../harness/test.ts";
import type { ImageCluster, ImagePlace } from "./image_place.ts";
import type { KvPlace } from "./state_machine_place.ts";

/** A log of random operations of all kinds, made around the state that they lead to. */
class RandomLog {
  readonly #machine = new KvStateMachine({ tables: new MemoryKvTables() });
  readonly #source = { random: new RandomKv(7), maker: new EntryMaker() };
  #ready: Entry[] = [];

  next(count: number): readonly Entry[] {
    while (this.#ready.length < count) {
      if (this.#source.maker.lastIndex === 0) {
        const configuration = {
          members: [
            { id: 1, incarnation: "00000000000000aa", suffrage: "voter" } as const,
            { id: 2, incarnation: "00000000000000bb", suffrage: "learner" } as const,
          ],
          nodeIdMax: 4,
        };
        this.#take([this.#source.maker.configuration(configuration)]);
      }
      this.#take(randomPage(this.#machine, this.#source));
    }
    return this.#ready.splice(0, count);
  }

  #take(entries: readonly Entry[]): void {
    this.#machine.apply(entries);
    this.#ready.push(...entries);
  }
}

/** Machines over places of one backend. */
export function kvCluster(makePlace: () => KvPlace): ImageCluster {
  const log = new RandomLog();
  const places: KvPlace[] = [];
  return {
    entries: (count) => log.next(count),
    makePlace: () => {
      const place = makePlace();
      places.push(place);
      return machinePlace(place);
    },
    remove: () => places.forEach((place) => place.remove()),
  };
}

function machinePlace(place: KvPlace): ImagePlace {
  let tables: KvTables;
  let machine: KvStateMachine;
  return {
    open: () => {
      tables = place.open();
      machine = new KvStateMachine({ tables });
      return machine;
    },
    crash: () => place.crash(),
    describe: () => describeStore(machine),
    check: () => {
      assert.equal(machine.commit(), true);
      assertIntact(tables);
      scrubAll(machine);
    },
  };
}

/** The state now and at some revisions before, its changes and its leases. */
export function describeStore(machine: KvStateMachine): unknown {
  const { oldest, revision } = machine.status();
  const revisions = [oldest, Math.ceil((oldest + revision) / 2), revision];
  const changes = machine.read({
    kind: "changes",
    range: { start: new Uint8Array(0) },
    from: { after: oldest },
    prev: true,
    changesMax: 10_000,
    bytesMax: Number.MAX_SAFE_INTEGER,
  });
  return [
    machine.status(),
    ...revisions.map((at) => machine.read(range({ revision: at }))),
    changes,
    machine.leasesDue(Number.MAX_SAFE_INTEGER, 1_000),
  ];
}
