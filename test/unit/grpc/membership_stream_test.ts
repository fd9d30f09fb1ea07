/** WatchMembership of both dialects, met over a socket. */

import { method, type Wire } from "../../../src/grpc/codec.ts";
import { grpcStatus } from "../../../src/service/errors.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { type GrpcFront, startGrpcFront } from "../../harness/grpc_front.ts";
import { GrpcReader } from "../../harness/grpc_reader.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const dEngineMethod = method("d_engine.client.RaftClientService", "WatchMembership");
const skeinMethod = method("skein.cluster.v1.RaftClusterService", "WatchMembership");

let front: GrpcFront;

beforeEach(async () => {
  front = await startGrpcFront(undefined, { watchesMax: 2 });
});

afterEach(async () => {
  await front.close();
  assert.equal(front.watches.size, 0, "whoever has gone holds nothing");
  assert.equal(front.cluster.listeners, 0, "nobody listens for nobody");
});

const three = () => [1, 2, 3].map((id) => fakeMember(id));

type Snapshot = Wire["d_engine.client.MembershipSnapshot"];

async function shown(reader: GrpcReader<unknown, Snapshot>): Promise<readonly unknown[]> {
  const { members, learners, committedIndex } = (await reader.next())!;
  return [members, learners, committedIndex];
}

describe("d-engine's WatchMembership", () => {
  it("tells the membership at once, and again when it has changed", async () => {
    const reader = new GrpcReader(front.client, dEngineMethod, { clientId: 1 });
    assert.deepEqual(await shown(reader), [[1, 2, 3], [], 1]);
    front.cluster.setMembers([...three(), fakeMember(4, { suffrage: "learner" })]);
    assert.deepEqual(await shown(reader), [[1, 2, 3], [4], 13]);
    front.cluster.setLeader(2);
    front.cluster.setMembers([...three(), fakeMember(4), fakeMember(9, { suffrage: "readOnly" })]);
    assert.deepEqual(await shown(reader), [[1, 2, 3, 4], [9], 14]);
    reader.cancel();
    await until(() => front.watches.size === 0, { what: "the place" });
  });

  it("does not tell it again where something is not committed yet", async () => {
    const reader = new GrpcReader(front.client, dEngineMethod, { clientId: 1 });
    const another = new GrpcReader(front.client, skeinMethod, {});
    await Promise.all([reader.next(), another.next()]);
    front.cluster.setPending({ index: 18, joint: true, voters: [1, 2] });
    const { index, joint, voters } = (await another.next())!.configuration!.pending!;
    assert.deepEqual([index, joint, voters], [18, true, [1, 2]]);
    front.cluster.setMembers([...three(), fakeMember(4)]);
    assert.deepEqual(await shown(reader), [[1, 2, 3, 4], [], 13]);
    for (const each of [reader, another]) each.cancel();
    await until(() => front.watches.size === 0, { what: "the place" });
  });

  it("ends with the node, and counts among the watches", async () => {
    const readers = [1, 2].map((clientId) =>
      new GrpcReader(front.client, dEngineMethod, { clientId })
    );
    for (const reader of readers) await reader.next();
    const refused = new GrpcReader(front.client, dEngineMethod, { clientId: 3 });
    const status = await refused.status;
    assert.equal(status.code, grpcStatus.resourceExhausted);
    assert.match(status.details, /^2 watches are open/);
    front.watches.close();
    for (const reader of readers) {
      assert.equal((await reader.status).code, grpcStatus.unavailable);
    }
    const late = new GrpcReader(front.client, dEngineMethod, { clientId: 4 });
    assert.equal((await late.status).code, grpcStatus.unavailable);
  });
});

describe("skein's WatchMembership", () => {
  it("tells members and leader, and again when either has changed", async () => {
    const reader = new GrpcReader(front.client, skeinMethod, {});
    const shown = async () => {
      const { nodes, leader, configuration } = (await reader.next())!;
      const roles = nodes.map(({ id, suffrage, role }) => `${id}:${suffrage}${role}`).join(" ");
      return `${roles}, ${leader ?? "nobody"} leads, ${configuration?.index}`;
    };
    assert.equal(await shown(), "1:14 2:10 3:10, 1 leads, 1");
    front.cluster.setLeader(undefined);
    assert.equal(await shown(), "1:10 2:10 3:10, nobody leads, 1");
    front.cluster.setLeader(3);
    assert.equal(await shown(), "1:10 2:10 3:14, 3 leads, 1");
    front.cluster.setMembers([fakeMember(3), fakeMember(4, { suffrage: "learner" })]);
    assert.equal(await shown(), "3:14 4:20, 3 leads, 13");
    reader.cancel();
  });
});
