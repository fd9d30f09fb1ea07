/** The configured limits hold whatever protocol a request comes by. */

import { method } from "../../src/grpc/codec.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";

const service = "d_engine.client.RaftClientService";
const writeMethod = method(service, "HandleClientWrite");
const readMethod = method(service, "HandleClientRead");
const invalidRequest = 4003;
const valueBytesMax = 1_000;
const answerBytesMax = 10_000;

let cluster: ServerCluster;
let node: ServedNode;
let client: TestGrpcClient;

before(async () => {
  cluster = await makeServerCluster(1);
  node = cluster.node(1);
  await node.start({
    "limits.value_bytes_max": String(valueBytesMax),
    "limits.grpc_message_bytes_max": String(answerBytesMax),
  });
  await cluster.ready();
  client = new TestGrpcClient(node.rpcAddress);
});

after(async () => {
  client.close();
  await cluster.remove();
});

async function write(length: number): Promise<number> {
  const insert = { key: utf8("k"), value: new Uint8Array(length), ttlSecs: 0 };
  const { response } = await client.unary(writeMethod, { clientId: 1, command: { insert } });
  return response.error;
}

async function read(times: number): Promise<number> {
  const keys = Array.from({ length: times }, () => utf8("k"));
  const { response } = await client.unary(readMethod, { clientId: 1, keys });
  return response.error;
}

describe("A limit of the configuration", { timeout: 120_000 }, () => {
  it("is the same for a value over REST and over gRPC", async () => {
    const put = async (length: number) => {
      const body = "x".repeat(length);
      return (await node.fetch("/v1/kv/k", { method: "PUT", body })).status;
    };
    assert.deepEqual(await Promise.all([put(valueBytesMax), put(valueBytesMax + 1)]), [201, 413]);
    assert.deepEqual(
      [await write(valueBytesMax), await write(valueBytesMax + 1)],
      [0, invalidRequest],
    );
    const { headers } = await node.fetch("/v1/kv/k");
    assert.equal(headers.get("content-length"), String(valueBytesMax));
  });

  it("holds for an answer over gRPC", async () => {
    await write(valueBytesMax);
    assert.deepEqual([await read(9), await read(10)], [0, invalidRequest]);
  });
});
