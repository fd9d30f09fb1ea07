/** What the store does with one key, and where it says that it stands. */

import { AssertionError } from "../../src/lib/assert.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { encodeCommand } from "../../src/kv/command_encoding.ts";
import type { Configuration } from "../../src/raft/types.ts";
import { del, put } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, type StateMachineCase } from "./state_machine_place.ts";

const oneVoter: Configuration = {
  members: [{ id: 1, incarnation: "00000000000000aa", suffrage: "voter" }],
  nodeIdMax: 1,
};

export const basicCases: readonly StateMachineCase[] = [
  {
    name: "start_stop",
    run: (place) => {
      const driver = new Driver(place);
      assert.deepEqual(driver.machine.applied(), {
        position: { index: 0, term: 0 },
        configuration: {
          position: { index: 0, term: 0 },
          configuration: { members: [], nodeIdMax: 0 },
        },
      });
      assert.equal(driver.machine.revision, 1);
      driver.reopen();
      assert.equal(driver.machine.revision, 1);
      assert.deepEqual(driver.range().items, []);
    },
  },
  {
    name: "basic_kv",
    run: (place) => {
      const driver = new Driver(place);
      assert.equal(driver.record("k"), undefined);
      assert.deepEqual(driver.do(put("k", "1")), {
        kind: "put",
        revision: 2,
        create: 2,
        version: 1,
      });
      driver.do(put("other", "x"));
      assert.deepEqual(driver.do(put("k", "2", { prev: true })), {
        kind: "put",
        revision: 4,
        create: 2,
        version: 2,
        prev: { key: utf8("k"), value: utf8("1"), create: 2, mod: 2, version: 1 },
      });
      assert.deepEqual(driver.record("k"), {
        key: utf8("k"),
        value: utf8("2"),
        create: 2,
        mod: 4,
        version: 2,
      });
      const gone = { key: utf8("k"), value: utf8("2"), create: 2, mod: 4, version: 2 };
      assert.deepEqual(driver.do(del("k", { prev: true })), {
        kind: "delete",
        revision: 5,
        deleted: 1,
        more: false,
        prev: [gone],
      });
      assert.equal(driver.record("k"), undefined);
      assert.deepEqual(driver.do(put("k", "3")), {
        kind: "put",
        revision: 6,
        create: 6,
        version: 1,
      });
    },
  },
  {
    name: "a deletion of nothing takes no revision, and neither do the others that change nothing",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("k", "1"));
      const nothing = { kind: "delete", revision: 2, deleted: 0, more: false, prev: [] };
      assert.deepEqual(driver.do(del("absent", { prev: true })), nothing);
      driver.do(del("k"));
      assert.deepEqual(driver.do(del("k")), { ...nothing, revision: 3 });
      assert.deepEqual(driver.do({ kind: "nothing" }), { kind: "nothing", revision: 3 });
      const failed = driver.do(put("k", "2", { conditions: { ifMatch: "any" } }));
      assert.equal(failed.kind, "conditionFailed");
      assert.equal(driver.machine.revision, 3);
      assert.deepEqual(driver.machine.status().liveKeys, 0);
    },
  },
  {
    name: "a media type stays with its version and goes with the next",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("k", "{}", { mediaType: "application/json" }));
      assert.equal(driver.record("k")?.mediaType, "application/json");
      driver.do(put("k", "{}"));
      assert.deepEqual(Object.keys(driver.record("k") ?? {}).sort(), [
        ...["create", "key", "mod", "value", "version"],
      ]);
      assert.equal(driver.record("k", 2)?.mediaType, "application/json");
    },
  },
  {
    name: "apply_chunk_functionality",
    run: (place) => {
      const driver = new Driver(place);
      const { maker } = driver;
      const entries = [
        maker.noop(),
        maker.command(put("a", "1")),
        maker.configuration(oneVoter),
        maker.command(del("a")),
        maker.command(put("b", "2")),
      ];
      const results = driver.apply(entries);
      assert.deepEqual(results.map(({ kind }) => kind), ["none", "put", "none", "delete", "put"]);
      assert.deepEqual(driver.apply([]), []);
      assert.equal(driver.value("b"), "2");
    },
  },
  {
    name: "last_applied_detection",
    run: (place) => {
      const driver = new Driver(place);
      driver.apply([driver.maker.noop(), driver.maker.configuration(oneVoter)]);
      driver.do(put("a", "1"));
      assert.deepEqual(driver.machine.applied(), {
        position: { index: 3, term: 1 },
        configuration: { position: { index: 2, term: 1 }, configuration: oneVoter },
      });
      // Applied again, an entry changes nothing: not the data, not the position.
      const { stateHash } = driver.machine.status();
      assert.deepEqual(driver.apply(driver.log).map(({ kind }) => kind), ["none", "none", "none"]);
      assert.equal(driver.record("a")?.version, 1);
      assert.deepEqual(driver.machine.status().stateHash, stateHash);
      driver.maker.noop();
      const skipping = driver.maker.noop();
      assert.throws(() => driver.machine.apply([skipping]), AssertionError);
      assert.deepEqual(driver.machine.applied().position, { index: 3, term: 1 });
    },
  },
  {
    name: "cluster time is the highest that an entry carried",
    run: (place) => {
      const driver = new Driver(place);
      driver.apply([driver.maker.noop(), driver.maker.noop()]);
      assert.equal(driver.machine.status().clusterTimeMs, 20);
      const [late] = [driver.maker.noop()];
      driver.apply([{ ...late!, timeMs: 5 }]);
      assert.equal(driver.machine.status().clusterTimeMs, 20);
    },
  },
  {
    name: "get_multi keeps the order of the keys",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), put("b", "2"), put("c", "3")]);
      const records = driver.records(["c", "a", "b"]);
      assert.deepEqual(records.map((record) => record?.value), ["3", "1", "2"].map(utf8));
    },
  },
  {
    name: "get_multi has a place for each missing key",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), put("dead", "2"), del("dead")]);
      const records = driver.records(["missing", "a", "dead", ""]);
      assert.deepEqual(records.map((record) => record?.mod), [
        ...[undefined, 2, undefined, undefined],
      ]);
      assert.deepEqual(driver.records([]), []);
    },
  },
  {
    name: "get_multi answers a key as often as it is asked for",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("a", "1"));
      const [first, second, third] = driver.records(["a", "b", "a"]);
      assert.deepEqual(first, third);
      assert.equal(first?.mod, 2);
      assert.equal(second, undefined);
    },
  },
  {
    name: "get_multi is coherent: all from one revision",
    run: (place) => {
      const driver = new Driver(place);
      for (let round = 0; round < 20; round++) {
        driver.doAll([put("a", `${round}`), put("b", `${round}`)]);
      }
      // Revision 2 + 2n has written a, not yet b.
      for (let revision = 3; revision <= 41; revision++) {
        const [a, b] = driver.records(["a", "b"], revision);
        assert.equal(a?.mod, revision - (revision % 2));
        assert.equal(b?.mod, revision - 1 + (revision % 2));
      }
    },
  },
  {
    name: "what cannot be read is refused and changes nothing",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("k", "1"));
      const before = driver.machine.status().stateHash;
      const good = encodeCommand({ wallMs: 0, operation: put("k", "2") });
      for (const data of [new Uint8Array(0), good.subarray(1), good.subarray(0, 9)]) {
        const [result] = driver.apply([driver.maker.raw(data)]);
        assert.equal(result?.kind, "rejected");
        assert.equal(result?.kind === "rejected" ? result.revision : 0, 2);
      }
      assert.deepEqual(driver.machine.status().stateHash, before);
      assert.equal(driver.machine.applied().position.index, 4);
      assert.equal(driver.value("k"), "1");
    },
  },
];
