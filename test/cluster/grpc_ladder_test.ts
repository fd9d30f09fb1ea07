/**
 * Payloads of every size that HTTP/2 implementations have stumbled over (flow-control windows,
 * frame sizes), there and back between processes. The test runs on both runtimes and starts a child
 * on each: all four pairings.
 */

import { equalBytes } from "../../src/lib/bytes.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import type { Envelope } from "../../src/raft/message.ts";
import { type GrpcNode, startGrpcNode } from "../harness/grpc_node.ts";
import { runtimeNames, type RuntimeProcess, startProgram } from "../harness/runtime_process.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const mebibyte = 1024 * 1024;
const sizes = [0, 1, 16_383, 65_535, 65_536, mebibyte, 8 * mebibyte];

function payload(bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) data[at] = (at * 31 + (at >> 8)) & 0xff;
  return data;
}

function append(index: number, data: Uint8Array): Envelope {
  const entry = makeEntry({ index, term: 1, kind: "command", timeMs: 0, data });
  const prevLog = { index: index - 1, term: index === 1 ? 0 : 1 };
  const message = {
    kind: "appendEntries",
    prevLog,
    entries: [entry],
    leaderCommit: 0,
    attempt: 1,
  } as const;
  return { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 1, message };
}

for (const runtime of runtimeNames) {
  describe(`a peer on ${runtime}`, () => {
    let child: RuntimeProcess;
    let node: GrpcNode;

    before(async () => {
      child = startProgram(runtime, "test/e2e/programs/grpc_peer.ts", ["2"]);
      node = await startGrpcNode({ id: 1 });
      node.transport.setPeers([{ id: 2, address: await child.line() }]);
      await until(() => {
        if (node.received.length > 0) return true;
        node.transport.send(append(1, payload(10)));
        return false;
      }, { what: "the first echo", everyMs: 50 });
    });

    after(async () => {
      await node.close();
      await child.stop();
    });

    const echoOf = (index: number) =>
      node.received.find(({ message }) =>
        message.kind === "appendEntries" && message.entries[0]?.index === index
      );

    const arrives = async (index: number, data: Uint8Array): Promise<void> => {
      const echo = await until(() => echoOf(index), { what: `the echo of ${data.length} bytes` });
      assert.ok(echo.message.kind === "appendEntries");
      assert.ok(equalBytes(echo.message.entries[0]!.data, data));
    };

    for (const [number, bytes] of sizes.entries()) {
      it(`carries ${bytes} bytes there and back`, async () => {
        const data = payload(bytes);
        node.transport.send(append(100 + number, data));
        await arrives(100 + number, data);
      });
    }

    it("carries four times 8 MiB at once, and small things between them", async () => {
      const big = payload(8 * mebibyte);
      for (let index = 200; index < 204; index++) {
        node.transport.send(append(index, big));
        node.transport.send(append(index + 100, payload(1)));
      }
      for (let index = 200; index < 204; index++) {
        await arrives(index, big);
        await arrives(index + 100, payload(1));
      }
      assert.deepEqual(node.faults, []);
    });
  });
}
