/** Conditions, refusals and limits: what is decided before anything changes. */

import type { Conditions, Operation } from "../../src/kv/command.ts";
import {
  changesPerRevisionMax,
  keyBytesMax,
  mediaTypeLengthMax,
  valueBytesMax,
} from "../../src/kv/record.ts";
import { currentValueBytesMax, deletedRecordsBytesMax } from "../../src/kv/result.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { del, delRange, put } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, type StateMachineCase } from "./state_machine_place.ts";

function filled(length: number, byte = 7): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** Whether each holds on a key that is absent, and on one with value "v" at revision 3. */
const matrix: readonly (readonly [Conditions, boolean, boolean])[] = [
  [{}, true, true],
  [{ ifMatch: "any" }, false, true],
  [{ ifMatch: [3] }, false, true],
  [{ ifMatch: [2] }, false, false],
  [{ ifMatch: [] }, false, false],
  [{ ifMatch: [0] }, true, false],
  [{ ifMatch: [2, 3, 0] }, true, true],
  [{ ifNoneMatch: "any" }, true, false],
  [{ ifNoneMatch: [3] }, true, false],
  [{ ifNoneMatch: [2] }, true, true],
  [{ ifNoneMatch: [] }, true, true],
  [{ ifNoneMatch: [0] }, false, true],
  [{ ifValue: "absent" }, true, false],
  [{ ifValue: { equals: utf8("v") } }, false, true],
  [{ ifValue: { equals: utf8("w") } }, false, false],
  [{ ifValue: { equals: utf8("vv") } }, false, false],
  [{ ifValue: { equals: utf8("") } }, false, false],
  [{ ifMatch: [3], ifValue: { equals: utf8("w") } }, false, false],
  [{ ifMatch: [3], ifNoneMatch: [2], ifValue: { equals: utf8("v") } }, false, true],
];

const refusals: readonly (readonly [Operation, string])[] = [
  [put("", "v"), "key has 0 bytes, allowed are 1 … 8192"],
  [del(""), "key has 0 bytes, allowed are 1 … 8192"],
  [put(filled(keyBytesMax + 1), "v"), "key has 8193 bytes, allowed are 1 … 8192"],
  [
    put("k", filled(valueBytesMax + 1)),
    "value has 8388609 bytes, allowed are 0 … 8388608",
  ],
  [put("k", "v", { lease: "7", ttlMs: 5_000 }), "lease and ttl are not given together"],
  [put("k", "v", { ttlMs: 999 }), "ttl is 999 ms, allowed are 1000 … 31622400000"],
  [
    put("k", "v", { mediaType: "" }),
    "mediaType is not 1 … 255 characters of printable ASCII",
  ],
  [
    put("k", "v", { mediaType: "text/\0plain" }),
    "mediaType is not 1 … 255 characters of printable ASCII",
  ],
  [
    put("k", "v", { mediaType: "x".repeat(mediaTypeLengthMax + 1) }),
    "mediaType is not 1 … 255 characters of printable ASCII",
  ],
  [delRange("a", "b", { limit: 0 }), "limit is 0, allowed are 1 … 10000"],
  [delRange("a", "b", { limit: 10_001 }), "limit is 10001, allowed are 1 … 10000"],
  [delRange("a", "b", { conditions: { ifValue: "absent" } }), "ifValue needs a single key"],
];

export const conditionCases: readonly StateMachineCase[] = [
  {
    name: "cas",
    run: (place) => {
      const driver = new Driver(place);
      const swap = (expected: string | undefined, to: string): string => {
        const ifValue = expected === undefined ? "absent" : { equals: utf8(expected) };
        return driver.do(put("k", to, { conditions: { ifValue } })).kind;
      };
      assert.equal(swap("0", "1"), "conditionFailed");
      assert.equal(swap(undefined, "1"), "put");
      assert.equal(swap(undefined, "2"), "conditionFailed");
      assert.equal(swap("0", "2"), "conditionFailed");
      assert.equal(swap("1", "2"), "put");
      assert.equal(driver.value("k"), "2");
      // Each sees what the one before it in the same page has done.
      const results = driver.doAll(
        ["2", "3", "3"].map((expected) =>
          put("k", String(Number(expected) + 1), {
            conditions: { ifValue: { equals: utf8(expected) } },
          })
        ),
      );
      assert.deepEqual(results.map(({ kind }) => kind), ["put", "put", "conditionFailed"]);
    },
  },
  {
    name:
      "conditions hold as they say, on an absent and on an existing key, to write and to delete",
    run: (place) => {
      const driver = new Driver(place);
      let keys = 0;
      for (const [conditions, onAbsent, onPresent] of matrix) {
        for (const [exists, holds] of [[false, onAbsent], [true, onPresent]] as const) {
          for (const kind of ["put", "delete"]) {
            const key = `key ${++keys}`;
            if (exists) driver.do(put(key, "v"));
            const mod = exists ? driver.machine.revision : 3;
            const moved = withTags(conditions, (tag) => tag === 0 ? 0 : tag - 3 + mod);
            const more = { conditions: moved };
            const result = driver.do(kind === "put" ? put(key, "x", more) : del(key, more));
            const label = `${kind} with ${JSON.stringify(moved)}, exists: ${exists}`;
            assert.equal(result.kind, holds ? kind : "conditionFailed", label);
          }
        }
      }
    },
  },
  {
    name: "a failed condition shows the current record, its value up to a limit",
    run: (place) => {
      const driver = new Driver(place);
      const conditions = { ifMatch: [999] };
      const failed = { kind: "conditionFailed" } as const;
      assert.deepEqual(driver.do(put("k", "1", { conditions })), { ...failed, revision: 1 });
      driver.do(put("k", "v", { mediaType: "a/b" }));
      const current = { key: utf8("k"), create: 2, mod: 2, version: 1, mediaType: "a/b" };
      assert.deepEqual(driver.do(del("k", { conditions })), {
        ...failed,
        revision: 2,
        current: { ...current, value: utf8("v") },
      });
      for (const [length, omitted] of [[0, false], [1, true]] as const) {
        const value = filled(currentValueBytesMax + length);
        driver.do(put("k", value));
        const { mod } = driver.record("k")!;
        assert.deepEqual(driver.do(put("k", "2", { conditions })), {
          ...failed,
          revision: mod,
          current: {
            ...{ key: utf8("k"), create: 2, mod, version: mod - 1 },
            value: omitted ? new Uint8Array(0) : value,
          },
          ...(omitted ? { valueOmitted: true } : {}),
        });
      }
    },
  },
  {
    name: "what breaks a limit is refused",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("k", "v"));
      for (const [operation, reason] of refusals) {
        const code = "bad_request";
        assert.deepEqual(driver.do(operation), { kind: "rejected", revision: 2, code, reason });
      }
      assert.equal(driver.machine.revision, 2);
      assert.deepEqual(driver.keys(), ["k"]);
      const longest = put(filled(keyBytesMax), "v", {
        mediaType: "x".repeat(mediaTypeLengthMax),
      });
      assert.equal(driver.do(longest).kind, "put");
    },
  },
  {
    name: "a range is deleted in one revision",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(["a/1", "a/2", "a0", "a/", "b"].map((key) => put(key, "v")));
      const result = driver.do(delRange("a/", "a0", { prev: true }));
      assert.equal(result.kind, "delete");
      if (result.kind !== "delete") return;
      assert.deepEqual([result.revision, result.deleted, result.more], [7, 3, false]);
      assert.deepEqual(result.prev.map(({ key }) => key), ["a/", "a/1", "a/2"].map(utf8));
      assert.deepEqual(driver.keys(), ["a0", "b"]);
      assert.deepEqual(driver.do(delRange("b", "a")), {
        ...{ kind: "delete", revision: 7, deleted: 0, more: false, prev: [] },
      });
      assert.equal(driver.do(delRange("")).kind, "delete");
      assert.deepEqual(driver.keys(), []);
      assert.deepEqual(driver.machine.status().liveKeys, 0);
    },
  },
  {
    name: "a range delete with a limit takes the first keys and says whether more are left",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(["a", "b", "c", "d", "e"].map((key) => put(key, "v")));
      const limited = (limit: number): readonly unknown[] => {
        const result = driver.do(delRange("a", "e", { limit }));
        return result.kind === "delete" ? [result.deleted, result.more] : [result.kind];
      };
      assert.deepEqual(limited(2), [2, true]);
      assert.deepEqual(driver.keys(), ["c", "d", "e"]);
      assert.deepEqual(limited(2), [2, false]);
      assert.deepEqual(limited(2), [0, false]);
      assert.deepEqual(driver.keys(), ["e"]);
    },
  },
  {
    name: "one revision changes ten thousand keys at most",
    run: (place) => {
      const driver = new Driver(place);
      const key = (at: number): string => String(at).padStart(5, "0");
      const puts = Array.from({ length: changesPerRevisionMax + 1 }, (_, at) => put(key(at), ""));
      driver.doAll(puts);
      const { revision } = driver.machine;
      assert.deepEqual(driver.do(delRange("")), {
        kind: "rejected",
        revision,
        code: "range_too_large",
        reason: "one revision changes at most 10000 keys; " +
          "with a limit the others are left for the next deletion",
      });
      assert.equal(driver.machine.status().liveKeys, changesPerRevisionMax + 1);
      const most = driver.do(delRange("", undefined, { limit: changesPerRevisionMax }));
      assert.deepEqual(most, {
        ...{ kind: "delete", revision: revision + 1, deleted: changesPerRevisionMax },
        ...{ more: true, prev: [] },
      });
      driver.do(put("x", ""));
      assert.equal(driver.do(delRange("")).kind, "delete");
      assert.equal(driver.machine.status().liveKeys, 0);
    },
  },
  {
    name: "a range delete shows the records before: the first, and more up to a limit",
    run: (place) => {
      const driver = new Driver(place);
      const shown = (sizes: readonly number[]): readonly number[] => {
        driver.doAll(sizes.map((size, at) => put(String(at), filled(size))));
        const result = driver.do(delRange("", undefined, { prev: true }));
        return result.kind === "delete" ? result.prev.map(({ value }) => value.length) : [];
      };
      const half = deletedRecordsBytesMax / 2;
      assert.deepEqual(shown([half, half - 2, 0]), [half, half - 2]);
      assert.deepEqual(shown([half, half - 1, 0]), [half]);
      assert.deepEqual(shown([deletedRecordsBytesMax * 2, 0]), [deletedRecordsBytesMax * 2]);
    },
  },
  {
    name: "conditions on a range ask what has changed in it since",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a/1", "v"), put("a/2", "v"), put("b", "v"), del("a/2"), put("c", "v")]);
      // Revision 5 deleted a/2, revision 6 wrote outside of the range.
      const holds = (conditions: Conditions, start = "a/", end = "a0"): boolean =>
        driver.do(delRange(start, end, { conditions, limit: 1 })).kind !== "conditionFailed";
      assert.equal(holds({ ifMatch: [4] }), false);
      assert.equal(holds({ ifMatch: [7] }), false);
      assert.equal(holds({ ifMatch: [0] }), false);
      assert.equal(holds({ ifMatch: [] }), false);
      assert.equal(holds({ ifNoneMatch: [6] }), false);
      assert.equal(holds({ ifNoneMatch: "any" }), false);
      assert.equal(holds({ ifMatch: "any" }, "x", "y"), false);
      assert.equal(holds({ ifNoneMatch: "any" }, "x", "y"), true);
      assert.equal(holds({ ifMatch: [1] }, "x", "y"), true);
      assert.equal(driver.machine.revision, 6);
      assert.equal(holds({ ifMatch: [4, 5, 99], ifNoneMatch: [4] }), true);
      assert.equal(driver.machine.revision, 7);
      assert.deepEqual(driver.do(delRange("", "z", { conditions: { ifMatch: [6] } })), {
        kind: "conditionFailed",
        revision: 7,
      });
    },
  },
  {
    name: "conditions on a range are exact also when a great deal has changed elsewhere",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a/1", "v"), put("a/2", "v"), del("a/2")]);
      for (let round = 0; round < 3; round++) {
        driver.doAll(Array.from({ length: 1_000 }, (_, at) => put(`b/${at}`, `${round}`)));
      }
      const holds = (ifMatch: readonly number[]): boolean =>
        driver.do(delRange("a/", "a0", { conditions: { ifMatch } })).kind !== "conditionFailed";
      assert.equal(holds([3]), false);
      assert.equal(holds([4]), true);
      assert.equal(holds([4]), false);
    },
  },
];

/** The conditions with each tag replaced. */
function withTags(conditions: Conditions, shift: (tag: number) => number): Conditions {
  const { ifMatch, ifNoneMatch, ifValue } = conditions;
  return {
    ...(ifMatch === undefined ? {} : { ifMatch: ifMatch === "any" ? ifMatch : ifMatch.map(shift) }),
    ...(ifNoneMatch === undefined
      ? {}
      : { ifNoneMatch: ifNoneMatch === "any" ? ifNoneMatch : ifNoneMatch.map(shift) }),
    ...(ifValue === undefined ? {} : { ifValue }),
  };
}
