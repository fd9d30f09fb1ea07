import { type BackupHeader, decodeHeader, encodeHeader } from "../../../../src/kv/backup/header.ts";
import { utf8 } from "../../../../src/lib/bytes.ts";
import { assert, describe, it } from "../../../harness/test.ts";

const header: BackupHeader = {
  ...{ program: "0.0.0-test", createdMs: 1_700_000_000_000, clusterId: "c" },
  ...{ appliedIndex: 12, revision: 9, oldest: 2, clusterTimeMs: 60_000, keys: 3 },
  ...{ leasesNumbered: 1, format: 1 },
};
const text = new TextDecoder().decode(encodeHeader(header));

function decodedWith(more: object) {
  return decodeHeader(utf8(JSON.stringify({ ...JSON.parse(text), ...more })));
}

describe("The header of a backup", () => {
  it("has counts alone where it counts", () => {
    const json = JSON.parse(text);
    const counts = Object.keys(json).filter((name) => typeof json[name] === "number");
    assert.equal(counts.length, 8);
    for (const member of counts.filter((name) => name !== "format")) {
      for (const value of [-1, 0.5, 2 ** 53, "7", null]) {
        const flaw = new RegExp(`the header has ${member} ${JSON.stringify(value)}`);
        assert.throws(() => decodedWith({ [member]: value }), flaw);
      }
    }
  });

  it("has counts from which a store can go on, and a time that is a date", () => {
    const most = { revision: 2 ** 52, cluster_time_ms: 2 ** 52, leases_numbered: 2 ** 52 };
    for (const [member, max] of Object.entries({ ...most, created_ms: 8.64e15 })) {
      assert.ok(decodedWith({ [member]: max }));
      const flaw = new RegExp(`the header has ${member} ${max + 1}; allowed is 0 to ${max}$`);
      assert.throws(() => decodedWith({ [member]: max + 1 }), flaw);
    }
  });

  it("has an oldest revision that there is", () => {
    for (const oldest of [0, 10]) {
      assert.throws(() => decodedWith({ oldest }), new RegExp(`the header has oldest ${oldest}$`));
    }
    for (const oldest of [1, 9]) assert.equal(decodedWith({ oldest }).oldest, oldest);
  });

  it("is no longer than it may be", () => {
    const long = (bytes: number) => utf8(text + " ".repeat(bytes - text.length));
    assert.deepEqual(decodeHeader(long(65_536)), header);
    assert.throws(() => decodeHeader(long(65_537)), /the header is no JSON object/);
  });
});
