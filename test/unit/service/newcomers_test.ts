/** Whom an address belongs to that is to be a member. */

import type { HelloAnswer } from "../../../src/node/ports.ts";
import type { MembershipChange } from "../../../src/service/contract.ts";
import { withIncarnations } from "../../../src/service/newcomers.ts";
import { failureOf } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const addresses = { rpc: "n7:1", http: "http://n7:2" };
const by = { addresses };

/** Node 7. */
const seventh: HelloAnswer = {
  kind: "accepted",
  hello: {
    ...{ clusterId: "c", from: 7, to: 0, incarnation: "7".repeat(16), logEpoch: 1 },
    ...{ starts: 1, nonce: 1, protocolVersion: 1, protocolVersionMin: 1 },
    ...{ dataVersion: 1, programVersion: "" },
    ...{ addresses, electionTimeoutMinMs: 1, bootstrapIds: [] },
  },
};

const whois = (change: MembershipChange, answer: HelloAnswer | undefined) =>
  withIncarnations(change, {
    askHello: (_address, tell) => tell(answer),
    ...{ signal: undefined, outcome: "unknown" },
  });

describe("Whoever listens at an address", () => {
  it("is asked for its data directory and keeps the id that it has", async () => {
    const known = { id: 7, incarnation: "7".repeat(16), addresses };
    const replacement: MembershipChange = { kind: "replace", id: 2, by };
    assert.deepEqual(await whois(replacement, seventh), { ...replacement, by: known });
    const addition: MembershipChange = {
      ...{ kind: "add", suffrage: "learner" },
      member: { id: 7, addresses },
    };
    assert.deepEqual(await whois(addition, seventh), { ...addition, member: known });
  });

  it("does not become another node", async () => {
    const asked = whois({ kind: "replace", id: 2, by: { ...by, id: 8 } }, seventh);
    await assert.rejects(asked, /n7:1 is node 7, not 8$/);
  });

  it("has to answer, or its data directory be told", async () => {
    const change: MembershipChange = { kind: "replace", id: 2, by };
    assert.equal(await failureOf(whois(change, undefined)), "conflict, unknown, retryable");
    const advice = /Nobody answers at n7:1: .* --join asks by itself .* in the file incarnation/;
    await assert.rejects(whois(change, undefined), advice);
    const incarnation = "a".repeat(16);
    const told: MembershipChange = { ...change, by: { incarnation, addresses } };
    assert.deepEqual(await whois(told, undefined), told);
  });
});
