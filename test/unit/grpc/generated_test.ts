/** What is generated from proto/ is fresh, and says what the files say. */

import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";
import { generate } from "../../../scripts/proto.ts";
import { descriptorFiles } from "../../../src/grpc/descriptors.gen.ts";
import { assert, describe, it } from "../../harness/test.ts";

const root = new URL("../../../", import.meta.url);

describe("the generated files", () => {
  it("are fresh", () => {
    for (const [path, text] of generate()) {
      assert.ok(readFileSync(new URL(path, root), "utf8") === text, `${path} is stale`);
    }
  });
});

describe("the descriptors", () => {
  interface FieldDescriptor {
    readonly name: string;
    readonly number: number;
    readonly typeName?: string;
    readonly proto3Optional?: boolean;
    readonly oneofIndex?: number;
  }
  interface MessageDescriptor {
    readonly name: string;
    readonly field: readonly FieldDescriptor[];
    readonly nestedType: readonly MessageDescriptor[];
    readonly oneofDecl: readonly { readonly name: string }[];
  }
  interface FileDescriptor {
    readonly name: string;
    readonly package: string;
    readonly dependency: readonly string[];
    readonly messageType: readonly MessageDescriptor[];
    readonly service: readonly {
      readonly name: string;
      readonly method: readonly {
        readonly name: string;
        readonly inputType: string;
        readonly clientStreaming: boolean;
        readonly serverStreaming: boolean;
      }[];
    }[];
  }
  const decoded = new Map(descriptorFiles.map((file) => [
    file.name,
    descriptor.FileDescriptorProto.decode(
      Buffer.from(file.descriptor, "base64"),
    ) as unknown as FileDescriptor,
  ]));
  const messageOf = (file: string, name: string): MessageDescriptor =>
    decoded.get(file)!.messageType.find((message) => message.name === name)!;

  it("hold every file with its imports, and only imports that are there", () => {
    assert.ok(decoded.size >= 13);
    for (const [name, file] of decoded) {
      assert.equal(file.name, name);
      for (const each of file.dependency) assert.ok(decoded.has(each), `${name} imports ${each}`);
    }
  });

  it("give methods their full types and their streams", () => {
    const service = decoded.get("skein/raft/v1/raft.proto")!.service[0]!;
    assert.equal(service.name, "RaftService");
    assert.deepEqual(
      service.method.map((each) => [each.name, each.clientStreaming, each.serverStreaming]),
      [["Connect", true, true], ["Snapshot", true, true], ["Forward", false, false]],
    );
    assert.equal(service.method[2]!.inputType, ".skein.raft.v1.ForwardRequest");
  });

  it("mark optional fields by a oneof behind the real ones", () => {
    const message = messageOf("d_engine/client.proto", "WriteCommand");
    const swap = message.nestedType.find(({ name }) => name === "CompareAndSwap")!;
    const expected = swap.field.find(({ name }) => name === "expected_value")!;
    assert.equal(expected.proto3Optional, true);
    assert.equal(swap.oneofDecl[expected.oneofIndex!]!.name, "_expected_value");
    assert.deepEqual(message.oneofDecl.map(({ name }) => name), ["operation"]);
  });

  it("write maps as repeated entries", () => {
    const list = messageOf("grpc/health/v1/health.proto", "HealthListResponse");
    assert.equal(list.nestedType[0]!.name, "StatusesEntry");
    assert.equal(
      list.field[0]!.typeName,
      ".grpc.health.v1.HealthListResponse.StatusesEntry",
    );
  });

  it("can be read back by protobufjs into the same messages", () => {
    const set = descriptor.FileDescriptorSet.encode({ file: [...decoded.values()] }).finish();
    const read = protobuf.Root.fromDescriptor(set);
    const type = read.lookupType("d_engine.client.ClientResponse");
    assert.equal(type.fields["metadata"]?.id, 4);
    assert.equal(read.lookupEnum("d_engine.error.ErrorCode").values["PROPOSE_FAILED"], 4006);
  });
});
