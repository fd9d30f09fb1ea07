/** Entries of random operations around the state that a store is in: the same for the same seed. */

import type { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { EntryMaker } from "./kv_commands.ts";
import type { RandomKv } from "./random_kv.ts";

export interface RandomSource {
  readonly random: RandomKv;
  readonly maker: EntryMaker;
}

/** The next seven entries behind what `machine` has applied. */
export function randomPage(machine: KvStateMachine, { random, maker }: RandomSource): Entry[] {
  const { revision } = machine;
  const leases = machine.leasesDue(Number.MAX_SAFE_INTEGER, 10);
  if (random.chance(1, 10)) maker.skip(30_000);
  return Array.from(
    { length: 7 },
    () =>
      maker.command(random.operation({ revision, leases, contestants: [] }), random.idempotency()),
  );
}
