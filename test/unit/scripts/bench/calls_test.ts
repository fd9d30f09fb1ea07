import { codec } from "../../../../src/grpc/codec.ts";
import { hex, utf8 } from "../../../../src/lib/bytes.ts";
import {
  grpcMessage,
  isGoodAnswer,
  makeKeyValues,
  restCall,
} from "../../../../scripts/bench/calls.ts";
import type { Operation, SystemName } from "../../../../scripts/bench/measurement.ts";
import { assert, describe, it } from "../../../harness/test.ts";

const pair = { key: utf8("00000007"), value: Uint8Array.of(1, 2, 3) };
const host = { host: "127.0.0.1", port: 7400 };

describe("makeKeyValues", () => {
  it("makes distinct keys of the asked length, and the same values from the same seed", () => {
    const order = { keys: 50, keyBytes: 8, valueBytes: 256, seed: 3 };
    const pairs = makeKeyValues(order);
    assert.equal(new Set(pairs.map(({ key }) => hex(key))).size, 50);
    assert.ok(pairs.every(({ key, value }) => key.length === 8 && value.length === 256));
    assert.notDeepEqual(pairs[0]?.value, pairs[1]?.value);
    assert.deepEqual(makeKeyValues(order), pairs);
    assert.notDeepEqual(makeKeyValues({ ...order, seed: 4 })[0]?.value, pairs[0]?.value);
  });

  it("draws keys from as many as there are", () => {
    const order = { keys: 200, drawnFrom: 1_000_000, keyBytes: 8, valueBytes: 1, seed: 3 };
    const numbers = makeKeyValues(order).map(({ key }) => Number(new TextDecoder().decode(key)));
    assert.ok(numbers.every((number) => number >= 0 && number < 1_000_000));
    assert.ok(numbers.some((number) => number < 100_000));
    assert.ok(numbers.some((number) => number >= 900_000));
  });
});

describe("restCall", () => {
  const text = (system: SystemName, operation: Operation): string =>
    new TextDecoder("latin1").decode(restCall(system, operation, pair, host));
  const head = "HTTP/1.1\r\nHost: 127.0.0.1:7400\r\n";

  it("puts and gets raw bytes on skein", () => {
    assert.equal(
      text("skein", "write"),
      `PUT /v1/kv/00000007 ${head}Content-Length: 3\r\n\r\n\x01\x02\x03`,
    );
    assert.equal(text("skein", "linearizableRead"), `GET /v1/kv/00000007 ${head}\r\n`);
    const eventual = `GET /v1/kv/00000007?consistency=eventual ${head}\r\n`;
    assert.equal(text("skein", "eventualRead"), eventual);
    assert.equal(text("skein", "range"), `GET /v1/kv?start=00000007&limit=1000 ${head}\r\n`);
  });

  it("speaks JSON with base64 to etcd", () => {
    const put = `{"key":"MDAwMDAwMDc=","value":"AQID"}`;
    assert.equal(text("etcd", "fill"), `POST /v3/kv/put ${head}Content-Length: 37\r\n\r\n${put}`);
    assert.match(text("etcd", "linearizableRead"), /range .*\r\n\r\n\{"key":"MDAwMDAwMDc="\}$/s);
    assert.match(text("etcd", "eventualRead"), /\{"key":"MDAwMDAwMDc=","serializable":true\}$/);
  });
});

describe("grpcMessage", () => {
  it("is read by this project's own codec as what d-engine's clients send", () => {
    const write = codec("d_engine.client.ClientWriteRequest").decode(
      grpcMessage("skein", "write", pair),
    );
    assert.deepEqual({ ...write.command?.insert }, { ...pair, ...{} });
    const request = codec("d_engine.client.ClientReadRequest");
    const linearizable = request.decode(grpcMessage("skein", "linearizableRead", pair));
    assert.deepEqual(linearizable.keys, [pair.key]);
    assert.equal(linearizable.consistencyPolicy, 1);
    const eventual = request.decode(grpcMessage("skein", "eventualRead", pair));
    assert.equal(eventual.consistencyPolicy, 2);
  });

  it("is PutRequest and RangeRequest for etcd", () => {
    const key = `0a08${hex(pair.key)}`;
    assert.equal(hex(grpcMessage("etcd", "write", pair)), `${key}1203010203`);
    assert.equal(hex(grpcMessage("etcd", "linearizableRead", pair)), key);
    assert.equal(hex(grpcMessage("etcd", "eventualRead", pair)), `${key}3801`);
  });
});

describe("isGoodAnswer", () => {
  const order = { system: "skein", surface: "grpc", operation: "write", valueBytes: 256 } as const;
  const response = codec("d_engine.client.ClientResponse");

  it("takes d-engine's success and not its errors", () => {
    const success = response.encode({ error: 0, writeResult: { succeeded: true } });
    assert.ok(isGoodAnswer(order, success));
    assert.ok(!isGoodAnswer(order, response.encode({ error: 4_001 })));
  });

  it("takes a read only with the value in it", () => {
    const read = { ...order, operation: "linearizableRead" } as const;
    const results = [{ key: pair.key, value: new Uint8Array(256) }];
    assert.ok(isGoodAnswer(read, response.encode({ error: 0, readData: { results } })));
    assert.ok(!isGoodAnswer(read, response.encode({ error: 0, readData: { results: [] } })));
    assert.ok(!isGoodAnswer({ ...read, surface: "rest" }, new Uint8Array(255)));
    assert.ok(isGoodAnswer({ ...read, surface: "rest" }, new Uint8Array(256)));
  });

  it("takes no empty answer", () => {
    assert.ok(!isGoodAnswer({ ...order, system: "etcd" }, new Uint8Array(0)));
  });
});
