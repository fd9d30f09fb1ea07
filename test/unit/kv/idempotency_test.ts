import type { Idempotency, Operation } from "../../../src/kv/command.ts";
import { idempotencyKeyBytesMax, streamAnswersMax, windowMs } from "../../../src/kv/idempotency.ts";
import { ledgerKind } from "../../../src/kv/ledger.ts";
import type { RejectedCode, Result } from "../../../src/kv/result.ts";
import { bytes, del, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

function asked(key: string, hash = 1, identity = ""): Idempotency {
  return { identity, key, requestHash: new Uint8Array(32).fill(hash) };
}

/** Adds one to a counter: doing it twice can be seen. */
const count: Operation = {
  kind: "update",
  key: bytes("n"),
  change: { kind: "add", operand: "1" },
  conditions: {},
  prev: false,
  returnValue: true,
};

/** "applied", "replayed", or why not. */
function ask(
  store: MemoryStore,
  key: string,
  hash?: number,
  identity?: string,
): "applied" | "replayed" | RejectedCode {
  const result = store.do(count, asked(key, hash, identity));
  if (result.replayed === true) return "replayed";
  return result.kind === "rejected" ? result.code : "applied";
}

/** The cluster time of the next entry becomes `timeMs`. */
function moveTo(store: MemoryStore, timeMs: number): void {
  store.maker.skip(timeMs - store.maker.nextTimeMs);
}

/** Makes writes with fresh keys until nothing old is left, then waits for those, too. */
function forgetAll(store: MemoryStore): void {
  for (let round = 0; round < 2; round++) {
    store.maker.skip(2 * windowMs);
    for (let writes = 0; writes < 40; writes++) ask(store, `last ${round} ${writes}`);
  }
  store.maker.skip(2 * windowMs);
  // Refused at the door of apply: nothing is remembered, and what is due is forgotten before.
  for (let writes = 0; writes < 40; writes++) {
    store.do({ kind: "compact", revision: Number.MAX_SAFE_INTEGER }, asked("nonsense"));
  }
}

describe("a keyed write", () => {
  it("is applied once, and answered again with the same answer", () => {
    const store = new MemoryStore();
    const first = store.do(count, asked("a"));
    store.do(put("n", "100"));
    const again = store.do(count, asked("a"));
    assert.deepEqual(again, { ...first, replayed: true });
    assert.equal(store.value("n"), "100");
  });

  it("is another one under another key or identity", () => {
    const store = new MemoryStore();
    const keys = [["a", ""], ["b", ""], ["a", "me"], ["", "a"], ["a", "b"], ["ab", ""]] as const;
    const usable = keys.filter(([key]) => key !== "");
    for (const [key, identity] of usable) assert.equal(ask(store, key, 1, identity), "applied");
    for (const [key, identity] of usable) assert.equal(ask(store, key, 1, identity), "replayed");
    assert.equal(store.value("n"), String(usable.length));
    store.assertIntact();
  });

  it("is refused when the key was used for another request", () => {
    const store = new MemoryStore();
    assert.equal(ask(store, "a", 1), "applied");
    assert.equal(ask(store, "a", 2), "idempotency_mismatch");
    assert.equal(ask(store, "a", 1), "replayed");
    const longer = { ...asked("a"), requestHash: new Uint8Array(31).fill(1) };
    const result = store.do(count, longer);
    assert.equal(result.kind === "rejected" ? result.code : "", "idempotency_mismatch");
    assert.equal(store.value("n"), "1");
  });

  it("is remembered for the window of cluster time, to the millisecond", () => {
    const store = new MemoryStore();
    assert.equal(ask(store, "a"), "applied");
    moveTo(store, 10 + windowMs - 1);
    assert.equal(ask(store, "a"), "replayed");
    moveTo(store, 10 + windowMs);
    assert.equal(ask(store, "a", 2), "applied");
    // The window begins anew with what was applied, not with what was answered again.
    moveTo(store, 10 + 2 * windowMs - 1);
    assert.equal(ask(store, "a", 2), "replayed");
    store.assertIntact();
  });

  it("is remembered with its refusal or failed condition, and not when it was nonsense", () => {
    const store = new MemoryStore();
    store.do(put("a", "text"));
    const conditions = { ifMatch: [999] };
    const kinds = (operation: Operation, key: string): readonly unknown[] =>
      [0, 1].map(() => {
        const result = store.do(operation, asked(key));
        return [result.kind === "rejected" ? result.code : result.kind, result.replayed];
      });
    const wrongType: Operation = { ...count, key: bytes("a") };
    assert.deepEqual(kinds(wrongType, "type"), [
      ...[["value_type_mismatch", undefined], ["value_type_mismatch", true]],
    ]);
    assert.deepEqual(kinds(put("a", "b", { conditions }), "condition"), [
      ...[["conditionFailed", undefined], ["conditionFailed", true]],
    ]);
    assert.deepEqual(kinds(del("absent"), "delete"), [["delete", undefined], ["delete", true]]);
    assert.deepEqual(kinds(put("", "b"), "nonsense"), [
      ...[["bad_request", undefined], ["bad_request", undefined]],
    ]);
    assert.equal(store.tables.stored().remembered, 0);
    store.machine.commit();
    assert.equal(store.tables.stored().remembered, 3);
  });

  it("is remembered under the longest key and identity, and refused under longer ones", () => {
    const store = new MemoryStore();
    const longest = "ü".repeat(127) + "x";
    assert.equal(new TextEncoder().encode(longest).length, idempotencyKeyBytesMax);
    const stream = `${"s".repeat(idempotencyKeyBytesMax - 2)};1`;
    for (const key of [longest, stream]) {
      assert.equal(ask(store, key, 1, longest), "applied");
      assert.equal(ask(store, key, 1, longest), "replayed");
    }
    assert.equal(ask(store, `${longest}y`), "bad_request");
    assert.equal(ask(store, "a", 1, `${longest}y`), "bad_request");
    assert.equal(ask(store, ""), "bad_request");
    const tooLong = { ...asked("a"), requestHash: new Uint8Array(33) };
    assert.equal(store.codeOf(count, tooLong), "bad_request");
    store.assertIntact();
  });

  it("is answered again after a crash, whatever was committed", () => {
    const operations = ["a", "s;1", "a", "s;2", "s;1", "b"];
    const results = (committed: number): readonly Result[] => {
      const store = new MemoryStore();
      operations.forEach((key, at) => {
        store.do(count, asked(key));
        if (at === committed) store.machine.commit();
      });
      store.crash();
      store.assertIntact();
      return [...new Set(operations)].map((key) => store.do(count, asked(key)));
    };
    const expected = results(operations.length - 1);
    assert.ok(expected.every(({ replayed }) => replayed === true));
    for (let committed = 0; committed < operations.length; committed++) {
      assert.deepEqual(results(committed), expected);
    }
  });
});

describe("what is over", () => {
  it("is forgotten little by little, until nothing is left", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 100; at++) ask(store, `key ${at}`);
    for (let at = 0; at < 700; at++) ask(store, `stream ${at % 2};${at >> 1}`);
    store.assertIntact();
    assert.equal(store.tables.stored().remembered, 100 + 2 * streamAnswersMax);
    store.maker.skip(2 * windowMs);
    ask(store, "one more");
    store.machine.commit();
    assert.equal(store.tables.stored().remembered, 100 - 16 + 2 * streamAnswersMax + 1);
    forgetAll(store);
    store.assertIntact();
    const { remembered, rememberedBytes, ledgerHash } = store.tables.stored();
    assert.deepEqual([remembered, rememberedBytes], [0, 0]);
    assert.deepEqual(ledgerHash, { a: 0, b: 0 });
    assert.equal(store.ledgerRows, 0);
  });

  it("is not known any more, even before it is forgotten", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 100; at++) ask(store, `key ${at}`);
    store.maker.skip(2 * windowMs);
    assert.equal(ask(store, "key 99", 2), "applied");
    assert.equal(ask(store, "key 99", 2), "replayed");
    store.assertIntact();
  });

  it("is over at the end of the window, also where it is not forgotten yet", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 40; at++) ask(store, `key ${at}`);
    ask(store, "s;2");
    ask(store, "s;1");
    moveTo(store, store.maker.nextTimeMs - 10 + windowMs);
    // Sixteen keys are forgotten with this.
    assert.equal(ask(store, "s;1", 2), "applied");
    assert.equal(ask(store, "s;2", 2), "applied");
    assert.equal(ask(store, "key 39", 2), "applied");
    store.assertIntact();
  });

  it("takes one stream with it whole, and leaves the next for another command", () => {
    const store = new MemoryStore();
    for (const name of ["a", "b", "c"]) {
      for (let seq = 0; seq < 10; seq++) ask(store, `${name};${seq}`);
    }
    store.maker.skip(2 * windowMs);
    const left: number[] = [];
    for (let writes = 0; writes < 3; writes++) {
      ask(store, `x${writes}`);
      store.machine.commit();
      left.push(store.tables.stored().remembered - writes - 1);
    }
    // Two streams are the sixteen steps of the first one, and a little more.
    assert.deepEqual(left, [10, 0, 0]);
  });
});

describe("a stream of keyed writes", () => {
  it("remembers its newest numbers, and says of older ones that nobody can tell", () => {
    const store = new MemoryStore();
    for (let seq = 1; seq <= 300; seq++) assert.equal(ask(store, `s;${seq}`), "applied");
    assert.equal(store.value("n"), "300");
    assert.equal(ask(store, `s;${300 - streamAnswersMax + 1}`), "replayed");
    assert.equal(ask(store, `s;${300 - streamAnswersMax}`), "idempotency_expired");
    assert.equal(ask(store, "s;0"), "idempotency_expired");
    assert.equal(ask(store, "s;300"), "replayed");
    assert.equal(ask(store, "s;300", 2), "idempotency_mismatch");
    assert.equal(store.value("n"), "300");
    store.assertIntact();
    assert.equal(store.tables.stored().remembered, streamAnswersMax);
    // A row for each number that is kept, one for the stream, one to come back to it.
    assert.equal(store.ledgerRows, streamAnswersMax + 2);
  });

  it("takes numbers in any order, as long as they are not too old", () => {
    const store = new MemoryStore();
    for (const seq of [500, 499, 300, 501, 246]) assert.equal(ask(store, `s;${seq}`), "applied");
    assert.equal(ask(store, "s;245"), "idempotency_expired");
    for (const seq of [500, 499, 300, 501, 246]) assert.equal(ask(store, `s;${seq}`), "replayed");
    assert.equal(store.value("n"), "5");
  });

  it("is of one name and one identity", () => {
    const store = new MemoryStore();
    const streams = [["s", ""], ["s", "me"], ["t", ""], ["s;1", ""], [";", ""], [
      "s\n",
      "",
    ]] as const;
    for (const [name, identity] of streams) {
      assert.equal(ask(store, `${name};7`, 1, identity), "applied");
      assert.equal(ask(store, `${name};300`, 1, identity), "applied");
    }
    for (const [name, identity] of streams) {
      assert.equal(ask(store, `${name};300`, 1, identity), "replayed");
      assert.equal(ask(store, `${name};7`, 1, identity), "idempotency_expired");
    }
    store.assertIntact();
  });

  it("has only numbers that are written in the one way", () => {
    const store = new MemoryStore();
    const max = Number.MAX_SAFE_INTEGER;
    const odd = [
      ...[";1", "a;01", "a;", "a;1 ", "a;-1", "a;+1", "a;1.0", "a;1e3", "a;0x1", "a;١", "1"],
      ...["a;9007199254740992", "a;9007199254740993", "a;99999999999999999999"],
    ];
    assert.equal(ask(store, `a;${max}`), "applied");
    for (const key of odd) assert.equal(ask(store, key), "applied", key);
    for (const key of odd) assert.equal(ask(store, key), "replayed", key);
    assert.equal(ask(store, `a;${max}`), "replayed");
    assert.equal(ask(store, `a;${max - streamAnswersMax}`), "idempotency_expired");
    assert.equal(ask(store, `a;${max - streamAnswersMax + 1}`), "applied");
    const kinds = rowsByKind(store);
    assert.equal(kinds.get(ledgerKind.answer), odd.length);
    assert.equal(kinds.get(ledgerKind.stream), 1);
    store.assertIntact();
  });

  it("is remembered for a window after it was used last", () => {
    const store = new MemoryStore();
    let lastMs = 0;
    for (let seq = 1; seq <= 5; seq++) {
      store.maker.skip(windowMs - 100);
      lastMs = store.maker.nextTimeMs;
      assert.equal(ask(store, `s;${seq}`), "applied");
      // Older numbers stay as long as the stream is used.
      assert.equal(ask(store, "s;1"), "replayed");
    }
    moveTo(store, lastMs + windowMs - 1);
    assert.equal(ask(store, "s;1"), "replayed");
    moveTo(store, lastMs + windowMs);
    assert.equal(ask(store, "s;1"), "applied");
    store.assertIntact();
    assert.equal(store.tables.stored().remembered, 1);
    assert.equal(ask(store, "s;5"), "applied");
  });

  it("begins anew where it comes back before it was forgotten", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 40; at++) ask(store, `key ${at}`);
    for (let seq = 1_000; seq < 1_300; seq++) ask(store, `s;${seq}`);
    store.maker.skip(2 * windowMs);
    // Sixteen of the keys are forgotten with this, the stream is not yet.
    assert.equal(ask(store, "s;3"), "applied");
    assert.equal(ask(store, "s;3"), "replayed");
    assert.equal(ask(store, "s;1299"), "applied");
    store.assertIntact();
    forgetAll(store);
    assert.equal(store.ledgerRows, 0);
  });
});

describe("no room for another answer", () => {
  it("refuses new keyed writes, answers those that are known, and ends with the window", () => {
    const store = new MemoryStore({ answerLimits: { answersMax: 5, bytesMax: 1e9 } });
    for (let at = 0; at < 5; at++) assert.equal(ask(store, `key ${at}`), "applied");
    assert.equal(ask(store, "key 5"), "overloaded");
    assert.equal(ask(store, "s;1"), "overloaded");
    assert.equal(ask(store, "key 4"), "replayed");
    assert.equal(ask(store, "key 4", 2), "idempotency_mismatch");
    assert.equal(store.codeOf(count), "put");
    assert.equal(store.value("n"), "6");
    store.assertIntact();
    moveTo(store, 10 + windowMs);
    assert.equal(ask(store, "key 5"), "applied");
    assert.equal(ask(store, "key 6"), "applied");
    store.assertIntact();
  });

  it("comes by bytes, too", () => {
    const store = new MemoryStore({ answerLimits: { answersMax: 1e9, bytesMax: 1_000 } });
    let applied = 0;
    while (applied < 100 && ask(store, `key ${applied}`) === "applied") applied++;
    assert.ok(applied > 5 && applied < 20, `${applied} answers in a thousand bytes`);
    store.machine.commit();
    const { rememberedBytes } = store.tables.stored();
    assert.ok(rememberedBytes >= 1_000 && rememberedBytes < 1_100, `${rememberedBytes} bytes`);
  });
});

function rowsByKind(store: MemoryStore): ReadonlyMap<number, number> {
  const all = { start: new Uint8Array(0), reverse: false, rowsMax: Number.MAX_SAFE_INTEGER };
  const kinds = new Map<number, number>();
  for (const { key } of store.tables.ledgerSlice(all)) {
    kinds.set(key[0]!, (kinds.get(key[0]!) ?? 0) + 1);
  }
  return kinds;
}
