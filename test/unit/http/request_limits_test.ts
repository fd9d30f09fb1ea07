import { assert, describe, it } from "../../harness/test.ts";
import { batchItemsMax } from "../../../src/http/batch_schemas.ts";
import { leaseTtlMsMax, leaseTtlMsMin } from "../../../src/http/durations.ts";
import { isInt64 } from "../../../src/http/int64.ts";
import { mediaTypeLengthMax } from "../../../src/http/media_type.ts";
import { pageLimitMax } from "../../../src/http/paging.ts";
import { mergePatchBytesMax } from "../../../src/http/updates.ts";
import * as leases from "../../../src/kv/leases.ts";
import * as mergePatch from "../../../src/kv/merge_patch.ts";
import * as record from "../../../src/kv/record.ts";
import * as refusals from "../../../src/kv/refusals.ts";

describe("the limits that the interface tells", () => {
  it("are those of the store, which it may not import", () => {
    assert.equal(batchItemsMax, record.batchItemsMax);
    assert.equal(leaseTtlMsMin, leases.leaseTtlMsMin);
    assert.equal(leaseTtlMsMax, leases.leaseTtlMsMax);
    assert.equal(mediaTypeLengthMax, record.mediaTypeLengthMax);
    assert.equal(mergePatchBytesMax, mergePatch.mergePatchBytesMax);
    assert.equal(pageLimitMax, refusals.txnRangeLimitMax);
  });
});

describe("an integer of 64 bits as text", () => {
  it("is what the store takes for one", () => {
    const texts = [
      ...["0", "-1", "7", "9223372036854775807", "-9223372036854775808"],
      ...["-0", "00", "01", "+1", "1.0", "1e3", "", " 1", "1 ", "0x1", "9223372036854775808"],
      ...["-9223372036854775809", "99999999999999999999", "१", "1n"],
    ];
    for (const text of texts) assert.equal(isInt64(text), record.isLeaseId(text), text);
    assert.deepEqual(texts.filter(isInt64), texts.slice(0, 5));
  });
});
