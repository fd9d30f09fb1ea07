/** A client that takes nothing: what it holds of the node's memory, and that it loses nothing. */

import { method } from "../../../src/grpc/codec.ts";
import { lossyText, utf8 } from "../../../src/lib/bytes.ts";
import { ByteBudget } from "../../../src/lib/byte_budget.ts";
import { grpcStatus } from "../../../src/service/errors.ts";
import { type GrpcFront, type GrpcFrontLimits, startGrpcFront } from "../../harness/grpc_front.ts";
import { put } from "../../harness/kv_commands.ts";
import { type RawCall, RawHttp2Client } from "../../harness/raw_http2.ts";
import { afterEach, assert, describe, it } from "../../harness/test.ts";
import { pause, until } from "../../harness/wait.ts";

const watchMethod = method("d_engine.client.RaftClientService", "Watch");
const kibi = 1024;
const mebi = 1024 * kibi;

let front: GrpcFront;
let raw: RawHttp2Client;
/** Of the changes that were read of the store. */
let pulledBytes = 0;

async function start(limits: GrpcFrontLimits = {}): Promise<void> {
  front = await startGrpcFront(undefined, limits);
  raw = new RawHttp2Client(front.server.rpcAddress);
  pulledBytes = 0;
  const { store } = front.kv;
  const read = store.read.bind(store);
  store.read = (query) => {
    const answer = read(query);
    if (answer.kind !== "changes") return answer;
    for (const event of answer.revisions.flatMap(({ events }) => events)) {
      if (event.kind === "put") pulledBytes += event.record.value.length;
    }
    return answer;
  };
}

afterEach(async () => {
  raw.cut();
  await until(() => front.watches.size === 0, { what: "the watches to end with their client" });
  await front.close();
  assert.deepEqual(front.internalErrors, []);
});

function watch(headers: Readonly<Record<string, string>> = {}): RawCall {
  const request = { clientId: 1, key: utf8(""), prefix: true, prevKv: false };
  const call = raw.call(watchMethod.path, headers).send(watchMethod.request.encode(request));
  call.stream.end();
  return call;
}

function fill(count: number, bytes: number): void {
  for (let n = 0; n < count; n++) {
    front.kv.store.apply(put("k", `${n} `.padEnd(bytes, "x")));
  }
}

const told = (call: RawCall) => call.messages.map((bytes) => watchMethod.response.decode(bytes));
const numbersOf = (call: RawCall) =>
  told(call).map(({ value }) => Number(lossyText(value).split(" ")[0]));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Resolves when nothing more is pulled. */
async function pulled(): Promise<number> {
  let before = -1;
  await until(async () => {
    // For the pace of the looks: a node that goes on pulling has done so in between.
    await pause(200);
    const isStill = before === pulledBytes && pulledBytes > 0;
    before = pulledBytes;
    return isStill;
  }, { what: "the node to stop pulling" });
  return pulledBytes;
}

describe("A client that takes nothing", () => {
  it("of a long history is handed a little of it, and all of it once it takes", async () => {
    await start();
    fill(200, 32 * kibi);
    const call = watch({ "after-revision": "1" });
    const bytes = await pulled();
    assert.ok(bytes < 3 * mebi, `${bytes} of ${200 * 32 * kibi} bytes were pulled`);
    call.take();
    await until(() => call.messages.length === 200, { what: "all of it" });
    assert.deepEqual(numbersOf(call), upTo(200));
  });

  it("and falls behind is served from history", async () => {
    await start();
    const call = watch();
    await until(() => call.trailers[":status"], { what: "the watch to be open" });
    for (let n = 0; n < 5; n++) {
      for (let m = 0; m < 40; m++) {
        front.kv.store.apply(put("k", `${40 * n + m} `.padEnd(32 * kibi, "x")));
      }
      await pause(1);
    }
    // The hub reads each change once for all watches; what follows is this watch's own.
    pulledBytes = 1;
    await pulled();
    call.take();
    await until(() => call.messages.length === 200, { what: "all of it" });
    assert.deepEqual(numbersOf(call), upTo(200));
  });

  it("keeps nobody else on its connection from being told", async () => {
    await start();
    const stuck = watch();
    const other = watch().take();
    await until(() => stuck.trailers[":status"] && other.trailers[":status"], { what: "both" });
    for (let n = 0; n < 300; n++) {
      front.kv.store.apply(put("k", `${n} `.padEnd(kibi, "x")));
      if (n % 20 === 0) await pause(1);
    }
    await until(() => other.messages.length === 300, { what: "the other one" });
    stuck.take();
    await until(() => stuck.messages.length === 300, { what: "the stuck one" });
    assert.deepEqual(numbersOf(stuck), upTo(300));
  });

  it("is told that it has missed something where that is compacted meanwhile", async () => {
    await start();
    fill(100, 64 * kibi);
    const call = watch({ "after-revision": "1" });
    await pulled();
    front.kv.store.compact(front.kv.store.revision);
    call.take();
    await until(() => call.status, { what: "the end" });
    assert.equal(call.status, String(grpcStatus.ok));
    const all = told(call);
    const last = all.at(-1)!;
    assert.deepEqual([last.eventType, last.error], [2, 5001]);
    assert.deepEqual(numbersOf(call).slice(0, -1), upTo(all.length - 1));
    assert.equal(last.revision, all.at(-2)!.revision, "how far it was told");
    await until(() => front.watches.size === 0, { what: "the place" });
  });

  it("gives its place back at its deadline, and when it cancels", async () => {
    await start();
    fill(100, 64 * kibi);
    const late = watch({ "after-revision": "1", "grpc-timeout": "600m" });
    await until(() => late.trailers[":status"] || late.isClosed, { what: "the watch to be open" });
    await until(() => front.watches.size === 0, { what: "the place of the late one" });
    const gone = watch({ "after-revision": "1" });
    await until(() => gone.trailers[":status"], { what: "the watch to be open" });
    assert.equal(front.watches.size, 1);
    gone.stream.close(8);
    await until(() => front.watches.size === 0, { what: "the place of the gone one" });
  });

  it("of large values is counted in the memory of all answers", async () => {
    await start({ memory: new ByteBudget(4 * mebi) });
    front.kv.store.apply(put("k", "x".repeat(3 * mebi)));
    const first = watch({ "after-revision": "1" });
    await until(() => first.trailers[":status"], { what: "the watch to be open" });
    await pulled();
    const second = watch({ "after-revision": "1" }).take();
    await until(() => second.status, { what: "the refusal" });
    assert.equal(second.status, String(grpcStatus.resourceExhausted));
    first.take();
    await until(() => first.messages.length === 1, { what: "the value" });
    await until(async () => {
      const call = watch({ "after-revision": "1" }).take();
      await until(() => call.message ?? call.status, { what: "an answer" });
      return call.message;
    }, { what: "room again" });
  });
});
