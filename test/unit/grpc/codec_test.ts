import { assert, describe, it } from "../../harness/test.ts";
import { codec } from "../../../src/grpc/codec.ts";

describe("codec", () => {
  it("reads an absent byte field as empty bytes", () => {
    const { decode } = codec("skein.raft.v1.Entry");
    assert.ok(decode(new Uint8Array()).data instanceof Uint8Array);
    assert.equal(decode(new Uint8Array()).data.length, 0);
  });

  it("reads an absent optional byte field as absent", () => {
    const { decode } = codec("d_engine.client.WriteCommand.CompareAndSwap");
    assert.equal(decode(new Uint8Array()).expectedValue ?? undefined, undefined);
  });

  it("counts the fields of a message, those of its parts as well", () => {
    const { encode, decode } = codec("d_engine.client.ClientWriteRequest");
    const value = new Uint8Array(1);
    // `command`, in it `insert`, and in that two.
    const bytes = encode({ clientId: 0, command: { insert: { key: value, value, ttlSecs: 0 } } });
    assert.equal(decode(bytes, 4).command?.insert?.key.length, 1);
    assert.throws(() => decode(bytes, 3), /ClientWriteRequest: it has more than 3 fields/);
  });
});
