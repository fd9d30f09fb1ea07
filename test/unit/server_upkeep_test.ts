import { loadConfig } from "../../src/config/load.ts";
import { decodeCommand } from "../../src/kv/command_encoding.ts";
import type { Operation } from "../../src/kv/command.ts";
import { keepUp } from "../../src/server_upkeep.ts";
import { StoreChecks } from "../../src/service/store_checks.ts";
import { FakeNode } from "../harness/fake_node.ts";
import { FakeStore } from "../harness/fake_store.ts";
import { put } from "../harness/kv_commands.ts";
import { ManualClock } from "../harness/manual_clock.ts";
import { assert, describe, it } from "../harness/test.ts";

const minuteMs = 60_000;

/** A leader of a store that has seen a batch of writes a second, and what it proposes. */
function kept(history: Readonly<Record<string, string>>) {
  const store = new FakeStore();
  const items = Array.from({ length: 1_000 }, (_, at) => put(`k${at % 10}`, "v"));
  for (let batch = 0; batch < 12; batch++) store.apply({ kind: "batch", items });
  const node = new FakeNode();
  const timers = new ManualClock();
  const clock = {
    every: timers.every.bind(timers),
    ...{ monotonicMs: () => 0, wallMs: () => 0, soon: () => {} },
  };
  const flags = Object.entries({ node_id: "1", ...history })
    .map(([path, text]) => ({ flag: path, path, text }));
  const stop = keepUp({
    ...{ node, clock, machine: store.machine, config: loadConfig({ flags }).config },
    ...{
      logger: { info: () => {} },
      checks: new StoreChecks(() => 0),
      versions: { look: () => {} },
    },
    guard: (run) => run(),
  });
  const proposed = (): readonly (Operation | undefined)[] =>
    node.proposals.map(({ what }) => {
      const decoded = decodeCommand(what);
      return decoded.ok ? decoded.value.operation : undefined;
    });
  return { store, node, timers, stop, proposed };
}

describe("The upkeep of a node", () => {
  it("gives up the past by its age, and removes it", () => {
    const history = { "storage.history_age_ms_max": String(60 * minuteMs) };
    const { store, node, timers, proposed } = kept(history);
    node.clusterTime = 59 * minuteMs;
    timers.tick();
    assert.deepEqual(proposed(), []);
    node.clusterTime = 61 * minuteMs;
    timers.tick();
    // Ten thousand revisions stay whatever their age.
    assert.deepEqual(proposed(), [{ kind: "compact", revision: 2_001 }]);
    store.compact(2_001);
    /** How many of the changes before that are there still: from those, watches are told. */
    const there = (): number =>
      Array.from({ length: 2_000 }, (_, at) =>
        store.read({
          ...{ kind: "changes", range: { start: new Uint8Array(0) }, from: { live: at + 1 } },
          ...{ prev: false, changesMax: 1, bytesMax: 1 },
        })).filter(({ kind }) => kind === "changes").length;
    assert.equal(there(), 2_000);
    for (let ticks = 0; ticks < 20; ticks++) timers.tick();
    assert.equal(there(), 0);
  });

  it("gives it up by its length", () => {
    const { node, timers, proposed } = kept({
      "storage.history_age_ms_max": String(600 * minuteMs),
      "storage.history_revisions_max": "11000",
    });
    node.clusterTime = 59 * minuteMs;
    timers.tick();
    assert.deepEqual(proposed(), [{ kind: "compact", revision: 1_001 }]);
  });

  it("ends with the node, in the midst of what it removes as well", () => {
    const { store, timers, stop } = kept({});
    const { length } = timers.intervalsMs;
    store.compact(10_000);
    timers.tick();
    assert.equal(timers.intervalsMs.length, length + 1);
    stop();
    assert.deepEqual(timers.intervalsMs, []);
  });
});
