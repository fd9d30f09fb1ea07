import { concatBytes, hex, utf8 } from "../../../../src/lib/bytes.ts";
import {
  callHeaders,
  decodeSettings,
  encodeFrame,
  encodeSettings,
  encodeWindowUpdate,
  type Frame,
  FrameReader,
  frameType,
} from "../../../../scripts/bench/http2_frames.ts";
import { assert, describe, it } from "../../../harness/test.ts";

function read(bytes: Uint8Array, step: number): readonly Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push({ ...frame }));
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.slice(at, at + step));
  return frames;
}

const payload = utf8("hello");

describe("frames", () => {
  it("come out as they went in, however they are cut", () => {
    const frames = [
      { type: frameType.data, flags: 1, stream: 0x01020304, payload },
      { type: frameType.ping, flags: 0, stream: 0, payload: new Uint8Array(8) },
      { type: frameType.headers, flags: 4, stream: 3, payload: new Uint8Array(7_000) },
    ];
    const bytes = concatBytes(frames.map(encodeFrame));
    for (const step of [1, 2, 7, 9, 13, 1_000, bytes.length]) {
      const expected = frames.map((frame) => ({ ...frame, length: frame.payload.length }));
      assert.deepEqual(read(bytes, step), expected, `pieces of ${step}`);
    }
  });

  it("lose the padding of DATA, which counts in flow control all the same", () => {
    const padded = concatBytes([Uint8Array.of(3), payload, new Uint8Array(3)]);
    const [frame] = read(encodeFrame({ type: frameType.data, flags: 8, payload: padded }), 100);
    assert.deepEqual(frame?.payload, payload);
    assert.equal(frame?.length, 9);
  });

  it("ignore the reserved bit of the stream number", () => {
    const bytes = encodeFrame({ type: frameType.data, stream: 5, payload });
    bytes[5]! |= 0x80;
    assert.equal(read(bytes, 100)[0]?.stream, 5);
  });

  it("have the bytes of RFC 9113", () => {
    assert.equal(hex(encodeWindowUpdate(0x01020304)), "000004080000000000" + "01020304");
    const settings = new Map([[2, 0], [4, 1_048_576]]);
    const bytes = encodeSettings(settings);
    assert.equal(hex(bytes), "00000c040000000000" + "000200000000" + "000400100000");
    assert.deepEqual(decodeSettings(bytes.subarray(9)), settings);
  });
});

describe("callHeaders", () => {
  it("are literals that are remembered, then one byte each (RFC 7541)", () => {
    const { first, later } = callHeaders("/a.B/C", "h:1");
    const text = (value: string): string => hex(Uint8Array.of(value.length)) + hex(utf8(value));
    const literals = `44${text("/a.B/C")}41${text("h:1")}5f${text("application/grpc")}`;
    assert.equal(hex(first), `8386${literals}40${text("te")}${text("trailers")}`);
    assert.equal(hex(later), "8386c1c0bfbe");
  });

  it("refuse a text that one length byte cannot tell", () => {
    assert.throws(() => callHeaders("/".repeat(127), "h:1"), RangeError);
  });
});
