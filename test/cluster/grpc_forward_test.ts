/** Forwarding to the leader: which failures prove that nothing was appended, and which do not. */

import { connect, createServer, type Server, type Socket } from "node:net";
import { channelCredentials, serverCredentials } from "../../src/grpc/credentials.ts";
import { GrpcForwarder, offerForward } from "../../src/grpc/forward.ts";
import { type GrpcServer, startGrpcServer } from "../../src/grpc/server.ts";
import { ByteBudget } from "../../src/lib/byte_budget.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { ServiceError } from "../../src/service/errors.ts";
import type {
  ForwardAnswer,
  ForwardHandler,
  ForwardOutcome,
  ForwardRequest,
} from "../../src/service/forwarder.ts";
import { FakeClusterService } from "../harness/fake_services.ts";
import { plain } from "../harness/plain.ts";
import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

let server: GrpcServer;
let forwarder: GrpcForwarder;
let handle: ForwardHandler;
let asked: ForwardRequest[] = [];
let internalErrors = 0;
const header = { revision: 5, servedBy: 1, leader: 1, clusterId: "c" };
const written: ForwardAnswer = { kind: "written", result: utf8("a result"), header };

function startServer(
  limits: { readonly requestsMax?: number; readonly memory?: ByteBudget } = {},
): Promise<GrpcServer> {
  return startGrpcServer({
    ...limits,
    rpcAddress: "127.0.0.1:0",
    credentials: serverCredentials(undefined, false),
    peerMethods: [
      offerForward({
        clusterId: () => "c",
        handle: (request, signal) => {
          asked.push(request);
          return handle(request, signal);
        },
        onInternalError: () => internalErrors += 1,
      }),
    ],
    clientMethods: [],
    onInternalError: () => {},
  });
}

before(async () => {
  server = await startServer();
  forwarder = new GrpcForwarder(channelCredentials(undefined));
});

beforeEach(() => {
  asked = [];
  internalErrors = 0;
  handle = () => Promise.resolve(written);
});

after(async () => {
  forwarder.close();
  await server.close(500);
});

function request(more: Partial<ForwardRequest> = {}): ForwardRequest {
  const body = { kind: "write", operation: utf8("an operation") } as const;
  return { clusterId: "c", from: 2, requestId: "r-1", timeoutMs: 60_000, body, ...more };
}

/** Tries again what did not leave: on a busy machine a connection may take too long. */
function forward(
  address: string,
  asking: ForwardRequest,
  signal?: AbortSignal,
  by = forwarder,
): Promise<ForwardOutcome> {
  return until(async () => {
    const outcome = await by.forward(address, asking, signal);
    return outcome.kind !== "notSent" && outcome;
  }, { what: "a request to leave" });
}

/** The wall clock steps right after `begin`, and goes on from there until that has ended. */
async function withStep<T>(stepMs: number, begin: () => Promise<T>): Promise<T> {
  const trueNow = Date.now;
  const running = begin();
  Date.now = () => trueNow() + stepMs;
  try {
    return await running;
  } finally {
    Date.now = trueNow;
  }
}

describe("GrpcForwarder", () => {
  it("carries a write and its result", async () => {
    const outcome = await forward(server.rpcAddress, request());
    assert.deepEqual(plain(outcome), plain({ kind: "answered", answer: written }));
    assert.deepEqual(plain(asked), plain([request()]));
  });

  it("carries views and transfers", async () => {
    const view = new FakeClusterService().view();
    handle = () => Promise.resolve({ kind: "view", view });
    const viewed = await forward(server.rpcAddress, request({ body: { kind: "view" } }));
    assert.deepEqual(plain(viewed), plain({ kind: "answered", answer: { kind: "view", view } }));
    handle = () => Promise.resolve({ kind: "transferred", leader: 3 });
    const body = { kind: "transferLeadership", target: 3 } as const;
    const moved = await forward(server.rpcAddress, request({ body }));
    assert.deepEqual(moved, { kind: "answered", answer: { kind: "transferred", leader: 3 } });
  });

  it("brings the other node's refusal as it was said", async () => {
    handle = () => {
      throw new ServiceError("leader_changed", "Node 1 does not lead", {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 50,
        extra: { leader: 3 },
      });
    };
    const outcome = await forward(server.rpcAddress, request());
    assert.ok(outcome.kind === "failed");
    const { code, message, retryable, retryAfterMs, extra } = outcome.error;
    assert.equal(outcome.error.outcome, "not_applied");
    assert.deepEqual(
      { code, message, retryable, retryAfterMs, extra },
      {
        code: "leader_changed",
        message: "Node 1 does not lead",
        retryable: true,
        retryAfterMs: 50,
        extra: { leader: 3 },
      },
    );
  });

  it("has another cluster's request refused before it is looked at", async () => {
    const outcome = await forward(server.rpcAddress, request({ clusterId: "other" }));
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.error.code, "wrong_cluster");
    assert.equal(outcome.error.outcome, "not_applied");
    assert.equal(asked.length, 0);
  });

  it("has a request refused that cannot be read, with proof that nothing happened", async () => {
    const body = { kind: "transferLeadership", target: 0 } as const;
    const outcome = await forward(server.rpcAddress, request({ body }));
    assert.ok(outcome.kind === "failed");
    const { code, message } = outcome.error;
    assert.deepEqual([code, outcome.error.outcome], ["validation_failed", "not_applied"]);
    assert.match(message, /target/);
    assert.equal(asked.length, 0);
  });

  it("knows nothing of a write whose handler broke, and shows nothing of the inside", async () => {
    handle = () => Promise.reject(new TypeError("secret"));
    const outcome = await forward(server.rpcAddress, request());
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.error.outcome, "unknown");
    assert.equal(outcome.error.message, "Internal error");
    assert.equal(internalErrors, 1);
  });

  it("says notSent at once when nobody listens", async () => {
    const gone = await startServer();
    await gone.close(0);
    const started = performance.now();
    const outcome = await forwarder.forward(gone.rpcAddress, request());
    assert.equal(outcome.kind, "notSent");
    assert.ok(performance.now() - started < 30_000, "long before the deadline");
  });

  it("says notSent of what it cannot connect for, and of a request given up before", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const at = silent.address();
    const port = typeof at === "object" && at !== null ? at.port : 0;
    const outcome = await forwarder.forward(`127.0.0.1:${port}`, request({ timeoutMs: 300 }));
    assert.equal(outcome.kind, "notSent");
    const given = AbortSignal.abort();
    const never = await forwarder.forward(server.rpcAddress, request(), given);
    assert.equal(never.kind, "notSent");
    assert.equal(asked.length, 0);
    silent.close();
  });

  it("says unknown when the time is up, the caller gives up, or the leader dies", async () => {
    let seen: AbortSignal | undefined;
    handle = (_request, signal) => {
      seen = signal;
      return new Promise(() => {});
    };
    let late: ForwardOutcome | undefined;
    // On a busy machine a request's time may be up before it arrives.
    for (let timeoutMs = 100; seen === undefined; timeoutMs *= 2) {
      late = await forwarder.forward(server.rpcAddress, request({ timeoutMs }));
    }
    assert.equal(late?.kind, "unknown");
    await until(() => seen?.aborted, { what: "the handler to be told" });

    asked = [];
    const controller = new AbortController();
    const giving = forward(server.rpcAddress, request(), controller.signal);
    await until(() => asked.length === 1, { what: "the second request" });
    controller.abort();
    assert.equal((await giving).kind, "unknown");

    const dying = await startServer();
    const lost = forward(dying.rpcAddress, request());
    await until(() => asked.length === 2, { what: "the third request" });
    const killedMs = performance.now();
    await dying.close(0);
    assert.equal((await lost).kind, "unknown");
    assert.ok(performance.now() - killedMs < 30_000, "long before the deadline");
  });

  const soon = { timeout: 60_000 };
  it("has its time also when the wall clock steps ahead meanwhile", soon, async () => {
    await forward(server.rpcAddress, request());
    const outcome = await withStep(
      3_600_000,
      () => forwarder.forward(server.rpcAddress, request()),
    );
    assert.equal(outcome.kind, "answered");
  });

  it("has no more than its time when the wall clock steps back meanwhile", soon, async () => {
    await forward(server.rpcAddress, request());
    handle = () => new Promise(() => {});
    const short = request({ timeoutMs: 200 });
    const outcome = await withStep(-3_600_000, () => forwarder.forward(server.rpcAddress, short));
    assert.equal(outcome.kind, "unknown");
  });

  it("says unknown when the answer is lost on its way, and never sends a write twice", async () => {
    // A wire that is cut as soon as the leader has the request.
    const sockets: Socket[] = [];
    const wire: Server = createServer((near) => {
      const [host, port] = server.rpcAddress.split(":");
      const far = connect(Number(port), host);
      for (const socket of [near, far]) {
        socket.on("error", () => {});
        sockets.push(socket);
      }
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
    const at = wire.address();
    const port = typeof at === "object" && at !== null ? at.port : 0;
    handle = () => {
      for (const socket of sockets) socket.destroy();
      return Promise.resolve(written);
    };
    const outcome = await forward(`127.0.0.1:${port}`, request());
    assert.equal(outcome.kind, "unknown");
    assert.equal(asked.length, 1);
    wire.close();
  });

  it("knows of a request that was not let in that nothing was appended", async () => {
    const busy = await startServer({ requestsMax: 1 });
    let release = (): void => {};
    handle = () => new Promise((resolve) => release = () => resolve(written));
    const first = forward(busy.rpcAddress, request());
    await until(() => asked.length === 1, { what: "the first to be taken" });
    const outcome = await forward(busy.rpcAddress, request());
    assert.equal(outcome.kind, "failed");
    if (outcome.kind !== "failed") return;
    const { code, retryable, retryAfterMs } = outcome.error;
    assert.deepEqual({ code, outcome: outcome.error.outcome, retryable, retryAfterMs }, {
      code: "overloaded",
      outcome: "not_applied",
      retryable: true,
      retryAfterMs: 1_000,
    });
    assert.equal(asked.length, 1);
    release();
    assert.equal((await first).kind, "answered");
    await busy.close(500);
  });

  it("takes an answer that found no room for an unknown outcome", async () => {
    const full = await startServer({ memory: new ByteBudget(100 * 1024) });
    handle = () => Promise.resolve({ ...written, result: new Uint8Array(200 * 1024) });
    const outcome = await forward(full.rpcAddress, request());
    assert.equal(outcome.kind, "failed");
    assert.equal(outcome.kind === "failed" && outcome.error.code, "overloaded");
    assert.equal(outcome.kind === "failed" && outcome.error.outcome, "unknown");
    assert.equal(outcome.kind === "failed" && outcome.error.retryable, false);
    await full.close(500);
  });

  it("refuses what is too large for the wire, before it is sent", async () => {
    const body = { kind: "write", operation: new Uint8Array(25 * 1024 * 1024) } as const;
    const outcome = await forwarder.forward(server.rpcAddress, request({ body }));
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.error.code, "request_too_large");
    assert.equal(outcome.error.outcome, "not_applied");
  });

  it("keeps connections to few leaders, and still reaches the first", async () => {
    const many = new GrpcForwarder(channelCredentials(undefined));
    const servers = await Promise.all(Array.from({ length: 10 }, startServer));
    for (const each of [...servers, servers[0]!]) {
      assert.equal((await forward(each.rpcAddress, request(), undefined, many)).kind, "answered");
    }
    many.close();
    await Promise.all(servers.map((each) => each.close(200)));
    const closed = await many.forward(server.rpcAddress, request());
    assert.equal(closed.kind, "notSent");
  });
});
