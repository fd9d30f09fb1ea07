import type { KvService, ReadOptions } from "../../../src/service/contract.ts";
import { NodeBackupService } from "../../../src/service/backup_service.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import {
  backupKeptMs,
  KeptBackups,
  type RemovableBackup,
} from "../../../src/service/kept_backups.ts";
import { newSha256 } from "../../../src/storage/backup/backup_file.ts";
import { fakeBackup } from "../../harness/fake_backups.ts";
import { FakeKvService } from "../../harness/fake_services.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const asked: ReadOptions = { timeoutMs: 1_000, requestId: "r", level: "linearizable" };

/** Timers that run when they are told to. */
class Timers {
  nowMs = 0;
  #due: { readonly atMs: number; readonly run: () => void }[] = [];

  readonly after = (ms: number, run: () => void): () => void => {
    const timer = { atMs: this.nowMs + ms, run };
    this.#due.push(timer);
    return () => this.#due = this.#due.filter((each) => each !== timer);
  };

  get count(): number {
    return this.#due.length;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const due = this.#due.filter(({ atMs }) => atMs <= this.nowMs);
    this.#due = this.#due.filter(({ atMs }) => atMs > this.nowMs);
    for (const { run } of due) run();
  }
}

interface Making {
  readonly finish: (made: RemovableBackup | undefined) => void;
  readonly fail: (error: Error) => void;
}

function served(kv: KvService = new FakeKvService()) {
  const timers = new Timers();
  const makings: Making[] = [];
  const removed: string[] = [];
  const state = { full: "", isRestoring: false };
  const service = new NodeBackupService({
    ...{ kv, self: 1, newSha256, rest: () => Promise.resolve() },
    clock: { monotonicMs: () => timers.nowMs, after: timers.after },
    holdFile: () => {
      throw new Error("Nothing is restored");
    },
    drawId: () => "00000000000000a1",
    store: { restore: undefined, status: () => ({ liveKeys: 0, leases: 0 }) },
    limits: { restoreBytesMax: 1e9 },
    isRestoring: () => state.isRestoring,
    outOfSpace: () => state.full || undefined,
    makeBackup: () =>
      new Promise((resolve, reject) => makings.push({ finish: resolve, fail: reject })),
  });
  const backup = (tag: string): RemovableBackup => ({
    ...fakeBackup(tag, new Uint8Array(10)),
    remove: () => removed.push(tag),
  });
  const making = (at: number) => until(() => makings[at], { what: `backup ${at} to be made` });
  return { service, timers, makings, removed, state, backup, making };
}

describe("Backups through a node", () => {
  it("are made one at a time, each for all who asked before it began", async () => {
    const { service, making, makings, backup } = served();
    const first = service.make(asked);
    await making(0);
    // The first is no answer for these: they may have seen what came after it began.
    const second = service.make(asked);
    const third = service.make(asked);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(makings.length, 1);
    makings[0]!.finish(backup("b1"));
    assert.equal((await first).backup.tag, "b1");
    (await making(1)).finish(backup("b2"));
    assert.deepEqual([(await second).backup.tag, (await third).backup.tag], ["b2", "b2"]);
    assert.equal(makings.length, 2);
  });

  it("go on after one that failed", async () => {
    const { service, making, backup } = served();
    const first = service.make(asked);
    const failing = assert.rejects(first, /no such disk/);
    (await making(0)).fail(new Error("no such disk"));
    await failing;
    const second = service.make(asked);
    (await making(1)).finish(backup("b2"));
    assert.equal((await second).backup.tag, "b2");
  });

  it("wait for an image that cannot be made now, and not for ever", async () => {
    const { service, making, timers, backup } = served();
    const first = service.make(asked);
    (await making(0)).finish(undefined);
    await until(() => timers.count > 0, { what: "a pause" });
    timers.pass(500);
    (await making(1)).finish(backup("b1"));
    assert.equal((await first).backup.tag, "b1");
    const second = service.make(asked);
    const refused = assert.rejects(second, (error) => {
      return error instanceof ServiceError && error.code === "overloaded" && error.retryable;
    });
    (await making(2)).finish(undefined);
    await until(() => timers.count > 1, { what: "a pause beside the life of the first" });
    timers.pass(60_000);
    (await making(3)).finish(undefined);
    await refused;
  });

  it("try for an image ever more seldom", async () => {
    const { service, making, timers, backup } = served();
    const made = service.make(asked);
    let attempt = 0;
    for (const restMs of [500, 1_000, 2_000, 4_000, 8_000, 8_000]) {
      (await making(attempt++)).finish(undefined);
      await until(() => timers.count > 0, { what: "a pause" });
      timers.pass(restMs - 1);
      assert.equal(timers.count, 1, `it rests for ${restMs} ms`);
      timers.pass(1);
    }
    (await making(attempt)).finish(backup("b1"));
    assert.equal((await made).backup.tag, "b1");
  });

  it("wait for no image once the node ends", async () => {
    const { service, making, timers } = served();
    const refused = assert.rejects(service.make(asked), (error) => {
      return error instanceof ServiceError && error.code === "draining";
    });
    (await making(0)).finish(undefined);
    await until(() => timers.count > 0, { what: "a pause" });
    service.close();
    await refused;
  });

  it("are refused where a restore under way outlasts the wait", async () => {
    const { service, making, timers, state } = served();
    state.isRestoring = true;
    const refused = assert.rejects(service.make(asked), (error) => {
      return error instanceof ServiceError && error.code === "not_ready" && error.retryable;
    });
    (await making(0)).finish(undefined);
    await until(() => timers.count > 0, { what: "a pause" });
    timers.pass(60_000);
    (await making(1)).finish(undefined);
    await refused;
  });

  it("are refused on a full disk, and where the read is", async () => {
    const { service, state, makings } = served();
    state.full = "no room";
    await assert.rejects(service.make(asked), /no room/);
    const kv = new FakeKvService();
    kv.before = () => {
      throw new ServiceError("no_leader", "There is no leader");
    };
    await assert.rejects(served(kv).service.make(asked), /There is no leader/);
    assert.equal(makings.length, 0);
  });

  it("are not waited for by who has gone", async () => {
    const { service, making } = served();
    const gone = new AbortController();
    const asking = service.make({ ...asked, signal: gone.signal });
    await making(0);
    gone.abort();
    await assert.rejects(asking, /went away/);
  });

  it("are removed when the node ends, also the one that is being made", async () => {
    const { service, making, backup, removed } = served();
    const first = service.make(asked);
    (await making(0)).finish(backup("b1"));
    await first;
    const second = service.make(asked);
    const last = await making(1);
    service.close();
    assert.deepEqual(removed, ["b1"]);
    last.finish(backup("b2"));
    await second;
    assert.deepEqual(removed, ["b1", "b2"]);
  });
});

describe("Kept backups", () => {
  function kept() {
    const timers = new Timers();
    const removed: string[] = [];
    const keeper = new KeptBackups(timers.after);
    const add = (tag: string): void => {
      keeper.add({ ...fakeBackup(tag, new Uint8Array(1)), remove: () => removed.push(tag) });
    };
    return { timers, removed, keeper, add };
  }

  it("are the two newest", () => {
    const { keeper, add, removed } = kept();
    for (const tag of ["b1", "b2", "b3"]) add(tag);
    assert.deepEqual(removed, ["b1"]);
    assert.deepEqual(["b1", "b2", undefined].map((tag) => keeper.find(tag)?.tag), [
      undefined,
      "b2",
      "b3",
    ]);
  });

  it("are kept for who reads them, also once they are not kept for others", () => {
    const { timers, add, keeper, removed } = kept();
    add("b1");
    const reading = keeper.find("b1")?.reader();
    for (let minutes = 0; minutes < 60; minutes++) {
      timers.pass(60_000);
      assert.equal(reading?.read(0, 1).length, 1);
    }
    assert.deepEqual(removed, []);
    add("b2");
    add("b3");
    assert.deepEqual(removed, ["b1"]);
    assert.equal(reading?.read(0, 1).length, 1);
    timers.pass(backupKeptMs);
    assert.deepEqual(removed, ["b1", "b2", "b3"]);
  });

  it("go when nobody has asked for them for long", () => {
    const { timers, keeper, add, removed } = kept();
    add("b1");
    timers.pass(backupKeptMs - 1);
    keeper.find("b1");
    timers.pass(backupKeptMs - 1);
    assert.deepEqual(removed, []);
    timers.pass(1);
    assert.deepEqual(removed, ["b1"]);
    assert.equal(keeper.find(undefined), undefined);
  });
});
