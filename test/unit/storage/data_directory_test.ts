import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../../harness/test.ts";
import { runToEnd, scriptCommand, start } from "../../harness/child.ts";
import { configurationOf, entryAt } from "../../harness/log_model.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { SimulatedFiles } from "../../harness/simulated_files.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { FatalStorageError, type Identity } from "../../../src/node/ports.ts";
import {
  type DataDirectory,
  type DataDirectoryOptions,
  openDataDirectory,
} from "../../../src/storage/directory/data_directory.ts";
import { nodeFiles } from "../../../src/storage/directory/files.ts";
import {
  IdentityFile,
  identityText,
  parseIdentity,
} from "../../../src/storage/directory/identity_file.ts";
import { DataDirectoryError } from "../../../src/storage/directory/kept_file.ts";
import { MarkFile } from "../../../src/storage/directory/mark_file.ts";
import { crc32c } from "../../../src/lib/crc32c.ts";
import { ReserveFile } from "../../../src/storage/directory/reserve_file.ts";
import { runtime } from "../../conformance/storage_engine_places.ts";

const identity: Identity = {
  ...{ clusterId: "test", nodeId: 2, incarnation: "0123456789abcdef", starts: 3, logEpoch: 1 },
  ...{ recovering: false, birth: configurationOf([1, 2, 3]) },
};

function open(path: string, options: Partial<DataDirectoryOptions> = {}): DataDirectory {
  return openDataDirectory({
    ...{ path, engine: "sqlite", openSqlite: runtime.openSqlite, clock: new ManualClock() },
    ...{ onFatal: (error) => assert.fail(error), expected: { clusterId: "test", nodeId: 2 } },
    ...{ reserveBytes: 100_000, ...options },
  });
}

function openError(path: string, options: Partial<DataDirectoryOptions> = {}): Error {
  try {
    open(path, options).close();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail("The directory was opened");
}

/** A directory in use: an identity and one write. */
function used(path: string, engine: "sqlite" | "file" = "sqlite"): void {
  const directory = open(path, { engine });
  directory.identity.save(identity, () => {});
  directory.engine.persist({ number: 1, entries: [entryAt(1, 1)] }, () => {});
  directory.close();
}

describe("a data directory", () => {
  for (const engine of ["sqlite", "file"] as const) {
    it(`is made, used and found again, with the log on ${engine}`, () => {
      using temp = makeTempDir("data");
      const path = join(temp.path, "not", "yet", "there");
      used(path, engine);
      const again = open(path, { engine });
      assert.deepEqual(again.identity.load(), identity);
      assert.equal(again.engine.stored().batchNumber, 1);
      assert.ok(again.engine.space().freeBytes > 1000);
      assert.equal(readFileSync(join(path, "pid"), "utf8"), `${process.pid}\n`);
      again.close();
      assert.equal(existsSync(join(path, "pid")), false);
    });
  }

  it("of another node or cluster is refused by name", () => {
    using temp = makeTempDir("data");
    used(temp.path);
    const error = openError(temp.path, { expected: { clusterId: "prod", nodeId: 1 } });
    assert.ok(error instanceof DataDirectoryError, String(error));
    assert.equal(
      error.message,
      `Data directory ${temp.path} belongs to node 2 of cluster "test", ` +
        'but this is node 1 of cluster "prod"',
    );
    assert.match(openError(temp.path, { expected: { nodeId: 3 } }).message, /this is node 3/);
    open(temp.path, { expected: {} }).close();
  });

  it("that is a file, or cannot be made, is refused", () => {
    using temp = makeTempDir("data");
    writeFileSync(join(temp.path, "file"), "");
    for (const path of [join(temp.path, "file"), "/proc/skein-data"]) {
      const error = openError(path);
      assert.ok(error instanceof DataDirectoryError, String(error));
      assert.match(error.message, new RegExp(`^Data directory ${path} cannot be used: E`));
    }
  });

  it("is not opened by the other engine", () => {
    using temp = makeTempDir("data");
    used(temp.path);
    assert.match(openError(temp.path, { engine: "file" }).message, /a log of the sqlite engine/);
    using other = makeTempDir("data");
    used(other.path, "file");
    assert.match(openError(other.path).message, /a log of the file engine/);
  });

  it("whose identity was taken away is refused, as often as it is tried", () => {
    using temp = makeTempDir("data");
    used(temp.path);
    rmSync(join(temp.path, "identity.json"));
    for (let i = 0; i < 2; i++) {
      assert.match(
        openError(temp.path).message,
        /identity\.json is missing from .* raft\.db holds/,
      );
    }
  });

  it("whose log was taken away is behind its mark; without the mark it is refused", () => {
    for (const engine of ["sqlite", "file"] as const) {
      using temp = makeTempDir("data");
      used(temp.path, engine);
      const log = join(temp.path, engine === "sqlite" ? "raft.db" : "raft");
      rmSync(log, { recursive: true });
      const behind = open(temp.path, { engine });
      const { batchNumber, mark } = behind.engine.stored();
      assert.deepEqual([batchNumber, mark?.batchNumber], [0, 1]);
      behind.close();
      rmSync(log, { recursive: true });
      rmSync(join(temp.path, "raft.mark"));
      for (let i = 0; i < 2; i++) {
        assert.match(openError(temp.path, { engine }).message, /is missing from .*raft\.mark/);
      }
    }
  });

  it("that was only just born may lack an identity", () => {
    using temp = makeTempDir("data");
    open(temp.path).close();
    const again = open(temp.path);
    assert.equal(again.identity.load(), undefined);
    again.close();
  });

  it("with files of a newer format, or of another program, is refused by name", () => {
    const changes = [
      ["raft.db", "PRAGMA user_version = 2", /raft\.db has format 2, this program knows 1/],
      [
        "raft.db",
        "PRAGMA application_id = 7",
        /raft\.db is a database of another program\. Move it away/,
      ],
      ["lock.db", "PRAGMA user_version = 9", /lock\.db has format 9, this program knows 1/],
      ["lock.db", "PRAGMA application_id = 7", /lock\.db is not a lock file of this program/],
    ] as const;
    for (const [name, sql, message] of changes) {
      using temp = makeTempDir("data");
      used(temp.path);
      const database = runtime.openSqlite(join(temp.path, name));
      database.exec(sql);
      database.close();
      assert.match(openError(temp.path).message, message);
    }
    using temp = makeTempDir("data");
    used(temp.path);
    const text = readFileSync(join(temp.path, "identity.json"), "utf8");
    writeFileSync(join(temp.path, "identity.json"), text.replace('"format": 1', '"format": 2'));
    assert.match(openError(temp.path).message, /identity\.json has format 2, this program knows 1/);
  });
});

describe("the lock of a data directory", () => {
  const holder = fileURLToPath(new URL("./programs/lock_holder.ts", import.meta.url));

  it("keeps a second process out, names the first, and ends with its kill -9", async () => {
    using temp = makeTempDir("lock");
    const child = start([...scriptCommand(holder), temp.path]);
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise<void>((resolve) => child.stdout?.once("data", () => resolve()));
    const error = openError(temp.path);
    assert.ok(error instanceof DataDirectoryError, String(error));
    assert.equal(
      error.message,
      `Data directory ${temp.path} is in use by process ${child.pid}; ` +
        "one directory serves one process",
    );
    assert.equal(readFileSync(join(temp.path, "pid"), "utf8"), `${child.pid}\n`);
    child.kill("SIGKILL");
    await ended;
    open(temp.path).close();
  });

  it("is seen by the second process", async () => {
    using temp = makeTempDir("lock");
    const directory = open(temp.path);
    const { stdout, code } = await runToEnd([...scriptCommand(holder), temp.path]);
    assert.match(stdout, new RegExp(`in use by process ${process.pid}`));
    assert.equal(code, 1);
    directory.close();
  });

  it("is given back when the directory cannot be opened", () => {
    using temp = makeTempDir("lock");
    used(temp.path);
    openError(temp.path, { expected: { nodeId: 9 } });
    open(temp.path).close();
  });
});

describe("identity.json", () => {
  it("is replaced as a whole: a power cut leaves the old one or the new one", () => {
    const files = new SimulatedFiles();
    const store = new IdentityFile(files, "/data/identity.json");
    assert.equal(store.load(), undefined);
    for (let starts = 1; starts <= 3; starts++) {
      let isDone = false;
      store.save({ ...identity, starts }, () => isDone = true);
      assert.ok(isDone);
      files.cutPower();
      assert.equal(store.load()?.starts, starts);
    }
  });

  it("is found damaged by any bit that turned", () => {
    const { refused: _, ...plain } = identity;
    const joining = [{ id: 1, address: "a:1" }, { id: 7, address: "b:1" }];
    for (const each of [plain, { ...identity, refused: "removed" }, { ...identity, joining }]) {
      const text = identityText(each);
      assert.deepEqual(parseIdentity(text, "x"), each);
      for (let at = 0; at < text.length; at++) {
        const turned = Uint8Array.from(text);
        turned[at]! ^= 1 << (at % 7);
        let found: Identity | undefined;
        try {
          found = parseIdentity(turned, "/data/identity.json");
        } catch (error) {
          assert.ok(error instanceof DataDirectoryError, String(error));
          assert.match(error.message, /^\/data\/identity\.json (is damaged: |has format )/);
        }
        // White space between the members carries nothing.
        if (found !== undefined) assert.deepEqual(found, each, `byte ${at}`);
      }
    }
  });

  it("says which member is wrong, and what is allowed", () => {
    const start = { id: 2, incarnation: "0000000000002222", starts: 1, nonce: 1 };
    const wrong = [
      [{ nodeId: 0 }, /nodeId is 0, allowed is 1 … 2\^32 − 1/],
      [{ nodeId: 2 ** 32 }, /nodeId is 4294967296/],
      [{ incarnation: "xyz" }, /incarnation is "xyz", allowed is sixteen hexadecimal digits/],
      [{ starts: -1 }, /starts is -1/],
      [{ clusterId: "" }, /clusterId is ""/],
      [
        { joining: [{ id: 7, address: "b:1" }, { id: 1, address: "a:1" }] },
        /joining is .* allowed/,
      ],
      [
        { joining: [{ id: 0, address: "a:1" }] },
        /joining is .* addresses of nodes, ascending by id/,
      ],
      [{ peerStarts: [start, start] }, /peerStarts is .* ascending by id/],
      [{ peerStarts: [{ ...start, id: 0 }] }, /peerStarts is \[\{"id":0,/],
      [{ peerStarts: [{ ...start, incarnation: "xyz" }] }, /peerStarts is .*"xyz"/],
      [{ peerStarts: [{ ...start, starts: -1 }] }, /peerStarts is .*-1/],
      [{ peerStarts: [{ ...start, nonce: 0.5 }] }, /peerStarts is .*0\.5/],
    ] as const;
    for (const [change, message] of wrong) {
      const text = identityText({ ...identity, ...change });
      assert.throws(() => parseIdentity(text, "x"), message);
    }
    const parse = (text: string): Identity => parseIdentity(new TextEncoder().encode(text), "x");
    assert.throws(() => parse("{}"), /x has format undefined/);
    assert.throws(() => parse('{"format":1,"color":"red"}'), /unknown member color/);
    assert.throws(() => parse("[1]"), /not a JSON object/);
    assert.throws(() => parse("{"), /not JSON/);
  });
});

describe("raft.mark", () => {
  it("keeps the newest of its two slots, and the other one when a write is torn", () => {
    using temp = makeTempDir("mark");
    const path = join(temp.path, "raft.mark");
    const mark = new MarkFile(nodeFiles, path);
    assert.equal(mark.read(), undefined);
    for (let n = 1; n <= 5; n++) mark.write({ batchNumber: n, currentTerm: n * 2 });
    assert.deepEqual(mark.read(), { batchNumber: 5, currentTerm: 10 });
    mark.close();
    const bytes = readFileSync(path);
    assert.equal(bytes.length, 8192);
    for (let at = 0; at < 28; at++) {
      const turned = Uint8Array.from(bytes);
      turned[4096 + at]! ^= 1;
      writeFileSync(path, turned);
      const torn = new MarkFile(nodeFiles, path);
      assert.deepEqual(torn.read(), { batchNumber: 4, currentTerm: 8 });
      torn.close();
    }
  });

  it("is set back by reset, in both slots and synced", () => {
    const files = new SimulatedFiles();
    const mark = new MarkFile(files, "/data/raft.mark");
    mark.write({ batchNumber: 9, currentTerm: 3 });
    mark.write({ batchNumber: 10, currentTerm: 3 });
    mark.reset({ batchNumber: 7, currentTerm: 5 });
    files.cutPower();
    const again = new MarkFile(files, "/data/raft.mark");
    assert.deepEqual(again.read(), { batchNumber: 7, currentTerm: 5 });
    again.write({ batchNumber: 8, currentTerm: 5 });
    assert.deepEqual(again.read(), { batchNumber: 8, currentTerm: 5 });
  });

  it("of another size is made anew", () => {
    using temp = makeTempDir("mark");
    const path = join(temp.path, "raft.mark");
    writeFileSync(path, "short");
    const mark = new MarkFile(nodeFiles, path);
    assert.equal(mark.read(), undefined);
    mark.close();
    assert.equal(statSync(path).size, 8192);
  });

  it("of a newer format is refused", () => {
    const files = new SimulatedFiles();
    const mark = new MarkFile(files, "/data/raft.mark");
    mark.write({ batchNumber: 2, currentTerm: 1 });
    const file = files.open("/data/raft.mark", "existing");
    const slot = file.read(0, 28);
    slot[4] = 2;
    file.write(withCrc(slot), 0);
    assert.throws(() => mark.read(), FatalStorageError);
  });
});

describe("the reserve", () => {
  function reserve(path: string, free: () => number): ReserveFile {
    return new ReserveFile({ files: nodeFiles, path, reserveBytes: 100_000, freeBytes: free });
  }

  it("is taken, given away when the disk runs full, and taken back", () => {
    using temp = makeTempDir("reserve");
    const path = join(temp.path, "reserve");
    let free = 1_000_000;
    const file = reserve(path, () => free);
    assert.equal(file.isHeld, false);
    assert.equal(file.poll(), 1_000_000);
    assert.equal(statSync(path).size, 100_000);
    free = 100_000;
    assert.equal(file.poll(), 100_000);
    assert.equal(file.isHeld, true);
    free = 99_999;
    assert.equal(file.poll(), 0, "the room that was given away is owed, not free");
    assert.equal(existsSync(path), false);
    free = 399_999;
    assert.equal(file.poll(), 299_999);
    assert.equal(file.isHeld, false);
    free = 400_000;
    assert.equal(file.poll(), 400_000);
    assert.equal(reserve(path, () => free).isHeld, true);
  });

  it("that was not filled to its end does not count", () => {
    using temp = makeTempDir("reserve");
    const path = join(temp.path, "reserve");
    writeFileSync(path, new Uint8Array(50_000));
    assert.equal(reserve(path, () => 0).isHeld, false);
  });
});

function withCrc(slot: Uint8Array): Uint8Array {
  const words = new DataView(slot.buffer, slot.byteOffset, slot.length);
  words.setUint32(24, crc32c(slot.subarray(0, 24)), true);
  return slot;
}
