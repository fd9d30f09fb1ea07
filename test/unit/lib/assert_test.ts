import { assert as check, describe, it } from "../../harness/test.ts";
import {
  assert,
  assertCount,
  assertDefined,
  AssertionError,
  unreachable,
} from "../../../src/lib/assert.ts";

describe("assertions", () => {
  it("pass what holds", () => {
    assert(true, "never shown");
    check.equal(assertDefined(0, "never shown"), 0);
    check.equal(assertDefined(null, "never shown"), null);
    check.equal(assertCount(0, "n"), 0);
    check.equal(assertCount(Number.MAX_SAFE_INTEGER, "n"), Number.MAX_SAFE_INTEGER);
  });

  it("throw an AssertionError that says what does not", () => {
    check.throws(() => assert(false, "it broke"), (error: Error) => {
      check.ok(error instanceof AssertionError);
      check.equal(error.message, "it broke");
      return true;
    });
    check.throws(() => assertDefined(undefined, "gone"), AssertionError);
    for (const value of [-1, 0.5, 2 ** 53, NaN, Infinity]) {
      check.throws(() => assertCount(value, "index"), /^AssertionError: index is /);
    }
    check.throws(() => unreachable({ kind: "odd" } as never), /Unreachable case \{"kind":"odd"\}/);
  });
});
