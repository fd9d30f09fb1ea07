import { writeWhole } from "../../../src/lib/write_whole.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("Writing all of something", () => {
  it("goes on where a call has taken a part, and ends where one takes nothing", () => {
    const bytes = new Uint8Array(10).map((_, at) => at);
    const disk = new Uint8Array(110);
    writeWhole(
      (from, offset, length, position) => {
        const taken = Math.min(3, length);
        disk.set(from.subarray(offset, offset + taken), position);
        return taken;
      },
      bytes,
      100,
    );
    assert.deepEqual(disk.subarray(100), bytes);
    assert.throws(() => writeWhole(() => 0, bytes, 100), /Nothing was written at byte 100/);
  });
});
