/** The standard services, health and reflection, met by an ordinary grpc-js client. */

import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { method, type MethodFacts, type Wire } from "../../src/grpc/codec.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { statusOf } from "../harness/grpc_client.ts";
import { type GrpcFront, startGrpcFront } from "../harness/grpc_front.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

let front: GrpcFront;

before(async () => {
  front = await startGrpcFront();
});

after(() => front.close());

describe("grpc.health.v1", () => {
  const check = method("grpc.health.v1.Health", "Check");

  async function statusNow(service: string): Promise<number> {
    return (await front.client.unary(check, { service })).response.status;
  }

  it("serves exactly while the node is ready", async () => {
    assert.equal(await statusNow(""), 1);
    assert.equal(await statusNow("d_engine.server.cluster.ClusterManagementService"), 1);
    const ready = front.cluster.checks;
    front.cluster.checks = [{ name: "leader", ok: false, detail: "none" }];
    assert.equal(await statusNow(""), 2);
    front.cluster.checks = ready;
    assert.equal(await statusNow(""), 1);
  });

  it("knows what it does not offer", async () => {
    const status = await statusOf(front.client.unary(check, { service: "nobody" }));
    assert.equal(status.code, grpcStatus.notFound);
  });

  it("lists all services", async () => {
    const { response } = await front.client.unary(method("grpc.health.v1.Health", "List"), {});
    assert.equal(response.statuses[""]?.status, 1);
    assert.equal(response.statuses["skein.cluster.v1.RaftClusterService"]?.status, 1);
  });

  it("watches: now, and again when it changes", async () => {
    const call = front.client.stream(method("grpc.health.v1.Health", "Watch"));
    const seen: number[] = [];
    call.on("data", ({ status }: { status: number }) => seen.push(status));
    call.write({ service: "" });
    call.end();
    await until(() => seen.length === 1, { what: "the first status" });
    const ready = front.cluster.checks;
    const unready = [{ name: "leader", ok: false, detail: "none" }];
    front.cluster.checks = unready;
    await until(() => seen.length === 2, { what: "the second status" });
    // Too short for any clock to see: leadership tells of itself.
    front.cluster.checks = ready;
    front.cluster.setLeader(1);
    front.cluster.checks = unready;
    await until(() => seen.length === 4, { what: "the fourth status" });
    assert.deepEqual(seen, [1, 2, 1, 2]);
    front.cluster.checks = ready;
    call.cancel();
  });
});

type Question = Wire["grpc.reflection.v1.ServerReflectionRequest"];
type Reflected = Wire["grpc.reflection.v1.ServerReflectionResponse"];
type Reflection = MethodFacts<Question, Reflected>;

async function ask(
  reflection: Reflection,
  ...questions: readonly Question[]
): Promise<readonly Reflected[]> {
  const call = front.client.stream(reflection);
  const answers: Reflected[] = [];
  const ended = new Promise((resolve) => call.on("end", resolve));
  call.on("data", (answer: Reflected) => answers.push(answer));
  for (const question of questions) call.write(question);
  call.end();
  await ended;
  return answers;
}

/** What a client can find out of a service whose name it knows. */
async function learn(reflection: Reflection, service: string): Promise<protobuf.Root> {
  const [found] = await ask(reflection, { host: "", fileContainingSymbol: service });
  const files = found?.fileDescriptorResponse?.fileDescriptorProto ?? [];
  assert.ok(files.length >= 2);
  // A FileDescriptorSet is its files as field 1.
  const writer = protobuf.Writer.create();
  for (const each of files) writer.uint32(10).bytes(each);
  return protobuf.Root.fromDescriptor(writer.finish());
}

const versions: Readonly<Record<string, Reflection>> = {
  v1: method("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
  v1alpha: method("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
};

describe("server reflection", () => {
  for (const [version, reflection] of Object.entries(versions)) {
    it(`${version}: a client learns a service from nothing, and calls it`, async () => {
      const [list] = await ask(reflection, { host: "h", listServices: "" });
      const services = list?.listServicesResponse?.service.map(({ name }) => name) ?? [];
      const service = "d_engine.client.RaftClientService";
      assert.ok(services.includes(service), services.join());
      assert.ok(services.includes("grpc.health.v1.Health"));
      assert.ok(!services.includes("skein.raft.v1.RaftService"));
      const root = await learn(reflection, service);
      const request = root.lookupType("d_engine.client.ClientReadRequest");
      const response = root.lookupType("d_engine.client.ClientResponse");
      const question = request.encode(request.fromObject({ keys: [Buffer.from("b")] })).finish();
      const reply = await front.client.raw(`/${service}/HandleClientRead`, question);
      assert.doesNotThrow(() => response.decode(reply.response));
      assert.ok(root.lookupService(service).methods["HandleClientRead"]);
    });

    it(`${version}: answers several questions on one stream, also without an answer`, async () => {
      const answers = await ask(
        reflection,
        { host: "", fileByFilename: "google/rpc/status.proto" },
        { host: "", fileContainingSymbol: "d_engine.client.RaftClientService.HandleClientWrite" },
        { host: "", fileContainingSymbol: "no.such.Symbol" },
        { host: "", allExtensionNumbersOfType: "d_engine.client.WriteCommand" },
        { host: "" },
      );
      assert.equal(answers[0]?.fileDescriptorResponse?.fileDescriptorProto.length, 2);
      assert.ok(answers[1]?.fileDescriptorResponse);
      assert.equal(answers[2]?.errorResponse?.errorCode, grpcStatus.notFound);
      assert.deepEqual(answers[3]?.allExtensionNumbersResponse?.extensionNumber, []);
      assert.equal(answers[4]?.errorResponse?.errorCode, grpcStatus.invalidArgument);
    });
  }
});
