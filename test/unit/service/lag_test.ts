import type { PeerStatus } from "../../../src/raft/status.ts";
import type { NodeStatus } from "../../../src/node/parts.ts";
import { Lag } from "../../../src/service/lag.ts";
import { nodeStatus } from "../../harness/node_status.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A leader that has committed 7, and peers 2 and 3 with these matches. */
function leading(...matches: readonly number[]): NodeStatus {
  const peers = matches.map((match, at): PeerStatus => ({
    id: at + 2,
    mode: "replicating",
    ...{ match, applied: match, next: match + 1 },
    ...{ heardMs: 0, hasAnswered: true, wantsSnapshot: false },
  }));
  return nodeStatus({ role: "leader", peers });
}

describe("Lag", () => {
  it("is nothing for who has all that is committed, or more", () => {
    const lag = new Lag();
    lag.look(leading(7, 9), 1_000);
    assert.deepEqual([lag.msOf(2, 1_500), lag.msOf(3, 1_500)], [0, 0]);
  });

  it("counts from the last look at which the peer had everything", () => {
    const lag = new Lag();
    lag.look(leading(7), 1_000);
    lag.look(leading(6), 2_000);
    assert.equal(lag.msOf(2, 2_000), 1_000);
    lag.look(leading(6), 3_000);
    assert.equal(lag.msOf(2, 3_500), 2_500);
    lag.look(leading(7), 4_000);
    assert.equal(lag.msOf(2, 4_500), 0);
  });

  it("counts from the first look for who was behind from the start", () => {
    const lag = new Lag();
    lag.look(leading(0), 1_000);
    assert.equal(lag.msOf(2, 1_000), 0);
    lag.look(leading(3), 2_000);
    assert.equal(lag.msOf(2, 2_000), 1_000);
  });

  it("is unknown for who was never seen, and forgotten with the leadership", () => {
    const lag = new Lag();
    lag.look(leading(0), 1_000);
    assert.equal(lag.msOf(9, 1_000), undefined);
    lag.look(nodeStatus({ role: "follower" }), 2_000);
    assert.equal(lag.msOf(2, 2_000), undefined);
    lag.look(leading(0), 9_000);
    assert.equal(lag.msOf(2, 9_500), 500, "not since the leadership before");
  });
});
