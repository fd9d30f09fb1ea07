/**
 * What is done to a disk, real or simulated, before it is compared with the other kind: writes of
 * every kind, discards and identities, step by step. Damage and lost files are no part of it.
 */

import { assert } from "../harness/test.ts";
import {
  configurationEntry,
  configurationOf,
  LogModel,
  randomWrite,
} from "../harness/log_model.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { Identity } from "../../src/node/ports.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { HardState, Index } from "../../src/raft/types.ts";
import { entriesOf } from "./storage_engine_basic_cases.ts";
import { killScript } from "./storage_kill_script.ts";

/** One thing that is durable as a whole or not at all. */
export type DiskStep =
  | { readonly kind: "write"; readonly write: LogWrite }
  | { readonly kind: "discard"; readonly from: Index; readonly hardState: HardState }
  | { readonly kind: "identity"; readonly identity: Identity };

export interface DiskScript {
  readonly name: string;
  /**
   * Steps of one bunch are under way together. Several writes are so when the disk is full as they
   * are handed in and has room again afterwards; an engine of ours that is not full ends each write
   * before it is given the next.
   */
  readonly bunches: readonly (readonly DiskStep[])[];
}

const randomSteps = { short: 3, random: 8 };

/** The script of a name: "kinds", "discard", "identity", "short-SEED" or "random-SEED". */
export function diskScript(name: string): DiskScript {
  if (name === "kinds") return { name, bunches: killScript().map((write) => [stepOf(write)]) };
  if (name === "discard") return { name, bunches: discardSteps().map((step) => [step]) };
  if (name === "identity") return { name, bunches: identitySteps().map((step) => [step]) };
  const [, length, seed] = /^(short|random)-(\d+)$/.exec(name) ?? [];
  assert.ok(length === "short" || length === "random", `there is no script ${name}`);
  return { name, bunches: randomBunches(new Prng(Number(seed)), randomSteps[length]) };
}

export function stepsOf({ bunches }: DiskScript): readonly DiskStep[] {
  return bunches.flat();
}

/** What is left of a script when its first `count` steps are durable, one by one. */
export function restOf(script: DiskScript, count: number): DiskScript {
  return { name: script.name, bunches: stepsOf(script).slice(count).map((step) => [step]) };
}

function stepOf(write: LogWrite): DiskStep {
  return { kind: "write", write };
}

function discardSteps(): readonly DiskStep[] {
  return [
    stepOf({
      ...{ number: 1, hardState: { currentTerm: 2, votedFor: 2, commitIndex: 5 } },
      entries: [
        configurationEntry(1, 1, [1, 2, 3]),
        ...entriesOf(2, 6),
        configurationEntry(7, 2, [1, 2, 3, 4]),
      ],
    }),
    {
      ...{ kind: "discard", from: 4 },
      hardState: { currentTerm: 3, votedFor: 1, commitIndex: 5 },
    },
    stepOf({ number: 2, entries: entriesOf(4, 5, 3) }),
  ];
}

/** Short and long files take turns, and the log is written in between. */
function identitySteps(): readonly DiskStep[] {
  const identity = {
    ...{ clusterId: "test", nodeId: 2, incarnation: "0123456789abcdef", starts: 1, logEpoch: 0 },
    recovering: false,
  };
  const peer = { id: 1, incarnation: "fedcba9876543210", starts: 4, nonce: 77 };
  const members = { birth: configurationOf([1, 2, 3]), peerStarts: [peer] };
  return [
    { kind: "identity", identity },
    { kind: "identity", identity: { ...identity, ...members, starts: 2 } },
    stepOf({ number: 1, entries: entriesOf(1, 2) }),
    { kind: "identity", identity: { ...identity, starts: 3, logEpoch: 1, recovering: true } },
  ];
}

function randomBunches(prng: Prng, steps: number): readonly (readonly DiskStep[])[] {
  const model = new LogModel();
  const bunches: DiskStep[][] = [];
  while (model.batchNumber < steps) {
    const count = prng.chance(1, 3) ? 2 + prng.below(2) : 1;
    const bunch: DiskStep[] = [];
    while (bunch.length < count && model.batchNumber < steps) {
      const write = randomWrite(model, prng);
      model.apply(write);
      bunch.push(stepOf(write));
    }
    bunches.push(bunch);
  }
  return bunches;
}
