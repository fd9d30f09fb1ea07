import { assert, describe, it } from "../../harness/test.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { crc32c } from "../../../src/lib/crc32c.ts";

describe("crc32c", () => {
  it("gives the check value of the standard", () => {
    assert.equal(crc32c(utf8("123456789")), 0xe3069283);
  });

  it("gives the test vectors of RFC 3720 appendix B.4", () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  });

  it("continues over pieces as over the whole, at every cut", () => {
    const whole = utf8("the quick brown fox jumps over the lazy dog");
    for (let cut = 0; cut <= whole.length; cut++) {
      assert.equal(crc32c(whole.subarray(cut), crc32c(whole.subarray(0, cut))), crc32c(whole));
    }
  });
});
