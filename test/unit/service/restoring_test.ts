import { createHash } from "node:crypto";
import type { Operation } from "../../../src/kv/command.ts";
import type { Result } from "../../../src/kv/result.ts";
import type { RestoreRequest } from "../../../src/service/contract.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { Restoring } from "../../../src/service/restoring.ts";
import { newSha256 } from "../../../src/storage/backup/backup_file.ts";
import { HeldFilesInMemory } from "../../../src/storage/backup/held_files.ts";
import { backupOf, randomStore } from "../../harness/backups.ts";
import { put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { valuesOf } from "../../harness/restoring.ts";
import { assert, describe, it } from "../../harness/test.ts";

const origin = randomStore(31, { operations: 400, purge: true });
const backup = backupOf(origin.tables);
const options = { timeoutMs: 60_000, requestId: "r" };

/** A store behind a service whose answers `meddle` may take away. */
function served(meddle: (operation: Operation) => ServiceError | undefined = () => undefined) {
  const store = new MemoryStore();
  const asked: Operation["kind"][] = [];
  const files = new HeldFilesInMemory();
  const held = { now: 0 };
  const isOver = { now: false };
  const full: { why: string | undefined } = { why: undefined };
  const look = { count: 0 };
  const restoring = new Restoring({
    kv: {
      write: (operation) => {
        asked.push(operation.kind);
        const result: Result = store.do(operation);
        const error = meddle(operation);
        if (error !== undefined) return Promise.reject(error);
        const header = { revision: 1, servedBy: 1, leader: 1, clusterId: "c" };
        return Promise.resolve({ result, header });
      },
    },
    ...{ self: 1, newSha256, rest: () => Promise.resolve(), drawId: () => "00000000000000a1" },
    clock: {
      monotonicMs: () => performance.now(),
      after: (_ms, run) => {
        // Whoever leads takes steps meanwhile.
        if (!isOver.now) {
          store.do({ kind: "stepRestore", id: "00000000000000a1", recordsMax: 50 });
        }
        const timer = setImmediate(run);
        return () => clearImmediate(timer);
      },
    },
    holdFile: () => {
      held.now++;
      const file = files.create();
      return { ...file, remove: () => void held.now-- };
    },
    outOfSpace: () => full.why,
    store: {
      status: () => store.machine.status(),
      get restore() {
        const { restore } = store.machine;
        // One of them finds the disk full.
        return restore?.phase === "loading" && ++look.count === 2 ? undefined : restore;
      },
    },
    limits: { restoreBytesMax: 1_000_000 },
  });
  return { store, asked, restoring, held, isOver, full, look };
}

function request(bytes: Uint8Array, more: Partial<RestoreRequest> = {}): RestoreRequest {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1_000) yield bytes.slice(at, at + 1_000);
  }
  return {
    ...{ pieces: pieces(), sha256: undefined, over: "empty" as const, verifyOnly: false, above: 0 },
    ...more,
  };
}

const lost = (): ServiceError =>
  new ServiceError("leader_changed", "The leader changed", { outcome: "unknown" });

async function refusalOf(work: Promise<unknown>): Promise<ServiceError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ServiceError, String(error));
    return error;
  }
  throw new Error("It was done");
}

describe("Restoring through a node", () => {
  it("takes it over, whole", async () => {
    const { restoring, store, held } = served();
    const { revision, backup: told } = await restoring.restore(request(backup), options);
    assert.equal(revision, origin.machine.revision + 1);
    assert.deepEqual([told.revision, told.bytes], [origin.machine.revision, backup.length]);
    assert.deepEqual(valuesOf(store), valuesOf(origin));
    assert.equal(held.now, 0);
  });

  it("asks again where an answer is lost, whichever it is", async () => {
    const seen = new Set<string>();
    const { restoring, store } = served((operation) => {
      if (seen.has(operation.kind)) return undefined;
      seen.add(operation.kind);
      return lost();
    });
    await restoring.restore(request(backup), options);
    assert.deepEqual([...seen], ["beginRestore", "stageRestore", "commitRestore"]);
    assert.deepEqual(valuesOf(store), valuesOf(origin));
  });

  it("proposes nothing of what is damaged, too long, or another one than was told", async () => {
    const { restoring, asked, held } = served();
    const bad = backup.slice();
    bad[500]! ^= 1;
    const damaged = await refusalOf(restoring.restore(request(bad), options));
    assert.equal(damaged.code, "validation_failed");
    assert.match(
      damaged.message,
      /^The backup is damaged at byte \d+: a block has a wrong checksum$/,
    );
    const other = await refusalOf(
      restoring.restore(request(backup, { sha256: new Uint8Array(32) }), options),
    );
    assert.equal(other.code, "bad_request");
    const tooLarge = await refusalOf(restoring.restore(request(longBackup()), options));
    assert.equal(tooLarge.code, "request_too_large");
    for (const error of [damaged, other, tooLarge]) assert.equal(error.outcome, "not_applied");
    assert.deepEqual(asked, []);
    assert.equal(held.now, 0);
  });

  it("only looks where that is asked for", async () => {
    const { restoring, asked } = served();
    const sha256 = new Uint8Array(createHash("sha256").update(backup).digest());
    const verified = await restoring.restore(
      request(backup, { verifyOnly: true, sha256 }),
      options,
    );
    assert.equal(verified.revision, undefined);
    assert.deepEqual(asked, []);
  });

  it("refuses at once where something would be lost", async () => {
    const { restoring, store, asked } = served();
    store.do(put("a", "1"));
    const { code, outcome } = await refusalOf(restoring.restore(request(backup), options));
    assert.deepEqual([code, outcome], ["conflict", "not_applied"]);
    assert.deepEqual(asked, []);
    await restoring.restore(request(backup, { over: "any" }), options);
    assert.deepEqual(valuesOf(store), valuesOf(origin));
  });

  it("gives up what it cannot stage, and the next one can begin", async () => {
    let isDown = true;
    const { restoring, store, asked } = served((operation) =>
      isDown && operation.kind === "stageRestore"
        ? new ServiceError("out_of_space", "The disk is full", { outcome: "not_applied" })
        : undefined
    );
    const { code, outcome } = await refusalOf(restoring.restore(request(backup), options));
    assert.deepEqual([code, outcome], ["out_of_space", "not_applied"]);
    assert.equal(asked.at(-1), "abortRestore");
    isDown = false;
    while (store.machine.restore !== undefined) {
      store.do({ kind: "stepRestore", id: "00000000000000a1", recordsMax: 500 });
    }
    await restoring.restore(request(backup), options);
    assert.deepEqual(valuesOf(store), valuesOf(origin));
  });

  it("goes no further for a client that has gone before all was sent", async () => {
    const gone = new AbortController();
    const { restoring, asked } = served((operation) => {
      if (operation.kind === "beginRestore") gone.abort();
      return undefined;
    });
    const work = restoring.restore(request(backup), { ...options, signal: gone.signal });
    assert.equal((await refusalOf(work)).outcome, "not_applied");
    assert.deepEqual(asked, ["beginRestore", "abortRestore"]);
  });

  it("says that it goes on where nothing comes of it for long", async () => {
    // The steps come to nothing: there is no quorum any more.
    const { restoring, isOver } = served((operation) => {
      if (operation.kind === "commitRestore") isOver.now = true;
      return undefined;
    });
    const { code, outcome } = await refusalOf(
      restoring.restore(request(backup), { ...options, timeoutMs: 30 }),
    );
    assert.deepEqual([code, outcome], ["timeout", "applied"]);
  });

  it("takes a look that fails for no answer", async () => {
    const { restoring, store, look } = served();
    const { revision } = await restoring.restore(request(backup), options);
    assert.ok(look.count >= 2, `${look.count} looks`);
    assert.equal(store.machine.restore?.phase, "done");
    assert.equal(revision, store.machine.revision);
  });

  it("receives no more where the disk runs full meanwhile", async () => {
    const { restoring, full, asked, held } = served();
    let pieces = 0;
    async function* filling(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < backup.length; at += 1_000) {
        if (++pieces === 3) full.why = "The disk is nearly full";
        yield backup.slice(at, at + 1_000);
      }
    }
    const work = restoring.restore(request(backup, { pieces: filling() }), options);
    const { code, outcome } = await refusalOf(work);
    assert.deepEqual([code, outcome, pieces], ["out_of_space", "not_applied", 3]);
    assert.deepEqual([asked, held.now], [[], 0]);
  });

  it("says that nothing was done where the body breaks off", async () => {
    const { restoring } = served();
    // deno-lint-ignore require-yield
    async function* broken(): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      throw new ServiceError("timeout", "Nothing more came", { retryable: true });
    }
    const work = restoring.restore(request(backup, { pieces: broken() }), options);
    const { code, outcome } = await refusalOf(work);
    assert.deepEqual([code, outcome], ["timeout", "not_applied"]);
  });

  it("leaves no blocks where somebody has written before its commit", async () => {
    let isFirst = true;
    const { restoring, store, asked } = served((operation) => {
      if (operation.kind === "stageRestore" && isFirst) {
        isFirst = false;
        store.do(put("meanwhile", "1"));
      }
      return undefined;
    });
    const { code } = await refusalOf(restoring.restore(request(backup), options));
    assert.equal(code, "conflict");
    assert.equal(asked.at(-1), "abortRestore");
    assert.equal(store.machine.restore?.phase, "dropping");
  });

  it("is one at a time", async () => {
    const { restoring } = served();
    const first = restoring.restore(request(backup), options);
    const { code, retryable } = await refusalOf(restoring.restore(request(backup), options));
    assert.deepEqual([code, retryable], ["overloaded", true]);
    await first;
  });
});

/** Of more than a million bytes. */
function longBackup(): Uint8Array {
  const store = new MemoryStore();
  for (const key of ["a", "b"]) store.do(put(key, new Uint8Array(600_000)));
  store.machine.commit();
  return backupOf(store.tables);
}
