/** Changes of members over gRPC: what is asked of the service, and how it is answered. */

import { codec, method } from "../../../src/grpc/codec.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { statusOf } from "../../harness/grpc_client.ts";
import { type GrpcFront, startGrpcFront } from "../../harness/grpc_front.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";

const service = "skein.cluster.v1.RaftClusterService";
const addMethod = method(service, "AddNode");
const removeMethod = method(service, "RemoveNode");
const promoteMethod = method(service, "PromoteNode");
const suffrageMethod = method(service, "ChangeSuffrage");
const transferMethod = method(service, "TransferLeadership");
const replaceMethod = method(service, "ReplaceNode");

let front: GrpcFront;

beforeEach(async () => {
  front = await startGrpcFront(undefined, {});
});

afterEach(() => front.close());

const addresses = { rpc: "n4:9081", http: "http://n4:8081" };
const offered = { ...addresses, incarnation: "", suffrage: 0, dryRun: false };

async function detailOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => undefined, (thrown: unknown) => thrown);
  return error instanceof Error ? error.message : assert.fail("It did not fail");
}

async function detailsOf(call: Promise<unknown>) {
  const { metadata: trailers } = await statusOf(call);
  const [bytes] = trailers.get("grpc-status-details-bin");
  assert.ok(bytes instanceof Uint8Array);
  const { details } = codec("google.rpc.Status").decode(bytes);
  const one = (name: string): Uint8Array | undefined =>
    details.find(({ typeUrl }) => typeUrl.endsWith(name))?.value;
  const [info, retry, bad] = ["ErrorInfo", "RetryInfo", "BadRequest"].map(one);
  const delay = retry && codec("google.rpc.RetryInfo").decode(retry).retryDelay;
  const violations = bad && codec("google.rpc.BadRequest").decode(bad).fieldViolations;
  return {
    metadata: { ...info && codec("google.rpc.ErrorInfo").decode(info).metadata },
    retryMs: delay ? delay.seconds * 1_000 + delay.nanos / 1e6 : undefined,
    fields: violations?.map(({ field }) => field),
  };
}

describe("Changes of members over gRPC", () => {
  it("are asked of the service", async () => {
    const asked = () => front.cluster.lastChange;
    await front.client.unary(addMethod, offered);
    assert.deepEqual(asked(), {
      change: { kind: "add", suffrage: "learner", member: { addresses } },
      dryRun: false,
    });
    await front.client.unary(addMethod, {
      ...{ ...offered, id: 7, incarnation: "00112233445566aa", suffrage: 3 },
      ...{ clientRpc: "n4:9090", expectedConfiguration: 17, dryRun: true },
    });
    assert.deepEqual(asked(), {
      change: {
        ...{ kind: "add", suffrage: "readOnly" },
        member: {
          ...{ id: 7, incarnation: "00112233445566aa" },
          addresses: { ...addresses, clientRpc: "n4:9090" },
        },
      },
      ...{ expected: [17], dryRun: true },
    });
    await front.client.unary(removeMethod, { id: 3, expectedConfiguration: 18, dryRun: false });
    assert.deepEqual(asked(), { change: { kind: "remove", id: 3 }, expected: [18], dryRun: false });
    await front.client.unary(promoteMethod, { id: 4, dryRun: false });
    const change = { kind: "setSuffrage", id: 4, suffrage: "voter" };
    assert.deepEqual(asked(), { change, dryRun: false });
    await front.client.unary(suffrageMethod, { id: 2, suffrage: 3, dryRun: false });
    const demotion = { kind: "setSuffrage", id: 2, suffrage: "readOnly" };
    assert.deepEqual(asked(), { change: demotion, dryRun: false });
    const replacement = { ...offered, expectedConfiguration: 19, dryRun: true };
    await front.client.unary(replaceMethod, { id: 3, replacement });
    assert.deepEqual(asked(), {
      change: { kind: "replace", id: 3, by: { addresses } },
      ...{ expected: [19], dryRun: true },
    });
  });

  it("are answered with the members, and what a decision needs", async () => {
    front.cluster.onChange = () => ({
      ...{ id: 4, added: true, members: [fakeMember(1), fakeMember(4, { suffrage: "learner" })] },
      ...{ configuration: { index: 18, joint: false }, quorum: 2, voters: 3, healthyVoters: 1 },
    });
    const { response } = await front.client.unary(addMethod, offered);
    const { nodes, configuration, id, added, quorum, voters, healthyVoters } = response;
    assert.deepEqual(nodes.map(({ id, suffrage }) => [id, suffrage]), [[1, 1], [4, 2]]);
    assert.deepEqual([configuration?.index, configuration?.joint], [18, false]);
    assert.deepEqual([id, added, quorum, voters, healthyVoters], [4, true, 2, 3, 1]);
  });

  it("that make no sense are refused with all that is wrong", async () => {
    const wrong = { ...offered, rpc: "n4", http: "n4:80", incarnation: "XYZ", id: 0 };
    const detail = await detailOf(front.client.unary(addMethod, wrong));
    assert.match(
      detail,
      /^3 INVALID_ARGUMENT: rpc is "n4", .* http is .* incarnation is .* id is 0/,
    );
    const voter = front.client.unary(addMethod, { ...offered, suffrage: 1 });
    assert.match(await detailOf(voter), /suffrage is 1, allowed are SUFFRAGE_LEARNER and/);
    const nothing = front.client.unary(suffrageMethod, { id: 2, suffrage: 0, dryRun: false });
    assert.match(await detailOf(nothing), /suffrage is 0, allowed are SUFFRAGE_VOTER, /);
    const nobody = front.client.unary(removeMethod, { id: 0, dryRun: false });
    assert.match(await detailOf(nobody), /INVALID_ARGUMENT: id is 0/);
    const without = front.client.unary(replaceMethod, { id: 3 });
    assert.match(await detailOf(without), /INVALID_ARGUMENT: replacement is missing/);
    const suffrage = { ...offered, suffrage: 2 };
    const as = front.client.unary(replaceMethod, { id: 3, replacement: suffrage });
    assert.match(await detailOf(as), /replacement\.suffrage is set/);
    assert.equal(front.cluster.lastChange, undefined);
  });

  it("that would lose the quorum fail a precondition", async () => {
    front.cluster.onChange = () => {
      throw new ServiceError("would_lose_quorum", "No", { outcome: "not_applied" });
    };
    const removing = front.client.unary(removeMethod, { id: 3, dryRun: false });
    assert.match(await detailOf(removing), /^9 FAILED_PRECONDITION: No/);
  });

  it("tell by their details what may be repeated, why not, and what is wrong", async () => {
    const refused = async (...error: ConstructorParameters<typeof ServiceError>) => {
      front.cluster.onChange = () => {
        throw new ServiceError(...error);
      };
      return await detailsOf(front.client.unary(promoteMethod, { id: 4, dryRun: false }));
    };
    const outcome = "not_applied";
    const later = await refused("conflict", "Not yet", { outcome, retryable: true });
    assert.deepEqual(later.retryMs, 100);
    const told = await refused("timeout", "Too late", { retryable: true, retryAfterMs: 1_500 });
    assert.deepEqual(told.retryMs, 1_500);
    const never = await refused("conflict", "Never", { outcome });
    assert.deepEqual([never.retryMs, never.metadata], [undefined, { outcome }]);
    const numbers = await refused("would_lose_quorum", "No", {
      outcome,
      extra: { quorum: 2, voters: 3, healthy_voters: 1, configuration: { index: 7, joint: true } },
    });
    assert.deepEqual(numbers.metadata, {
      ...{ outcome, quorum: "2", voters: "3", healthy_voters: "1" },
      ...{ configuration_index: "7", configuration_joint: "true" },
    });
    const wrong = { ...offered, rpc: "n4", id: 0 };
    const { fields } = await detailsOf(front.client.unary(addMethod, wrong));
    assert.deepEqual(fields, ["rpc", "id"]);
  });

  it("and transfers of the leadership name a member, or nobody", async () => {
    const detail = await detailOf(front.client.unary(transferMethod, { target: 0 }));
    assert.match(detail, /INVALID_ARGUMENT: target is 0, allowed is the id of a member$/);
    await front.client.unary(transferMethod, {});
    await front.client.unary(transferMethod, { target: 2 });
  });
});
