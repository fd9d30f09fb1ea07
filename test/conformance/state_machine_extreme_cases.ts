/** The ends of what keys and values may be, and a history that is deep. */

import { keyBytesMax, valueBytesMax } from "../../src/kv/record.ts";
import { concatBytes, utf8 } from "../../src/lib/bytes.ts";
import { del, put } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, type StateMachineCase } from "./state_machine_place.ts";

export const extremeCases: readonly StateMachineCase[] = [
  {
    name: "keys hold every byte, and each is a key of its own",
    run: (place) => {
      const driver = new Driver(place);
      const keys = [
        ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
        ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte, 0)),
        ...["__proto__", "constructor", "toString", "a\0b", "\u{1f9f6}", "'; DROP TABLE live"]
          .map(utf8),
        utf8("é"),
        utf8("e\u0301"),
      ];
      driver.doAll(keys.map((key, at) => put(key, `${at}`)));
      driver.reopen();
      keys.forEach((key, at) => assert.equal(driver.value(key), `${at}`));
      assert.equal(driver.range().count, keys.length);
      assert.equal(driver.machine.status().liveKeys, keys.length);
      assert.equal(driver.value("hasOwnProperty"), undefined);
    },
  },
  {
    name: "an empty value is a value",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("k", ""), put("gone", ""), del("gone")]);
      driver.reopen();
      assert.deepEqual(driver.record("k")?.value, new Uint8Array(0));
      assert.equal(driver.record("gone"), undefined);
      assert.deepEqual(driver.range().items[0]?.value, new Uint8Array(0));
      const ifEmpty = { conditions: { ifValue: { equals: new Uint8Array(0) } } };
      assert.equal(driver.do(put("k", "v", ifEmpty)).kind, "put");
      assert.equal(driver.do(put("k", "v", ifEmpty)).kind, "conditionFailed");
    },
  },
  {
    name: "an answer to a get ends behind the record that passes its limit, repeated keys counted",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("k", "12345"), put("e", "")]);
      const keys: Uint8Array[] = ["k", "e", "gone", "k", "k", "e"].map(utf8);
      const answered = (bytesMax: number) => {
        const answer = driver.machine.read({ kind: "get", keys, bytesMax });
        assert.ok(answer.kind === "records");
        return answer.records.map((record) => record?.value.length);
      };
      assert.deepEqual(answered(23), [5, 0, undefined, 5, 5, 0]);
      assert.deepEqual(answered(22), [5, 0, undefined, 5, 5]);
      assert.deepEqual(answered(6), [5, 0]);
      assert.deepEqual(answered(0), [5]);
    },
  },
  {
    name: "keys of the greatest length are told apart by their last byte",
    run: (place) => {
      const driver = new Driver(place);
      const stem = new Uint8Array(keyBytesMax - 1).fill(255);
      const keys = [0, 1, 254, 255].map((byte) => concatBytes([stem, Uint8Array.of(byte)]));
      driver.doAll(keys.map((key, at) => put(key, `${at}`)));
      driver.do(put(stem, "stem"));
      driver.reopen();
      assert.deepEqual(keys.map((key) => driver.value(key)), ["0", "1", "2", "3"]);
      assert.deepEqual(driver.range().items.map(({ key }) => key), [stem, ...keys]);
      // The next page begins behind a key that has no room for another byte.
      const page = driver.range({ limit: 4, reverse: true });
      assert.deepEqual(driver.range({ end: page.next!, reverse: true }).items[0]?.key, stem);
      assert.equal(driver.do(del(keys[3]!)).kind, "delete");
      assert.equal(driver.range({ revision: 6 }).count, 5);
    },
  },
  {
    name: "a value of the greatest length comes back as it was",
    run: (place) => {
      const driver = new Driver(place);
      const value = new Uint8Array(valueBytesMax);
      for (let at = 0; at < value.length; at++) value[at] = (at * 31 + (at >>> 13)) & 255;
      const [written] = driver.doAll([put("k", value), put("k", "small")]);
      assert.equal(written?.kind, "put");
      driver.reopen();
      assert.ok(Buffer.from(driver.record("k", 2)!.value).equals(value));
      const { prev, ...rest } = { prev: undefined, ...driver.do(put("k", "", { prev: true })) };
      assert.deepEqual(prev, driver.record("k", 3));
      assert.equal(rest.kind, "put");
    },
  },
  {
    name: "a key with a deep history is read anywhere in it at a small cost",
    run: (place) => {
      const driver = new Driver(place);
      const writes = 5_000;
      for (let at = 0; at < writes; at += 500) {
        const page = Array.from({ length: 500 }, (_, more) => put("hot", `${at + more}`));
        driver.doAll(page);
      }
      driver.doAll([del("hot"), put("hot", "again")]);
      const { tables } = driver;
      const link = tables.link.bind(tables);
      let links = 0;
      tables.link = (number) => {
        links++;
        return link(number);
      };
      for (let at = 0; at < writes; at += 37) {
        links = 0;
        assert.equal(driver.value("hot", at + 2), `${at}`);
        assert.ok(links <= 60, `${links} links followed`);
      }
      assert.equal(driver.value("hot", writes + 2), undefined);
      assert.equal(driver.value("hot", writes + 3), "again");
    },
  },
];
