/** Clients that would fill the memory of the real program: they are turned away, others are not. */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { requestOnce } from "../harness/http_once.ts";
import { type NodeProcess, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const mebi = 1024 * 1024;
const config = `
limits:
  value_bytes_max: ${mebi}
  request_bytes_max: ${mebi}
  grpc_message_bytes_max: ${mebi}
  requests_memory_bytes_max: ${2 * mebi}
`;

describe(`memory for bodies, on ${runtimeName}`, () => {
  it("is refused once it is full, and had again when the slow ones' time is up", async () => {
    await withCluster({ builds: [runtimeName], config }, async (cluster) => {
      await cluster.start();
      const node = cluster.node(1);
      const slow = [1, 2].map((n) => new SlowPut(node, `/v1/kv/slow${n}?timeout=3s`));
      await untilFull(node);
      const refused = await put(node, 0.5 * mebi);
      assert.equal(refused.status, 429);
      assert.equal(refused.problem["code"], "overloaded");
      assert.equal(refused.problem["outcome"], "not_applied");
      assert.equal(refused.problem["retryable"], true);
      assert.equal((await put(node, 100)).status < 300, true, "what fits is served");
      for (const each of slow) {
        await until(() => each.answered.endsWith("}"), { what: "the slow ones' end" });
        assert.match(each.answered, /^HTTP\/1\.1 408 /);
        assert.match(each.answered, /^connection: close\r$/im);
        assert.match(each.answered, /"code":"request_timeout".*"outcome":"not_applied"/);
        each.socket.destroy();
      }
      assert.equal((await put(node, mebi)).status < 300, true);
    });
  });

  it("is given back when clients vanish in the middle of a body", async () => {
    await withCluster({ builds: [runtimeName], config }, async (cluster) => {
      await cluster.start();
      const node = cluster.node(1);
      for (let round = 0; round < 5; round++) {
        const slow = [1, 2].map((n) => new SlowPut(node, `/v1/kv/slow${n}?timeout=60s`));
        await untilFull(node);
        for (const { socket } of slow) socket.destroy();
        await until(async () => (await put(node, mebi)).status < 300, {
          what: "the memory to be free",
        });
      }
    });
  });
});

describe(`memory for answers, on ${runtimeName}`, () => {
  it("is had again when clients that take nothing have gone", async () => {
    const room = `limits:\n  requests_memory_bytes_max: ${40 * mebi}\n`;
    await withCluster({ builds: [runtimeName], config: room }, async (cluster) => {
      await cluster.start();
      const node = cluster.node(1);
      for (const key of ["a", "b"]) assert.ok((await put(node, 7 * mebi, key)).status < 300);
      const statusOfList = async (): Promise<number> => {
        const url = `${node.url}/v1/kv`;
        const answer = await requestOnce({ method: "GET", url, withinMs: 60_000 });
        return answer.kind === "answered" ? answer.status : 0;
      };
      const deaf: Socket[] = [];
      await until(async () => {
        if (deaf.length < 10) deaf.push(askWithoutReading(node, "/v1/kv"));
        // Not once, while an answer is on its way to somebody who takes it.
        for (let time = 0; time < 3; time++) if (await statusOfList() !== 429) return false;
        return true;
      }, { what: "the memory to be full" });
      assert.ok((await put(node, 8 * mebi, "c")).status < 300, "writes go on");
      for (const socket of deaf) socket.destroy();
      await until(async () => await statusOfList() === 200, { what: "the memory to be free" });
    });
  });
});

function askWithoutReading(node: NodeProcess, target: string): Socket {
  const { hostname, port } = new URL(node.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  // Nothing is read from a socket that nobody listens to.
  socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  return socket;
}

/** Declares a value of 1 MiB, and stops after `sentBytes` of it, nine tenths unless said. */
class SlowPut {
  readonly socket: Socket;
  answered = "";

  constructor(node: NodeProcess, target: string, sentBytes = Math.floor(0.9 * mebi)) {
    const { hostname, port } = new URL(node.url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("error", () => {});
    this.socket.on("data", (piece: Buffer) => this.answered += piece.toString());
    this.socket.write(
      `PUT ${target} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${mebi}\r\n\r\n`,
    );
    this.socket.write(Buffer.alloc(sentBytes));
  }
}

/** Asks with bodies of which nothing is sent, so that the asking itself takes no memory. */
async function untilFull(node: NodeProcess): Promise<void> {
  await until(async () => {
    const probe = new SlowPut(node, "/v1/kv/probe?timeout=100ms", 0);
    await until(() => probe.answered.endsWith("}"), { what: "an answer to the probe" });
    probe.socket.destroy();
    return probe.answered.startsWith("HTTP/1.1 429 ");
  }, { what: "the memory to be full" });
}

async function put(
  node: NodeProcess,
  bytes: number,
  key = "a",
): Promise<{ readonly status: number; readonly problem: Readonly<Record<string, unknown>> }> {
  const answer = await requestOnce({
    method: "PUT",
    url: `${node.url}/v1/kv/${key}`,
    body: "x".repeat(bytes),
    withinMs: 60_000,
  });
  assert.equal(answer.kind, "answered");
  if (answer.kind !== "answered") return { status: 0, problem: {} };
  return { status: answer.status, problem: JSON.parse(answer.body) };
}
