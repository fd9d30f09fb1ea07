/**
 * The bytes of d-engine 0.2.4, written down by hand from its field numbers: its clients must be
 * able to read ours, and we theirs.
 */

import { codec, type Wire } from "../../../src/grpc/codec.ts";
import { concatBytes, hex, utf8 } from "../../../src/lib/bytes.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A length-delimited field. */
function bytes(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concatBytes(parts);
  return concatBytes([Uint8Array.of((field << 3) | 2, value.length), value]);
}

/** A varint field with a value below 2^14. */
function varint(field: number, value: number): Uint8Array {
  const tag = (field << 3) | 0;
  if (value < 128) return Uint8Array.of(tag, value);
  return Uint8Array.of(tag, (value & 0x7f) | 0x80, value >> 7);
}

const key = utf8("key");
const value = utf8("value");

/** Both directions. */
function same<Name extends keyof Wire>(
  name: Name,
  message: Wire[Name],
  ...parts: readonly Uint8Array[]
): void {
  const expected = concatBytes(parts);
  assert.equal(hex(codec(name).encode(message)), hex(expected));
  const decoded: Readonly<Record<string, unknown>> = { ...codec(name).decode(expected) };
  assert.equal(hex(codec(name).encode(codec(name).decode(expected))), hex(expected));
  for (const field of Object.keys(decoded)) assert.ok(field in message, field);
  for (const [field, each] of Object.entries(message)) {
    if (typeof each === "string" || typeof each === "number") {
      assert.equal(decoded[field] ?? 0, each, field);
    }
  }
}

describe("d_engine.client", () => {
  it("ClientWriteRequest", () => {
    const insert = { insert: { key, value, ttlSecs: 300 } };
    same(
      "d_engine.client.ClientWriteRequest",
      { clientId: 7, command: insert },
      varint(1, 7),
      bytes(2, bytes(1, bytes(1, key), bytes(2, value), varint(3, 300))),
    );
    same(
      "d_engine.client.ClientWriteRequest",
      { clientId: 0, command: { delete: { key } } },
      bytes(2, bytes(2, bytes(1, key))),
    );
    const swap = { key, expectedValue: new Uint8Array(0), newValue: value };
    same(
      "d_engine.client.ClientWriteRequest",
      { clientId: 0, command: { compareAndSwap: swap } },
      bytes(2, bytes(3, bytes(1, key), bytes(2), bytes(3, value))),
    );
  });

  it("tells an empty expected value from none", () => {
    const type = codec("d_engine.client.WriteCommand.CompareAndSwap");
    assert.equal(type.decode(bytes(1, key)).expectedValue ?? undefined, undefined);
    const empty = type.decode(concatBytes([bytes(1, key), bytes(2)])).expectedValue;
    assert.equal(empty?.length, 0);
  });

  it("ClientReadRequest, with LEASE_READ = 0 told from no policy", () => {
    const name = "d_engine.client.ClientReadRequest";
    const keys = [key, value];
    const body = [bytes(2, key), bytes(2, value)];
    same(name, { clientId: 0, keys, consistencyPolicy: 0 }, ...body, varint(3, 0));
    same(name, { clientId: 0, keys, consistencyPolicy: 2 }, ...body, varint(3, 2));
    const absent = codec(name).decode(concatBytes(body)).consistencyPolicy;
    assert.equal(absent ?? undefined, undefined);
  });

  it("ClientResponse", () => {
    const name = "d_engine.client.ClientResponse";
    same(name, { error: 0, writeResult: { succeeded: true } }, bytes(2, varint(1, 1)));
    same(name, { error: 0, writeResult: { succeeded: false } }, bytes(2));
    const results = [{ key, value }];
    const result = bytes(1, bytes(1, key), bytes(2, value));
    same(name, { error: 0, readData: { results } }, bytes(3, result));
    const metadata = {
      retryAfterMs: 100,
      leaderId: "1",
      leaderAddress: "a",
      debugMessage: "outcome unknown",
    };
    same(
      name,
      { error: 4006, metadata },
      varint(1, 4006),
      bytes(
        4,
        varint(1, 100),
        bytes(2, utf8("1")),
        bytes(3, utf8("a")),
        bytes(15, utf8("outcome unknown")),
      ),
    );
  });

  it("ScanRequest, ScanResponse, WatchRequest, WatchResponse, MembershipSnapshot", () => {
    same("d_engine.client.ScanRequest", { clientId: 1, prefix: key }, varint(1, 1), bytes(2, key));
    same(
      "d_engine.client.ScanResponse",
      { entries: [{ key, value }], revision: 9 },
      bytes(1, bytes(1, key), bytes(2, value)),
      varint(2, 9),
    );
    same(
      "d_engine.client.WatchRequest",
      { clientId: 1, key, prefix: true, prevKv: true },
      varint(1, 1),
      bytes(2, key),
      varint(3, 1),
      varint(4, 1),
    );
    same(
      "d_engine.client.WatchResponse",
      { key, value, eventType: 1, error: 5001, revision: 9, prevValue: value },
      bytes(1, key),
      bytes(2, value),
      varint(3, 1),
      varint(4, 5001),
      varint(5, 9),
      bytes(6, value),
    );
    same(
      "d_engine.client.MembershipSnapshot",
      { members: [1, 2], learners: [3], committedIndex: 9 },
      bytes(1, Uint8Array.of(1, 2)),
      bytes(2, Uint8Array.of(3)),
      varint(3, 9),
    );
  });
});

describe("d_engine.server.cluster", () => {
  const node = { id: 1, address: "a:1", role: 3, status: 3 };
  const nodeBytes = [varint(1, 1), bytes(2, utf8("a:1")), varint(3, 3), varint(4, 3)];

  it("ClusterMembership", () => {
    same(
      "d_engine.server.cluster.ClusterMembership",
      { version: 17, nodes: [node], currentLeaderId: 1 },
      varint(1, 17),
      bytes(2, ...nodeBytes),
      varint(3, 1),
    );
  });

  it("LeaderDiscoveryRequest and LeaderDiscoveryResponse", () => {
    same(
      "d_engine.server.cluster.LeaderDiscoveryRequest",
      { nodeId: 4, requesterAddress: "b:1" },
      varint(1, 4),
      bytes(2, utf8("b:1")),
    );
    same(
      "d_engine.server.cluster.LeaderDiscoveryResponse",
      { leaderId: 1, leaderAddress: "a:1", term: 5 },
      varint(1, 1),
      bytes(2, utf8("a:1")),
      varint(3, 5),
    );
  });

  it("JoinRequest, JoinResponse and the configuration change", () => {
    same(
      "d_engine.server.cluster.JoinRequest",
      { nodeId: 4, nodeRole: 4, address: "b:1", status: 1 },
      varint(1, 4),
      varint(2, 4),
      bytes(3, utf8("b:1")),
      varint(4, 1),
    );
    same(
      "d_engine.server.cluster.JoinResponse",
      {
        success: true,
        error: "e",
        config: { version: 1, nodes: [] },
        configVersion: 2,
        snapshotMetadata: { lastIncluded: { term: 1, index: 2 }, checksum: key },
        leaderId: 3,
      },
      varint(1, 1),
      bytes(2, utf8("e")),
      bytes(3, varint(1, 1)),
      varint(4, 2),
      bytes(5, bytes(1, varint(1, 1), varint(2, 2)), bytes(2, key)),
      varint(6, 3),
    );
    same(
      "d_engine.server.cluster.ClusterConfChangeRequest",
      {
        id: 1,
        term: 2,
        version: 3,
        change: { addNode: { nodeId: 4, address: "b:1", status: 2 } },
      },
      varint(1, 1),
      varint(2, 2),
      varint(3, 3),
      bytes(4, bytes(1, varint(1, 4), bytes(2, utf8("b:1")), varint(3, 2))),
    );
  });
});
