/** Requests on their way to the leader while the leadership changes. */

import type { Leadership } from "../../../src/raft/ready.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import type { ForwardOutcome } from "../../../src/service/forwarder.ts";
import { LeaderProxy, type Try } from "../../../src/service/leader_proxy.ts";
import { LeaderWatch } from "../../../src/service/leader_watch.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

const self = 2;
/** Longer than any test: whoever sleeps until the deadline fails by its own time limit. */
const timeoutMs = 60_000;
const soon = { timeout: 30_000 };

describe("the leader proxy", () => {
  let lead: (leader: NodeId | undefined) => void;
  let forwarded: NodeId[];
  let answerOf: (leader: NodeId) => ForwardOutcome;
  let nowMs: () => number;
  let proxy: LeaderProxy;

  beforeEach(() => {
    nowMs = () => performance.now();
    let handler: (leadership: Leadership) => void = () => {};
    const leaders = new LeaderWatch({
      status: () => ({ leader: 1 }),
      onLeadership: (given) => {
        handler = given;
        return () => {};
      },
    }, self);
    lead = (leader) =>
      handler({
        role: leader === self ? "leader" : "follower",
        term: 2,
        reason: "leaderFound",
        ...(leader === undefined ? {} : { leader }),
      });
    forwarded = [];
    proxy = new LeaderProxy({
      self,
      clusterId: "c",
      leaders,
      forwarder: {
        forward: (address) => {
          const leader = Number(address);
          forwarded.push(leader);
          return Promise.resolve(answerOf(leader));
        },
      },
      addressOf: String,
      monotonicMs: () => nowMs(),
    });
  });

  const here = (): Promise<Try<string>> => Promise.resolve({ kind: "answered", value: "here" });
  const run = (
    options: { readonly here?: () => Promise<Try<string>>; readonly withinMs?: number },
  ) =>
    proxy.run<string>({
      options: { timeoutMs: options.withinMs ?? timeoutMs, requestId: "r" },
      here: options.here ?? here,
      body: { kind: "view" },
      accept: () => "there",
    });

  it(
    "takes the request itself when it came to lead during a forward that failed",
    soon,
    async () => {
      answerOf = () => {
        lead(undefined);
        lead(self);
        return notSent;
      };
      assert.equal(await run({}), "here");
      assert.deepEqual(forwarded, [1]);
    },
  );

  it("asks the new leader that came about during a forward that failed", soon, async () => {
    answerOf = (leader) => {
      if (leader === 3) return transferred;
      lead(undefined);
      lead(3);
      return notSent;
    };
    assert.equal(await run({}), "there");
    assert.deepEqual(forwarded, [1, 3]);
  });

  it(
    "asks the new leader when it lost the leadership before the request was taken",
    soon,
    async () => {
      answerOf = () => transferred;
      lead(self);
      const lost = (): Promise<Try<string>> => {
        lead(3);
        const error = new ServiceError("leader_changed", "", { outcome: "not_applied" });
        return Promise.resolve({ kind: "notDone", error });
      };
      assert.equal(await run({ here: lost }), "there");
      assert.deepEqual(forwarded, [3]);
    },
  );

  it("waits for a leader to be known, and asks the same one again after a rest", soon, async () => {
    lead(undefined);
    let tries = 0;
    answerOf = () => ++tries < 3 ? notSent : transferred;
    const running = run({});
    assert.deepEqual(forwarded, []);
    lead(3);
    assert.equal(await running, "there");
    assert.deepEqual(forwarded, [3, 3, 3]);
  });

  it(
    "waits for the next leader where a node of another cluster has its address",
    soon,
    async () => {
      const detail = "The request is for cluster c, this is d";
      const elsewhere = new ServiceError("wrong_cluster", detail, { outcome: "not_applied" });
      answerOf = (leader) => {
        if (leader === 3) return transferred;
        setImmediate(() => lead(3));
        return { kind: "failed", error: elsewhere };
      };
      assert.equal(await run({}), "there");
      assert.equal(forwarded.at(-1), 3);
      lead(1);
      answerOf = () => ({ kind: "failed", error: elsewhere });
      await assert.rejects(
        run({ withinMs: 1 }),
        (error) =>
          error instanceof ServiceError && error.code === "no_leader" && error.retryable &&
          error.message === `The leader, node 1, is not at its address: ${detail}`,
      );
    },
  );

  it("says at the end of its time that the leader could not be reached", soon, async () => {
    answerOf = () => notSent;
    await assert.rejects(run({ withinMs: 120 }), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.equal(error.code, "no_leader");
      assert.equal(error.outcome, "not_applied");
      assert.match(error.message, /The leader, node 1, cannot be reached: No connection/);
      return true;
    });
  });

  it("sends nothing any more when the time was over during the rest", soon, async () => {
    let timeMs = 0;
    nowMs = () => timeMs;
    answerOf = () => {
      setTimeout(() => {
        timeMs = timeoutMs;
        lead(1);
      });
      return notSent;
    };
    await assert.rejects(run({}), { code: "no_leader", outcome: "not_applied" });
    assert.deepEqual(forwarded, [1]);
  });

  it("tells a leader that was silent to the end from one that broke off", soon, async () => {
    answerOf = () => ({ kind: "unknown", detail: "reset" });
    await assert.rejects(run({ withinMs: 0 }), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.equal(error.code, "timeout");
      assert.equal(error.message, "The leader, node 1, did not answer within 0 ms");
      return true;
    });
    await assert.rejects(run({}), /^ServiceError: The connection to the leader, node 1, broke/);
  });

  const mayBeAppended: readonly (readonly [string, ForwardOutcome])[] = [
    ["a broken connection", { kind: "unknown", detail: "reset" }],
    ...(["unknown", undefined] as const).map((outcome) =>
      [
        `a leader that changed and says ${outcome}`,
        { kind: "failed", error: new ServiceError("leader_changed", "", { outcome }) },
      ] as const
    ),
  ];
  for (const [what, outcome] of mayBeAppended) {
    it(`does not try again what may have been appended: ${what}`, soon, async () => {
      answerOf = () => {
        lead(3);
        return outcome;
      };
      await assert.rejects(run({}), (error) => {
        assert.ok(error instanceof ServiceError);
        assert.notEqual(error.outcome, "not_applied");
        return true;
      });
      assert.deepEqual(forwarded, [1]);
    });
  }
});

const notSent: ForwardOutcome = { kind: "notSent", detail: "No connection" };
const transferred: ForwardOutcome = {
  kind: "answered",
  answer: { kind: "transferred", leader: 3 },
};
