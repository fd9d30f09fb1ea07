/** Members through the client, over REST. */

import { Client } from "../../../src/client/client.ts";
import { AnswerError, type ClientError, UnreachableError } from "../../../src/client/errors.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

let probe: HttpProbe;
let client: Client;
/** Answers that get lost on their way. */
let lost: number;
let sent: number;

beforeEach(() => {
  probe = new HttpProbe();
  lost = 0;
  sent = 0;
  client = new Client({
    endpoints: ["http://127.0.0.1:7400"],
    timeoutMs: 20_000,
    fetch: async (url, init) => {
      sent += 1;
      const answer = await probe.app.fetch(new Request(url, init), {});
      if (lost-- > 0) throw new TypeError("the connection broke");
      return answer;
    },
  });
  probe.cluster.onChange = () => ({
    ...{ id: 4, added: true, members: [fakeMember(1), fakeMember(4, { healthy: undefined })] },
    ...{ configuration: { index: 18, joint: false }, quorum: 2, voters: 3, healthyVoters: 2 },
  });
});

const offer = { rpc: "n4:9081", http: "http://n4:8081" };

async function errorOf(promise: Promise<unknown>): Promise<ClientError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  if (error instanceof AnswerError || error instanceof UnreachableError) return error;
  return assert.fail(`It came to ${String(error)}`);
}

describe("client.members", () => {
  it("lists them, and leaves out what is not known", async () => {
    const { members, configuration } = await client.members.list();
    assert.deepEqual(configuration, { index: 1, joint: false });
    assert.deepEqual(members[0], {
      ...{ id: 1, suffrage: "voter", role: "leader" },
      ...{ http: "http://127.0.0.1:7400", rpc: "127.0.0.1:7401" },
      ...{ match: 12, applied: 12, lagMs: 0, healthy: true, version: "0.1.0" },
    });
  });

  it("lists a configuration that is not committed", async () => {
    const pending = { index: 18, joint: true, voters: [1, 2] };
    probe.cluster.setPending(pending);
    const { configuration } = await client.members.list();
    assert.deepEqual(configuration, { index: 1, joint: false, pending });
  });

  it("asks for each change, and tells what is then", async () => {
    const { members, ...rest } = await client.members.add({ ...offer, id: 4 }, { readOnly: true });
    assert.deepEqual(rest, {
      ...{ id: 4, added: true, configuration: { index: 18, joint: false } },
      ...{ quorum: 2, voters: 3, healthyVoters: 2 },
    });
    assert.deepEqual(members.map(({ id, healthy }) => [id, healthy]), [[1, true], [4, undefined]]);
    const asked = () => probe.cluster.lastChange?.change;
    const member = { id: 4, addresses: offer };
    assert.deepEqual(asked(), { kind: "add", suffrage: "readOnly", member });
    await client.members.setSuffrage(4, "voter");
    assert.deepEqual(asked(), { kind: "setSuffrage", id: 4, suffrage: "voter" });
    await client.members.replace(3, offer);
    assert.deepEqual(asked(), { kind: "replace", id: 3, by: { addresses: offer } });
    await client.members.remove(3, { ifConfiguration: 17, dryRun: true });
    assert.deepEqual(probe.cluster.lastChange, {
      ...{ change: { kind: "remove", id: 3 }, dryRun: true, expected: [17] },
    });
  });

  it("asks again where an answer was lost, unless there is a condition", async () => {
    lost = 2;
    assert.equal((await client.members.add(offer)).id, 4);
    assert.equal(sent, 3);
    lost = 1;
    const error = await errorOf(client.members.remove(3, { ifConfiguration: 17 }));
    assert.deepEqual([error.outcome, sent], ["unknown", 4]);
  });

  it("does not call that not applied which an attempt before may have done", async () => {
    lost = 1;
    const { onChange } = probe.cluster;
    probe.cluster.onChange = (request) => {
      if (sent === 1) return onChange(request);
      throw new ServiceError("member_not_found", "It was removed", { outcome: "not_applied" });
    };
    const error = await errorOf(client.members.remove(3));
    assert.equal(error.outcome, "unknown");
    assert.match(error.message, /asked again: It was removed$/);
  });
});
