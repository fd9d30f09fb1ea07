import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RestorePhase } from "../../src/kv/restore_command.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { BackupSchedule } from "../../src/server_backup_schedule.ts";
import { ServiceError } from "../../src/service/errors.ts";
import { fakeBackup, FakeBackupService } from "../harness/fake_backups.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const header = () => ({ revision: 9, servedBy: 1, leader: 1, clusterId: "c" });

function scheduled(
  options: { readonly dir?: string; readonly first?: string; readonly spaceLowBytes?: number },
) {
  const state: { nowMs: number; leads: boolean; isUnwritten: boolean; phase?: RestorePhase } = {
    ...{ nowMs: 0, leads: true, isUnwritten: true },
  };
  const lines: string[] = [];
  const backups = new FakeBackupService(header);
  backups.next = fakeBackup("b1", new Uint8Array(100));
  const schedule = new BackupSchedule({
    config: {
      ...{ clusterId: "c", dataDir: options.dir ?? "" },
      storage: { spaceLowBytes: options.spaceLowBytes ?? 0 },
      backup: {
        ...{ dir: options.dir ?? "", intervalMs: 3_600_000, keepMax: 2 },
        restoreOnFirstStart: options.first ?? "",
      },
    },
    backups,
    machine: {
      get isUnwritten() {
        return state.isUnwritten;
      },
      get restore() {
        const { phase } = state;
        return phase && { phase, over: "unwritten" } as const;
      },
    },
    isLeader: () => state.leads,
    clock: {
      monotonicMs: () => Math.max(0, state.nowMs),
      wallMs: () => 1_796_000_000_000 + state.nowMs,
      soon: (run) => void setImmediate(run),
    },
    logger: createLogger({
      ...{ level: "info", format: "text", write: (line: string) => void lines.push(line) },
      timestamp: () => "",
    }),
  });
  const told = (what: RegExp) =>
    until(() => lines.some((line) => what.test(line)), { what: String(what) });
  return { schedule, backups, state, lines, told };
}

/** Of the check of scheduled backups, which holds always. */
function detailOf(schedule: BackupSchedule): string {
  const check = schedule.checks().find(({ name }) => name === "backup");
  assert.equal(check?.ok, true);
  return check?.detail ?? "";
}

describe("Scheduled backups", () => {
  it("are saved when the newest is old, by whoever leads, and the oldest go", async () => {
    using temp = makeTempDir("scheduled");
    const { schedule, backups, state, lines, told } = scheduled({ dir: temp.path });
    state.leads = false;
    schedule.look();
    assert.equal(backups.made.length, 0);
    state.leads = true;
    for (let round = 1; round <= 3; round++) {
      schedule.look();
      // Another look while it is being made makes no other.
      schedule.look();
      await until(() => lines.filter((line) => /Backup saved/.test(line)).length === round, {
        what: "it to be saved",
      });
      await new Promise((resolve) => setImmediate(resolve));
      schedule.look();
      assert.equal(backups.made.length, round, "it is not old yet");
      state.nowMs += 3_600_000;
    }
    assert.equal(readdirSync(temp.path).length, 2);
    await told(/removed=/);
  });

  it("that fail are told and tried again later, and end nothing", async () => {
    using temp = makeTempDir("scheduled");
    const { schedule, backups, state, told } = scheduled({ dir: join(temp.path, "file", "dir") });
    writeFileSync(join(temp.path, "file"), "");
    schedule.look();
    await told(/(ERROR|error).*backup/i);
    schedule.look();
    const { length } = backups.made;
    state.nowMs += 59_999;
    schedule.look();
    assert.equal(backups.made.length, length);
    const fine = scheduled({ dir: join(temp.path, "fine") });
    fine.backups.next = new ServiceError("out_of_space", "The disk is full");
    fine.schedule.look();
    await fine.told(/The disk is full/);
    fine.backups.next = fakeBackup("b1", new Uint8Array(100));
    fine.state.nowMs += 60_000;
    await until(() => {
      fine.schedule.look();
      return fine.backups.made.length === 2;
    }, { what: "another attempt" });
    await fine.told(/Backup saved/);
  });
});

describe("A directory of scheduled backups", () => {
  it("loses what is more than is kept before another one is made, due or not", async () => {
    using temp = makeTempDir("scheduled");
    const names = ["00", "10", "20", "30"].map((at) => `c-20261130T00${at}00Z-r9.skein`);
    for (const name of names) writeFileSync(join(temp.path, name), "");
    const full = scheduled({ dir: temp.path });
    full.state.nowMs += 3_600_000;
    full.backups.next = new ServiceError("out_of_space", "The disk is full");
    full.schedule.look();
    await full.told(/Old backups removed/);
    await full.told(/The disk is full/);
    assert.deepEqual(readdirSync(temp.path).sort(), names.slice(2));
    writeFileSync(join(temp.path, names[0]!), "");
    const fresh = scheduled({ dir: temp.path });
    fresh.schedule.look();
    await fresh.told(/Old backups removed/);
    assert.equal(fresh.backups.made.length, 0);
    assert.deepEqual(readdirSync(temp.path).sort(), names.slice(2));
  });

  it("takes no more of the store's disk than may be taken, and says so", async () => {
    using temp = makeTempDir("scheduled");
    const { schedule, backups, state, told } = scheduled({
      dir: temp.path,
      spaceLowBytes: 2 ** 50,
    });
    schedule.look();
    await told(
      /warn.*no room.*a backup of 100 bytes storage.space_low_bytes, 1125899906842624/i,
    );
    assert.match(detailOf(schedule), /none could be saved: \d+ bytes are free in /);
    await new Promise((resolve) => setImmediate(resolve));
    state.nowMs += 599_999;
    schedule.look();
    assert.equal(backups.made.length, 1, "it is not made again and again in vain");
    state.nowMs += 1;
    schedule.look();
    await until(() => backups.made.length === 2, { what: "another attempt" });
    assert.deepEqual(readdirSync(temp.path), []);
  });

  it("is told of where readiness is asked for, which it never spoils", async () => {
    using temp = makeTempDir("scheduled");
    const { schedule, backups, state, told } = scheduled({ dir: temp.path });
    assert.match(detailOf(schedule), /^no backup was found in /);
    schedule.look();
    await told(/Backup saved/);
    const made = /^the last backup in .* was made at 2026-11-30T\S+$/;
    assert.match(detailOf(schedule), made);
    backups.next = new ServiceError("overloaded", "No image could be made");
    state.nowMs += 3_600_000;
    await until(() => {
      schedule.look();
      return /; at 2026-\S+ none could be saved: No image could be made$/.test(detailOf(schedule));
    }, { what: "the failure to be shown" });
    backups.next = fakeBackup("b2", new Uint8Array(100));
    state.nowMs += 60_000;
    await until(() => {
      schedule.look();
      return made.test(detailOf(schedule));
    }, { what: "the next one" });
    state.leads = false;
    assert.match(detailOf(schedule), /^whoever leads saves backups to /);
  });

  it("is not listed before another backup is due, while one node leads", async () => {
    using temp = makeTempDir("scheduled");
    const { schedule, backups, state, told, lines } = scheduled({ dir: temp.path });
    schedule.look();
    await told(/Backup saved/);
    await new Promise((resolve) => setImmediate(resolve));
    // Nobody would see that it is gone, nor wait for a disk that does not answer.
    for (const name of readdirSync(temp.path)) rmSync(join(temp.path, name));
    state.nowMs += 3_599_999;
    schedule.look();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(backups.made.length, 1);
    state.leads = false;
    schedule.look();
    state.leads = true;
    schedule.look();
    await until(() => lines.filter((line) => /Backup saved/.test(line)).length === 2, {
      what: "one that a new leader saves",
    });
  });

  it("does not end the backups where a clock was ahead once", async () => {
    using temp = makeTempDir("scheduled");
    writeFileSync(join(temp.path, "c-20991130T100258Z-r900.skein"), "");
    const { schedule, state, told, lines } = scheduled({ dir: temp.path });
    schedule.look();
    await told(/warn.*future.*c-20991130T100258Z-r900/i);
    await told(/Backup saved/);
    // And where it was this node's own.
    state.nowMs -= 7_200_000;
    await until(() => {
      schedule.look();
      return lines.filter((line) => /Backup saved/.test(line)).length === 2;
    }, { what: "one by the right clock" });
  });
});

describe("The backup to begin with", () => {
  it("is restored over a store that was never written to, once", async () => {
    using temp = makeTempDir("first");
    const file = join(temp.path, "first.skein");
    writeFileSync(file, new Uint8Array(700_000).fill(3));
    const { schedule, backups, state, told } = scheduled({ first: temp.path });
    schedule.look();
    await told(/Backup restored/);
    assert.equal(backups.restored?.over, "unwritten");
    assert.equal(backups.restored?.bytes.length, 700_000);
    backups.restored = undefined;
    state.phase = "done";
    for (let looks = 0; looks < 3; looks++) {
      await new Promise((resolve) => setImmediate(resolve));
      schedule.look();
    }
    assert.equal(backups.restored, undefined);
  });

  it("is left alone where something was written, as far as this node or apply knows", async () => {
    using temp = makeTempDir("first");
    writeFileSync(join(temp.path, "first.skein"), "x");
    const written = scheduled({ first: temp.path });
    written.state.isUnwritten = false;
    written.schedule.look();
    const { schedule, backups, state, told } = scheduled({ first: temp.path });
    backups.refusal = new ServiceError("conflict", "the store was written to before");
    backups.onRestore = () => state.isUnwritten = false;
    schedule.look();
    await told(/No backup was restored.*something was written/);
    assert.equal(written.backups.restored, undefined);
  });

  it("is tried again where nothing was written, whatever the refusal", async () => {
    using temp = makeTempDir("first");
    writeFileSync(join(temp.path, "first.skein"), "x");
    const { schedule, backups, state, told } = scheduled({ first: temp.path });
    backups.refusal = new ServiceError("conflict", "restore 00000000000000a1 is under way");
    schedule.look();
    await told(/is under way/);
    backups.refusal = undefined;
    state.nowMs += 5_000;
    await until(() => {
      schedule.look();
      return backups.restored;
    }, { what: "the second attempt" });
  });

  it("is not restored where another node has committed one, and that is told", async () => {
    using temp = makeTempDir("first");
    writeFileSync(join(temp.path, "first.skein"), "x");
    const { schedule, backups, state, told } = scheduled({ first: temp.path });
    for (const phase of ["clearing", "loading", "starting"] as const) {
      state.phase = phase;
      schedule.look();
      assert.equal(backups.restored, undefined, phase);
    }
    state.phase = "dropping";
    backups.refusal = new ServiceError("conflict", "the store was written to before");
    backups.onRestore = () => state.phase = "done";
    schedule.look();
    await told(/No backup was restored.*another one was/);
  });

  it("keeps every node that names it from being ready, with what stands in its way", async () => {
    using temp = makeTempDir("first");
    const follower = scheduled({ first: temp.path });
    follower.state.leads = false;
    const { schedule, state, told } = scheduled({ first: temp.path });
    schedule.look();
    await told(/holds no backup/);
    for (
      const [asked, cause] of [[follower.schedule, ""], [schedule, "holds no backup"]] as const
    ) {
      const [check] = asked.checks();
      assert.deepEqual([check?.name, check?.ok], ["first_restore", false]);
      assert.match(check?.detail ?? "", new RegExp(`restore_on_first_start, .*${cause}$`));
    }
    assert.deepEqual(scheduled({}).schedule.checks(), []);
    state.isUnwritten = false;
    assert.equal(schedule.checks()[0]?.ok, true);
  });

  it("is waited for where it is not there, or cannot be restored now", async () => {
    using temp = makeTempDir("first");
    const { schedule, backups, state, told, lines } = scheduled({ first: temp.path });
    schedule.look();
    await told(/holds no backup/);
    writeFileSync(join(temp.path, "first.skein"), "x");
    backups.refusal = new ServiceError("no_leader", "There is no leader");
    state.nowMs += 5_000;
    await until(() => {
      schedule.look();
      return lines.some((line) => /There is no leader/.test(line));
    }, { what: "the second attempt" });
    backups.refusal = undefined;
    state.nowMs += 5_000;
    await until(() => {
      schedule.look();
      return backups.restored;
    }, { what: "the third" });
    await told(/Backup restored/);
  });
});
