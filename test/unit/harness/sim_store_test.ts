/** The store of a simulated node, where a process ends inside of what it does with an image. */

import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { DiskFullError } from "../../../src/node/ports.ts";
import { EntryMaker, put } from "../../harness/kv_commands.ts";
import { SimStore, type StageStep } from "../../harness/sim_store.ts";
import { assert, describe, it } from "../../harness/test.ts";
import type { Received } from "../../conformance/image_place.ts";

const steps: readonly StageStep[] = ["open", "write", "finish", "adopt"];

/** The image of a store that has applied `count` entries. */
function imageAt(count: number): Received {
  const source = machineOn(new SimStore(), count);
  let received: Received | undefined;
  source.image((image) => {
    assert.ok(image);
    const { meta } = image;
    image.read({ offset: 0, bytesMax: meta.bytes }, (bytes) => received = { meta, bytes });
  });
  assert.ok(received);
  return received;
}

function machineOn(store: SimStore, count = 0): KvStateMachine {
  const machine = new KvStateMachine({ tables: store.tables });
  const puts = Array.from({ length: count }, (_, at) => put(`k${at}`, "v"));
  machine.apply(new EntryMaker().commands(puts));
  return machine;
}

/** Receives and adopts, in two chunks; what a process does that is killed somewhere. */
function takeOver(machine: KvStateMachine, { meta, bytes }: Received): void {
  const stage = machine.stage(meta);
  const half = bytes.length >> 1;
  while (stage.offset < bytes.length) {
    const before = stage.offset;
    stage.write(bytes.subarray(before, before < half ? half : undefined));
    // Who is dead makes no progress.
    if (stage.offset === before) return;
  }
  stage.finish((outcome) => assert.equal(outcome, "staged"));
  machine.adopt();
}

describe("the store of a simulated node", () => {
  for (const step of steps) {
    for (const when of ["beforeStep", "afterStep"] as const) {
      for (const how of ["kill", "power cut"]) {
        it(`is the old one or the new one, where a ${how} comes at ${when} of ${step}`, () => {
          const image = imageAt(20);
          let store = new SimStore();
          const machine = machineOn(store, 5);
          machine.makeDurable(() => {});
          const first = store;
          first[when] = (at) => {
            if (at !== step || store !== first) return;
            store.kill();
            store = how === "kill" ? store.copy() : store.afterPowerCut(new Prng(3));
          };
          takeOver(machine, image);
          assert.notEqual(store, first, "It ended there");
          const next = machineOn(store);
          const isAdopted = step === "adopt" && when === "afterStep";
          assert.equal(next.applied().position.index, isAdopted ? 20 : 5);
          const isStaged = when === "afterStep" ? step === "finish" : step === "adopt";
          assert.equal(next.staged() !== undefined, isStaged);
          if (!isAdopted) takeOver(next, image);
          assert.equal(next.applied().position.index, 20);
          // No power cut takes it back.
          const last = machineOn(store.afterPowerCut(new Prng(1)));
          assert.deepEqual(last.status(), next.status());
        });
      }
    }
  }

  it("has nothing of what a process writes in the turn in which it was killed", () => {
    const store = new SimStore();
    const dying = machineOn(store, 5);
    dying.makeDurable(() => {});
    store.afterStep = (step) => {
      if (step === "adopt") store.kill();
    };
    takeOver(dying, imageAt(20));
    const behind = new EntryMaker().commands(
      Array.from({ length: 25 }, (_, at) => put(`behind${at}`, "v")),
    ).slice(20);
    dying.apply(behind);
    const next = machineOn(store);
    const clean = new SimStore();
    const other = machineOn(clean);
    takeOver(other, imageAt(20));
    for (const machine of [next, other]) machine.apply(behind);
    assert.deepEqual(next.status(), other.status());
    dying.makeDurable(() => {});
    assert.deepEqual(machineOn(store.copy()).applied().position.index, 20);
  });

  it("takes no image where it is full", () => {
    const store = new SimStore();
    const machine = machineOn(store);
    const { meta, bytes } = imageAt(3);
    store.isFull = true;
    machine.image((image) => assert.equal(image, undefined));
    assert.throws(() => machine.stage(meta), DiskFullError);
    store.isFull = false;
    const stage = machine.stage(meta);
    store.isFull = true;
    assert.throws(() => stage.write(bytes), DiskFullError);
    stage.finish((outcome) => assert.equal(outcome, "busy"));
    store.isFull = false;
    takeOver(machine, { meta, bytes });
    assert.equal(machine.applied().position.index, 3);
  });
});
