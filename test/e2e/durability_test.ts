/**
 * Nothing is acknowledged before it is on the disk: for each of 100 writes sent one by one, a sync
 * of raft.db's WAL stands between its arrival and its answer, on the leader (client's request,
 * client's answer) and on a follower (AppendEntries, its reply). Seen from outside, by the system
 * calls of the real program.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lossyText } from "../../src/lib/bytes.ts";
import {
  type Build,
  buildCommand,
  type NodeProcess,
  steadyLeader,
  withCluster,
} from "../harness/processes.ts";
import { requestOnce } from "../harness/http_once.ts";
import { runtimeName } from "../harness/runtime.ts";
import {
  EnvelopeReader,
  straceObstacle,
  type SystemCall,
  SystemCallTrace,
} from "../harness/syscalls.ts";
import { assert, describe, it } from "../harness/test.ts";

const writes = 100;
const obstacle = straceObstacle();
const skip = obstacle === undefined ? false : `system calls cannot be watched: ${obstacle}`;

interface Watched {
  readonly leader: readonly SystemCall[];
  readonly follower: readonly SystemCall[];
}

describe("a write is on the disk before it is acknowledged", { skip }, () => {
  it(`on ${runtimeName}, by leader and follower`, async () => {
    const { leader, follower } = await watch(runtimeName, buildCommand);
    assert.deepEqual(unsyncedAnswers(leader), []);
    assert.deepEqual(unsyncedAcknowledgements(follower), []);
  });

  it("and a build that does not sync is found out", async () => {
    const program = fileURLToPath(new URL("./programs/unsynced_node.ts", import.meta.url));
    const [bun = ""] = buildCommand("bun");
    const { leader, follower } = await watch("bun", () => [bun, program]);
    assert.ok(unsyncedAnswers(leader).length > writes / 2);
    assert.ok(unsyncedAcknowledgements(follower).length > writes / 2);
  });
});

function keyOf(write: number): string {
  return `durable-${String(write).padStart(3, "0")}`;
}

async function watch(
  build: Build,
  command: (build: Build) => readonly string[],
): Promise<Watched> {
  let watched: Watched = { leader: [], follower: [] };
  const options = { builds: [build, build, build], command, config: steadyLeader };
  await withCluster(options, async (cluster) => {
    await cluster.start();
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader);
    assert.ok(follower !== undefined);
    const traces = [traceOf(leader, cluster.folder), traceOf(follower, cluster.folder)] as const;
    for (const trace of traces) await trace.attached();
    for (let write = 1; write <= writes; write++) {
      const url = `${leader.url}/v1/kv/${keyOf(write)}`;
      const answer = await requestOnce({ method: "PUT", url, body: "x", withinMs: 60_000 });
      assert.equal(answer.kind === "answered" && answer.status, 201);
    }
    watched = { leader: await traces[0].stop(), follower: await traces[1].stop() };
  });
  return watched;
}

function traceOf(node: NodeProcess, folder: string): SystemCallTrace {
  assert.ok(node.pid !== undefined);
  return new SystemCallTrace(node.pid, join(folder, `node-${node.id}.strace`));
}

function isLogSync(call: SystemCall): boolean {
  return call.kind === "synced" && call.file.endsWith("/raft.db-wal");
}

/**
 * Keys whose request arrived and was answered 201 without a sync in between; all that were never
 * seen.
 */
function unsyncedAnswers(calls: readonly SystemCall[]): readonly string[] {
  const open = new Map<string, { readonly key: string; synced: boolean }>();
  const synced = new Set<string>();
  for (const call of calls) {
    if (isLogSync(call)) { for (const request of open.values()) request.synced = true; }
    if (call.kind === "received") {
      const key = /^PUT \/v1\/kv\/(durable-\d+) /.exec(lossyText(call.bytes))?.[1];
      if (key !== undefined) open.set(call.socket, { key, synced: false });
    }
    const request = call.kind === "sent" ? open.get(call.socket) : undefined;
    if (call.kind !== "sent" || request === undefined) continue;
    if (!lossyText(call.bytes).startsWith("HTTP/1.1 201")) continue;
    if (request.synced) synced.add(request.key);
    open.delete(call.socket);
  }
  return allKeys().filter((key) => !synced.has(key));
}

/**
 * Keys whose entry arrived and was acknowledged without a sync in between; all that were never
 * seen.
 */
function unsyncedAcknowledgements(calls: readonly SystemCall[]): readonly string[] {
  const readers = new Map<string, EnvelopeReader>();
  const arrived = new Map<number, { readonly key: string; synced: boolean }>();
  const synced = new Set<string>();
  for (const call of calls) {
    if (isLogSync(call)) { for (const entry of arrived.values()) entry.synced = true; }
    if (call.kind === "synced") continue;
    const name = `${call.kind} ${call.socket}`;
    const reader = readers.get(name) ?? new EnvelopeReader();
    readers.set(name, reader);
    for (const { appendEntries, appendEntriesReply } of reader.feed(call.bytes)) {
      for (const { index, data } of appendEntries?.entries ?? []) {
        const key = /durable-\d+/.exec(lossyText(data))?.[0];
        if (call.kind === "received" && key !== undefined) {
          arrived.set(index, { key, synced: false });
        }
      }
      const matched = call.kind === "sent" ? appendEntriesReply?.matched?.index ?? 0 : 0;
      for (const [index, entry] of arrived) {
        if (index > matched) continue;
        if (entry.synced) synced.add(entry.key);
        arrived.delete(index);
      }
    }
  }
  return allKeys().filter((key) => !synced.has(key));
}

function allKeys(): readonly string[] {
  return Array.from({ length: writes }, (_, at) => keyOf(at + 1));
}
