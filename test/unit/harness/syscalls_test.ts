import { codec } from "../../../src/grpc/codec.ts";
import { fromEnvelope } from "../../../src/grpc/convert.ts";
import { concatBytes, utf8 } from "../../../src/lib/bytes.ts";
import { heartbeat } from "../../harness/raft_messages.ts";
import { EnvelopeReader } from "../../harness/syscalls.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** An HTTP/2 DATA frame with one gRPC message, which holds a heartbeat. */
function heartbeatFrame(round: number): Uint8Array {
  const envelope = { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 1 };
  const message = heartbeat(round, 0);
  const envelopes = [fromEnvelope({ ...envelope, message })];
  const bytes = codec("skein.raft.v1.Frame").encode({ envelopes });
  const head = Uint8Array.of(0, 0, bytes.length + 5, 0, 0, 0, 0, 0, 1);
  return concatBytes([head, Uint8Array.of(0, 0, 0, 0, bytes.length), bytes]);
}

describe("EnvelopeReader", () => {
  const terms = (reader: EnvelopeReader, bytes: Uint8Array): readonly number[] =>
    reader.feed(bytes).map(({ term }) => Number(term));

  it("reads on in a connection that was there before it", () => {
    const reader = new EnvelopeReader();
    const [one, two] = [heartbeatFrame(1), heartbeatFrame(2)];
    assert.deepEqual(terms(reader, concatBytes([one, two.subarray(0, 12)])), [1]);
    assert.deepEqual(terms(reader, two.subarray(12)), [1]);
  });

  it("reads a connection from its first byte", () => {
    const preface = utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const settings = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
    const bytes = concatBytes([preface, settings, heartbeatFrame(1)]);
    assert.deepEqual(terms(new EnvelopeReader(), bytes), [1]);
    // The first packet may end anywhere.
    const reader = new EnvelopeReader();
    assert.deepEqual(terms(reader, bytes.subarray(0, 11)), []);
    assert.deepEqual(terms(reader, bytes.subarray(11)), [1]);
  });
});
