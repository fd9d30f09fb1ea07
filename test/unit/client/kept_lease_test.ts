import { AnswerError, UnreachableError } from "../../../src/client/errors.ts";
import { KeptLease } from "../../../src/client/kept_lease.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { pause, until } from "../../harness/wait.ts";

const dayMs = 86_400_000;
/** A timer that is set for too long is over after 1 ms, before one that is set later for longer. */
const msBehindOverflow = 5;

describe("a lease that is kept alive", () => {
  it("is left alone for a third of its life, be that longer than a timer can wait", async () => {
    for (const ttlMs of [3 * dayMs, 100 * dayMs, 366 * dayMs]) {
      let asked = 0;
      const keeper = new KeptLease({
        keepAlive: () => Promise.resolve({ ttlMs: (asked++, ttlMs) }),
        onTrouble: () => {},
      });
      keeper.start();
      await pause(msBehindOverflow);
      keeper.stop();
      await keeper.over;
      assert.equal(asked, 1, `${ttlMs} ms`);
    }
  });

  it("outlives trouble for as long as it lives, and not its end", async () => {
    const gone = new AnswerError("It has ended", {
      ...{ status: 404, code: "lease_not_found", outcome: "not_applied", retryable: false },
      ...{ retryAfterMs: undefined, problem: {}, body: new Uint8Array(0) },
    });
    const lost = new UnreachableError("Nobody", { code: "unreachable", outcome: "unknown" });
    const fates = [undefined, lost, undefined, gone];
    let troubles = 0;
    const keeper = new KeptLease({
      keepAlive: () => {
        const fate = fates.shift();
        return fate === undefined ? Promise.resolve({ ttlMs: 300 }) : Promise.reject(fate);
      },
      onTrouble: () => troubles++,
    });
    let end: unknown;
    keeper.over.catch((error: unknown) => end = error);
    keeper.start();
    await until(() => end !== undefined, { what: "the end" });
    assert.equal(end, gone);
    assert.equal(troubles, 1);
  });
});
