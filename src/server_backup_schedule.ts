/**
 * Backups that nobody asks for: saved by whoever leads when the newest is old, and one that a
 * cluster that was just born begins with. What goes wrong is told in the log, and tried again.
 */

import { open } from "node:fs/promises";
import type { Config } from "./config/schema.ts";
import type { Logger } from "./lib/logger.ts";
import type { Clock } from "./node/ports.ts";
import type { BackupService, Check } from "./service/contract.ts";
import { ServiceError } from "./service/errors.ts";
import { awaitedRestore, type BegunStore, isBegun } from "./service/first_restore.ts";
import { backupCheck, firstRestoreCheck } from "./service/store_checks.ts";
import {
  aheadMsMax,
  BackupDirectory,
  backupIn,
  NoRoomError,
} from "./storage/backup/backup_directory.ts";
import { errorCode, errorText, isNoSpace } from "./storage/directory/files.ts";

/** How often {@link BackupSchedule.look} is to be called, ms. */
const lookEveryMs = 1_000;
/** What failed is tried again so much later. */
const retryMs = 60_000;
/** The whole backup is made before it is known how much room it takes. */
const noRoomRetryMs = 600_000;
const restoreRetryMs = 5_000;
/** For so long one read or command may take, ms. */
const patienceMs = 30_000;
const pieceBytes = 256 * 1024;

/** What it stands on. */
export interface BackupScheduleParts {
  readonly config: Pick<Config, "backup" | "dataDir"> & {
    readonly clusterId: string;
    readonly storage: Pick<Config["storage"], "spaceLowBytes">;
  };
  readonly backups: Pick<BackupService, "make" | "restore">;
  readonly machine: BegunStore;
  /** Only then something is done. */
  readonly isLeader: () => boolean;
  readonly clock: Pick<Clock, "monotonicMs" | "wallMs" | "soon">;
  readonly logger: Logger;
}

/** See the head of this file. */
export class BackupSchedule {
  readonly #parts: BackupScheduleParts;
  readonly #directory: BackupDirectory | undefined;
  #isBusy = false;
  #notBeforeMs = 0;
  /** Of the newest backup, while this node leads: nothing is listed before another one is due. */
  #newestMs: number | undefined;
  /** Warned of already. */
  #ahead = "";
  /** Of the last attempt to save one while this node leads, if that failed. */
  #failure: { readonly atMs: number; readonly reason: string } | undefined;
  /** Why the backup to begin with could not be restored the last time, here. */
  #obstacle = "";

  constructor(parts: BackupScheduleParts) {
    const { backup: { dir }, clusterId, dataDir, storage: { spaceLowBytes } } = parts.config;
    const store = { path: dataDir, leaveBytes: spaceLowBytes };
    this.#parts = parts;
    this.#directory = dir === "" ? undefined : new BackupDirectory(dir, clusterId, store);
  }

  /** Looks now and then, where anything is configured, until the returned function is called. */
  start(clock: Pick<Clock, "every">): () => void {
    const { dir, restoreOnFirstStart } = this.#parts.config.backup;
    if (dir === "" && restoreOnFirstStart === "") return () => {};
    return clock.every(lookEveryMs, () => this.look());
  }

  /** Of the readiness of this node. */
  checks(): readonly Check[] {
    return [...this.#firstChecks(), ...this.#saveChecks()];
  }

  /** That none could be saved keeps nobody from being served. */
  #saveChecks(): readonly Check[] {
    const { config: { backup: { dir } }, isLeader } = this.#parts;
    if (dir === "") return [];
    const last = this.#newestMs === undefined
      ? `no backup was found in ${dir} yet`
      : `the last backup in ${dir} was made at ${timeText(this.#newestMs)}`;
    const failure = this.#failure === undefined
      ? ""
      : `; at ${timeText(this.#failure.atMs)} none could be saved: ${this.#failure.reason}`;
    const detail = isLeader() ? `${last}${failure}` : `whoever leads saves backups to ${dir}`;
    return [{ name: backupCheck, ok: true, detail }];
  }

  #firstChecks(): readonly Check[] {
    const { config: { backup: { restoreOnFirstStart: path } }, machine } = this.#parts;
    const awaited = awaitedRestore(path, machine);
    if (path === "" && awaited === undefined) return [];
    const obstacle = this.#obstacle === "" ? "" : `; the last attempt: ${this.#obstacle}`;
    const detail = awaited === undefined ? "the store has begun" : `${awaited}${obstacle}`;
    return [{ name: firstRestoreCheck, ok: awaited === undefined, detail }];
  }

  /** Does something where this node leads and it is time; one thing at a time. */
  look(): void {
    const { isLeader, clock } = this.#parts;
    if (!isLeader()) this.#newestMs = this.#failure = undefined;
    if (this.#isBusy || clock.monotonicMs() < this.#notBeforeMs || !isLeader()) return;
    if (this.#mustBegin()) return this.#run(() => this.#begin(), restoreRetryMs, "restored");
    if (this.#directory === undefined || !this.#isDue()) return;
    this.#run(() => this.#save(), retryMs, "saved");
  }

  #run(work: () => Promise<void>, againMs: number, what: string): void {
    const { clock, logger } = this.#parts;
    this.#isBusy = true;
    work().catch((error: unknown) => {
      const isFull = error instanceof NoRoomError || isNoSpace(errorCode(error));
      this.#notBeforeMs = clock.monotonicMs() + (isFull ? noRoomRetryMs : againMs);
      const reason = errorText(error);
      if (isFull) logger.warn(`No backup was ${what}: there is no room for it`, { reason });
      else logger.error(`A backup could not be ${what}`, { reason });
    }).finally(() => this.#isBusy = false);
  }

  #mustBegin(): boolean {
    const { machine, config } = this.#parts;
    return config.backup.restoreOnFirstStart !== "" && !isBegun(machine);
  }

  #isDue(): boolean {
    const { config, clock } = this.#parts;
    const newestMs = this.#newestMs;
    if (newestMs === undefined) return true;
    const ageMs = clock.wallMs() - newestMs;
    return ageMs >= config.backup.intervalMs || ageMs < -aheadMsMax;
  }

  /** What somebody else has saved meanwhile counts as well. */
  async #look(directory: BackupDirectory): Promise<void> {
    const { clock, logger } = this.#parts;
    const { newestMs, ahead } = await directory.find(clock.wallMs());
    this.#newestMs = newestMs;
    const last = ahead.at(-1) ?? "";
    if (last !== "" && last !== this.#ahead) {
      const facts = { count: ahead.length, last };
      logger.warn("Backups are named after the future, and do not count as the newest", facts);
    }
    this.#ahead = last;
  }

  async #save(): Promise<void> {
    const { clock } = this.#parts;
    const directory = this.#directory;
    if (directory === undefined) return;
    try {
      await this.#saveIn(directory);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = { atMs: clock.wallMs(), reason: errorText(error) };
      throw error;
    }
  }

  async #saveIn(directory: BackupDirectory): Promise<void> {
    const { backups, config: { backup: { keepMax } }, logger, clock } = this.#parts;
    await this.#look(directory);
    // First of all: on a full disk fewer of them are what makes room for another one.
    const surplus = await directory.retain(keepMax, clock.wallMs());
    if (surplus.length > 0) logger.info("Old backups removed", { removed: surplus });
    if (!this.#isDue()) return;
    const options = { timeoutMs: patienceMs, requestId: "scheduled-backup" };
    const { backup } = await backups.make({ ...options, level: "linearizable" });
    const { revision, bytes } = backup;
    const rest = () => new Promise<void>((resolve) => clock.soon(resolve));
    const createdMs = clock.wallMs();
    const path = await directory.add({ revision, createdMs }, backup, rest);
    this.#newestMs = createdMs;
    const removed = await directory.retain(keepMax, clock.wallMs());
    logger.info("Backup saved", { path, revision, bytes, removed });
  }

  /** Apply decides whether it is still time: whoever leads may not know of the newest write. */
  async #begin(): Promise<void> {
    const { machine, config, backups, logger } = this.#parts;
    const from = config.backup.restoreOnFirstStart;
    let path: string | undefined;
    try {
      path = await backupIn(from);
      if (path === undefined) throw new Error(`${from} holds no backup`);
      const request = {
        ...{ pieces: piecesOf(path), sha256: undefined, over: "unwritten" } as const,
        ...{ verifyOnly: false, above: 0 },
      };
      const options = { timeoutMs: patienceMs, requestId: "first-restore" };
      const { answer } = await backups.restore(request, options);
      logger.info("Backup restored", { path, revision: answer.revision });
    } catch (error) {
      this.#obstacle = errorText(error);
      const isLate = error instanceof ServiceError && error.code === "conflict" &&
        !this.#mustBegin();
      if (!isLate) throw error;
      // A leader whose configuration names no backup has let somebody write.
      const how = machine.restore?.phase === "done" ? "another one was" : "something was written";
      logger.warn("No backup was restored", { path, because: how });
    }
  }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for (let at = 0;;) {
      const piece = new Uint8Array(pieceBytes);
      const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
