import type { Conditions, Operation, ValueChange } from "../../../src/kv/command.ts";
import { valueBytesMax } from "../../../src/kv/record.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { type Bytes, bytes, del, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

const asked = { conditions: {}, prev: false, returnValue: true };

function update(
  change: ValueChange,
  more: Partial<typeof asked> & { conditions?: Conditions } = {},
): Operation {
  return { kind: "update", key: bytes("k"), change, ...asked, ...more };
}

function counted(kind: "add" | "min" | "max", operand: string): Operation {
  return update({ kind, operand });
}

function append(more: Bytes): Operation {
  return update({ kind: "append", bytes: bytes(more) });
}

function merge(patch: string): Operation {
  return { kind: "merge", key: bytes("k"), patch: bytes(patch), ...asked };
}

/** The new value as text, or why there is none; `before` is undefined where the key is absent. */
function changed(before: Bytes | undefined, operation: Operation): string {
  const store = new MemoryStore();
  if (before !== undefined) store.do(put("k", before));
  const { revision } = store.machine;
  const result = store.do(operation);
  if (result.kind === "put") {
    assert.equal(lossyText(result.value!), store.value("k"));
    return lossyText(result.value!);
  }
  assert.equal(store.machine.revision, revision);
  assert.deepEqual(store.record("k")?.value, before === undefined ? undefined : bytes(before));
  return result.kind === "rejected" ? result.code : result.kind;
}

const most = "9223372036854775807";
const least = "-9223372036854775808";
const mismatch = "value_type_mismatch";

describe("a counter", () => {
  const sums: readonly (readonly [string | undefined, string, string])[] = [
    [undefined, "5", "5"],
    [undefined, least, least],
    ["0", "0", "0"],
    ["1", "-2", "-1"],
    ["9007199254740993", "1", "9007199254740994"],
    [most, "0", most],
    [most, "1", mismatch],
    [most, "-1", "9223372036854775806"],
    [most, least, "-1"],
    [least, most, "-1"],
    [least, "-1", mismatch],
    [least, least, mismatch],
    [most, most, mismatch],
  ];
  for (const [before, operand, after] of sums) {
    it(`adds exactly, or not at all: ${before} + ${operand}`, () => {
      assert.equal(changed(before, counted("add", operand)), after);
    });
  }

  it("becomes the smaller or the larger one of two", () => {
    const pairs = [
      ...[["3", "5"], ["5", "3"], ["-1", "1"], [most, least], ["4", "4"]],
      // They differ in what a number that is no bigint does not hold.
      ...[["9007199254740993", "9007199254740992"], ["9223372036854775806", most]],
    ];
    for (const [before, operand] of pairs) {
      const [low, high] = BigInt(before!) < BigInt(operand!)
        ? [before, operand]
        : [operand, before];
      assert.equal(changed(before, counted("min", operand!)), low);
      assert.equal(changed(before, counted("max", operand!)), high);
    }
    assert.equal(changed(undefined, counted("min", "7")), "7");
    assert.equal(changed(undefined, counted("max", "-7")), "-7");
  });

  it("is no other text than the one of its number", () => {
    const others = [
      ...[
        "",
        " 1",
        "1 ",
        "+1",
        "01",
        "-0",
        "1.0",
        "1e3",
        "0x1",
        "1n",
        "١",
        "\ufeff1",
        "1\n",
        "--1",
      ],
      ...["9223372036854775808", "-9223372036854775809", "1".repeat(30), `${"1".repeat(18)}é`],
      ...["1\0", '"1"', "null", "NaN", "Infinity"],
      // What begins with a number that would do.
      ...[`${least}0`, `${least} `, `-1${"\0".repeat(20)}`],
    ];
    for (const before of others) {
      for (const kind of ["add", "min", "max"] as const) {
        assert.equal(changed(before, counted(kind, "0")), mismatch, JSON.stringify(before));
      }
    }
    assert.equal(changed(Uint8Array.of(0x31, 0xff), counted("add", "1")), mismatch);
    assert.equal(changed(new Uint8Array(valueBytesMax).fill(0x31), counted("add", "1")), mismatch);
  });

  it("begins anew when it was deleted", () => {
    const store = new MemoryStore();
    store.do(counted("add", "41"));
    store.do(del("k"));
    const result = store.do(counted("add", "1"));
    assert.deepEqual(result, {
      ...{ kind: "put", revision: 4, create: 4, version: 1, value: bytes("1") },
    });
  });
});

describe("appending", () => {
  it("goes to the limit of values and no further", () => {
    const store = new MemoryStore();
    const part = new Uint8Array(valueBytesMax / 2).fill(7);
    assert.equal(store.codeOf(append(part)), "put");
    assert.equal(store.codeOf(append(part.subarray(1))), "put");
    assert.equal(store.codeOf(append("ab")), "value_too_large");
    assert.equal(store.record("k")?.value.length, valueBytesMax - 1);
    assert.equal(store.codeOf(append("z")), "put");
    const whole = store.record("k")!.value;
    assert.deepEqual([whole.length, whole.at(0), whole.at(-1)], [valueBytesMax, 7, 0x7a]);
    assert.equal(store.codeOf(append("z")), "value_too_large");
    assert.equal(store.codeOf(append("")), "put");
    store.assertIntact();
  });

  it("makes the key where there is none, and takes any bytes", () => {
    assert.equal(changed(undefined, append("")), "");
    assert.equal(changed(undefined, append("one")), "one");
    assert.equal(changed("one", append(" two")), "one two");
    const store = new MemoryStore();
    store.do(put("k", Uint8Array.of(0, 255)));
    store.do(append(Uint8Array.of(254, 0)));
    assert.deepEqual(store.record("k")?.value, Uint8Array.of(0, 255, 254, 0));
  });
});

describe("a merge patch", () => {
  it("makes a document of nothing", () => {
    const store = new MemoryStore();
    const result = store.do(merge('{"a":1,"b":null}'));
    assert.deepEqual(result, {
      ...{ kind: "put", revision: 2, create: 2, version: 1, value: bytes('{"a":1}') },
    });
    assert.equal(store.record("k")?.mediaType, "application/json");
  });

  it("changes what is JSON, whatever media type it has, and keeps that", () => {
    const store = new MemoryStore();
    store.do(put("k", '{"a":1}', { mediaType: "text/plain" }));
    store.do(merge('{"b":2}'));
    assert.equal(store.value("k"), '{"a":1,"b":2}');
    assert.equal(store.record("k")?.mediaType, "text/plain");
    store.do(put("k", "[1]"));
    store.do(merge('{"b":2}'));
    assert.equal(store.value("k"), '{"b":2}');
    assert.equal(store.record("k")?.mediaType, undefined);
    store.do(merge("null"));
    assert.equal(store.value("k"), "null");
  });

  it("refuses what is no JSON, and what is too long for a document", () => {
    for (
      const before of ["", "text", "{", "{}x", '{"a":1,"a":2}', Uint8Array.of(0x22, 0xff, 0x22)]
    ) {
      assert.equal(changed(before, merge("{}")), mismatch);
    }
    const long = `"${"x".repeat(1024 * 1024)}"`;
    assert.equal(changed(long, merge("{}")), mismatch);
    assert.equal(changed(`"${"x".repeat(1024 * 1024 - 2)}"`, merge('{"a":1}')), '{"a":1}');
    const half = "x".repeat(600_000);
    assert.equal(changed(`{"a":"${half}"}`, merge(`{"b":"${half}"}`)), mismatch);
  });
});

describe("a new value that follows from the old one", () => {
  it("is written if the conditions hold, and answers what was there before", () => {
    const store = new MemoryStore();
    store.do(put("k", "1"));
    const change = { kind: "add", operand: "1" } as const;
    const failed = store.do(update(change, { conditions: { ifMatch: [7] } }));
    assert.ok(failed.kind === "conditionFailed");
    assert.deepEqual(failed.current?.value, bytes("1"));
    const done = store.do(update(change, { conditions: { ifMatch: [2] }, prev: true }));
    assert.ok(done.kind === "put");
    assert.deepEqual([done.prev?.value, done.value, done.version], [bytes("1"), bytes("2"), 2]);
    const quiet = store.do(update(change, { returnValue: false }));
    assert.deepEqual(quiet, { kind: "put", revision: 4, create: 2, version: 3 });
    // The conditions come first: what does not fit is not told to who may not write.
    store.do(put("k", "text"));
    assert.equal(store.codeOf(update(change, { conditions: { ifMatch: [7] } })), "conditionFailed");
    assert.equal(store.codeOf(update(change)), mismatch);
  });
});
