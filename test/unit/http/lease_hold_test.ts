/** Leases that live as long as a connection. The clock of the holds goes by hand. */

import { ServiceError } from "../../../src/service/errors.ts";
import type { NodeLeaseHoldService } from "../../../src/service/lease_holds.ts";
import { type FakeKvService, holdsOf } from "../../harness/fake_services.ts";
import { FrameReader, type ReadFrame } from "../../harness/frame_reader.ts";
import { HandClock, HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

let kv: FakeKvService;
let probe: HttpProbe;
let clock: HandClock;
let holds: NodeLeaseHoldService;

beforeEach(async () => {
  ({ kv } = new HttpProbe());
  clock = new HandClock();
  holds = holdsOf(kv, clock);
  probe = new HttpProbe({ kv, holds });
  await grant("7", "30s");
});

afterEach(async () => {
  await probe.leave();
  assert.deepEqual([holds.size, clock.timers], [0, 0], "whoever has gone holds nothing");
  assert.deepEqual(probe.internalErrors, []);
});

async function grant(id: string, ttl: string): Promise<void> {
  await probe.json("POST /v1/leases", 201, jsonInit({ ttl, id }));
}

function hold(query = "", lease = "7"): Promise<FrameReader> {
  return probe.follow(`/v1/leases/${lease}/hold${query}`);
}

/** The next frame, which comes when so much time has passed; after it the stream has not moved. */
async function after(ms: number, reader: FrameReader): Promise<ReadFrame | undefined> {
  const next = reader.next();
  await until(() => clock.timers > 0, { what: "the hold to wait" });
  clock.advance(ms);
  return await next;
}

function shown(frame: ReadFrame | undefined): string {
  return frame === undefined ? "end" : `${frame.event} ${JSON.stringify(frame.data)}`;
}

async function isThere(lease = "7"): Promise<boolean> {
  return (await probe.ask(`GET /v1/leases/${lease}`)).status === 200;
}

const held = 'held {"lease":"7","ttl_ms":30000}';

function noLeader(): never {
  throw new ServiceError("no_leader", "No leader is known", { retryable: true });
}

describe("GET /v1/leases/{id}/hold", () => {
  it("gives the lease its whole time at once, and says so", async () => {
    kv.store.apply({ kind: "nothing" });
    const reader = await hold();
    assert.equal((await probe.json("GET /v1/leases/7", 200))["remaining_ms"], 30_000);
    assert.equal(shown(await reader.next()), held);
    assert.equal(reader.text, `retry: 1000\n\nevent: held\ndata: {"lease":"7","ttl_ms":30000}\n\n`);
    const { headers } = reader;
    assert.equal(headers.get("Content-Type"), "text/event-stream");
    assert.equal(headers.get("KV-Revision"), "1");
    assert.equal(headers.get("X-Accel-Buffering"), "no");
  });

  it("does so again every third of that time, and not sooner", async () => {
    const reader = await hold("?format=ndjson");
    assert.equal(shown(await reader.next()), held);
    const { writes } = kv;
    const quiet = shown(await after(9_999, reader));
    assert.equal(quiet, 'holding {"lease":"7","remaining_ms":20001}');
    assert.equal(kv.writes, writes);
    for (const ms of [1, 10_000, 10_000]) {
      assert.equal(shown(await after(ms, reader)), held);
    }
    assert.equal(kv.writes, writes + 3);
    assert.deepEqual(kv.lastWrite?.operation, { kind: "keepLeases", ids: ["7"] });
    assert.equal(reader.headers.get("Content-Type"), "application/x-ndjson");
  });

  it("counts from when the keepalive was asked for, as the lease may do", async () => {
    const reader = await hold("?format=ndjson");
    await reader.next();
    kv.after = () => clock.advance(3_000);
    assert.equal(shown(await after(10_000, reader)), held);
    assert.equal(clock.nowMs, 13_000);
    kv.after = () => {};
    assert.match(shown(await after(6_999, reader)), /^holding .*"remaining_ms":20001/);
    assert.equal(shown(await after(1, reader)), held);
  });

  it("sends a comment every five seconds, where there is nothing to tell", async () => {
    const reader = await hold();
    await reader.next();
    const next = reader.next();
    await until(() => clock.timers > 0, { what: "the hold to wait" });
    clock.advance(5_000);
    await until(() => reader.comments === 1, { what: "a comment" });
    await until(() => clock.timers > 0, { what: "the hold to wait" });
    clock.advance(5_000);
    assert.equal(shown(await next), held);
  });

  it("ends after a minute with renew, and leaves the lease alive", async () => {
    const reader = await hold("?revoke=true");
    await reader.next();
    for (let third = 1; third <= 5; third++) {
      assert.equal(shown(await after(10_000, reader)), held);
    }
    assert.equal(
      shown(await after(10_000, reader)),
      'renew {"lease":"7","ttl_ms":30000,"remaining_ms":20000}',
    );
    assert.equal(await reader.next(), undefined);
    await reader.close();
    assert.equal(holds.size, 0);
    assert.ok(await isThere());
  });

  it("has a browser back within the time of a short lease", async () => {
    await grant("8", "1s");
    const reader = await hold("", "8");
    await reader.next();
    assert.match(reader.text, /^retry: 166\n/);
  });

  it("ends with lost where the lease has ended", async () => {
    const reader = await hold();
    await reader.next();
    await probe.ask("DELETE /v1/leases/7");
    const frame = await after(10_000, reader);
    const { code, detail } = Object(frame?.data["error"]);
    assert.deepEqual([frame?.event, code, detail], [
      ...["lost", "lease_not_found", "There is no lease 7"],
    ]);
    assert.equal(await reader.next(), undefined);
  });

  it("ends with closing when the node does, at once", async () => {
    const reader = await hold("?revoke=true");
    await reader.next();
    const next = reader.next();
    await until(() => clock.timers > 0, { what: "the hold to wait" });
    holds.close();
    assert.equal(shown(await next), 'closing {"lease":"7"}');
    assert.equal(await reader.next(), undefined);
    assert.ok(await isThere(), "its holder goes on at another node");
    await probe.problem("GET /v1/leases/7/hold", "503 draining");
  });

  it("ends with closing in the middle of a keepalive as well", async () => {
    const reader = await hold();
    await reader.next();
    const asked = Promise.withResolvers<void>();
    kv.before = () => {
      asked.resolve();
      const { signal } = kv.lastWrite!.options;
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(new ServiceError("timeout", "Gone")));
      });
    };
    const next = after(10_000, reader);
    await asked.promise;
    holds.close();
    assert.equal(shown(await next), 'closing {"lease":"7"}');
  });
});

describe("A lease that is held", () => {
  it("lives on for its time when its holder goes", async () => {
    const reader = await hold();
    await reader.next();
    await reader.close();
    assert.equal(holds.size, 0);
    assert.notEqual(kv.lastWrite?.operation.kind, "revokeLease");
    assert.ok(await isThere());
  });

  it("ends with its holder where that is asked for", async () => {
    await probe.json("PUT /v1/kv/a?lease=7", 201);
    const reader = await hold("?revoke");
    await reader.next();
    await reader.close();
    await until(async () => !(await isThere()), { what: "the lease to end" });
    await probe.problem("GET /v1/kv/a", "404 key_not_found");
  });

  it("is left to end by itself, where it cannot be revoked", async () => {
    const reader = await hold("?revoke=true");
    await reader.next();
    kv.before = noLeader;
    await reader.close();
    assert.deepEqual(kv.lastWrite?.operation, { kind: "revokeLease", id: "7" });
    kv.before = () => {};
    assert.ok(await isThere());
  });

  it("is tried to be kept as long as it may live, and says what is wrong", async () => {
    const reader = await hold("?format=ndjson");
    await reader.next();
    kv.before = noLeader;
    const failing = await after(10_000, reader);
    const { code, detail, retryable } = Object(failing?.data["error"]);
    assert.deepEqual([failing?.event, failing?.data["remaining_ms"]], ["failing", 20_000]);
    assert.deepEqual([code, detail, retryable], ["no_leader", "No leader is known", true]);
    assert.equal((await after(1_000, reader))?.event, "failing", "after a pause it is tried again");
    kv.before = () => {};
    assert.equal(shown(await after(1_000, reader)), held);
    assert.equal(clock.nowMs, 12_000);
    assert.equal((await after(9_999, reader))?.event, "holding");
    assert.equal(shown(await after(1, reader)), held);
  });

  it("is lost once it could not be kept in all its time, whatever has become of it", async () => {
    const reader = await hold("?format=ndjson&revoke=true");
    await reader.next();
    kv.before = (asked) => asked === "write" ? noLeader() : undefined;
    for (let ms = 10_000; ms < 30_000; ms += 1_000) {
      const frame = await after(ms === 10_000 ? ms : 1_000, reader);
      assert.deepEqual([frame?.event, frame?.data["remaining_ms"]], ["failing", 30_000 - ms]);
    }
    const lost = await after(1_000, reader);
    assert.deepEqual([lost?.event, Object(lost?.data["error"])["code"]], ["lost", "no_leader"]);
    assert.equal(await reader.next(), undefined);
    await reader.close();
    assert.notEqual(kv.lastWrite?.operation.kind, "revokeLease");
  });

  it("has time for a second keepalive where the first is lost on its way", async () => {
    await grant("8", "3s");
    const reader = await hold("", "8");
    await reader.next();
    assert.equal((await after(1_000, reader))?.event, "held");
    assert.equal(kv.lastWrite?.options.timeoutMs, 1_000);
  });
});

describe("A hold is refused", () => {
  it("where there is no such lease, or the path names none", async () => {
    const { detail } = await probe.problem("GET /v1/leases/8/hold", "404 lease_not_found");
    assert.equal(detail, "There is no lease 8");
    await probe.problem("GET /v1/leases/x/hold", "400 bad_request");
    await probe.problem("POST /v1/leases/7/hold", "405 method_not_allowed");
  });

  it("where its options make no sense", async () => {
    for (const query of ["?revoke=maybe", "?format=json", "?ttl=3s", "?if_match=3"]) {
      await probe.problem(`GET /v1/leases/7/hold${query}`, "400 validation_failed");
    }
  });

  it("without a leader, at the start", async () => {
    kv.before = noLeader;
    await probe.problem("GET /v1/leases/7/hold", "503 no_leader");
  });

  it("to the page of another site, which would change something with it", async () => {
    const { writes } = kv;
    const init = { headers: { "Sec-Fetch-Site": "cross-site" } };
    await probe.problem("GET /v1/leases/7/hold?revoke=true", "403 forbidden", init);
    assert.equal(kv.writes, writes);
    assert.ok(await isThere());
  });

  it("above the limit", async () => {
    const one = holdsOf(kv, clock, 1);
    const full = new HttpProbe({ kv, holds: one });
    const url = "http://127.0.0.1:7400/v1/leases/7/hold";
    const first = await full.app.fetch(new Request(url), {});
    assert.equal(first.status, 200);
    const { detail } = await full.problem("GET /v1/leases/7/hold", "429 overloaded");
    assert.match(detail, /^1 leases are held through this node, which is the limit/);
    await first.body?.cancel();
    await full.problem("GET /v1/leases/8/hold", "404 lease_not_found");
    assert.equal(one.size, 0, "a refusal holds no place");
  });

  it("by nothing for HEAD, which keeps nothing alive and revokes nothing", async () => {
    const { writes } = kv;
    const answer = await probe.ask("HEAD /v1/leases/7/hold?revoke=true");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("Content-Type"), "text/event-stream");
    assert.equal((await probe.ask("HEAD /v1/leases/8/hold")).status, 404);
    assert.equal(kv.writes, writes);
    assert.ok(await isThere());
  });
});
