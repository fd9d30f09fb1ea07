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
});
