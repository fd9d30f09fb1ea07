/**
 * Backups that nobody asks for: saved by whoever leads when the newest is old, and one that a
 * cluster that was just born begins with. What goes wrong is told in the log, and tried again.
 */

import { closeSync, openSync, readSync } from "node:fs";
import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import type { Clock } from "./node/ports.ts";
import type { BackupService } from "./service/contract.ts";
import { ServiceError } from "./service/errors.ts";
import { BackupDirectory, backupIn } from "./storage/backup/backup_directory.ts";
import { errorText } from "./storage/directory/files.ts";

/** How often {@link BackupSchedule.look} is called, ms. */
const lookEveryMs = 1_000;
/** What failed is tried again so much later. */
const retryMs = 60_000;
const restoreRetryMs = 5_000;
/** For so long one read or command may take, ms. */
const patienceMs = 30_000;
const pieceBytes = 256 * 1024;

/** What it stands on. */
export interface BackupScheduleParts {
  readonly config: Pick<Config, "backup"> & { readonly clusterId: string };
  readonly backups: Pick<BackupService, "make" | "restore">;
  readonly machine: Pick<KvStateMachine, "status" | "restore">;
  /** Only then something is done. */
  readonly isLeader: () => boolean;
  readonly clock: Pick<Clock, "monotonicMs" | "wallMs" | "soon">;
  readonly logger: Logger;
}

/** Looks now and then, where anything is configured, until the returned function is called. */
export function scheduleBackups(
  parts: BackupScheduleParts & { readonly clock: Pick<Clock, "every"> },
): () => void {
  const { dir, restoreOnFirstStart } = parts.config.backup;
  if (dir === "" && restoreOnFirstStart === "") return () => {};
  const schedule = new BackupSchedule(parts);
  return parts.clock.every(lookEveryMs, () => schedule.look());
}

/** See the head of this file. */
export class BackupSchedule {
  readonly #parts: BackupScheduleParts;
  readonly #directory: BackupDirectory | undefined;
  #isBusy = false;
  #notBeforeMs = 0;
  /** Of the backup to begin with: it is restored, or it will never be. */
  #hasBegun: boolean;

  constructor(parts: BackupScheduleParts) {
    const { dir, restoreOnFirstStart } = parts.config.backup;
    this.#parts = parts;
    this.#directory = dir === "" ? undefined : new BackupDirectory(dir, parts.config.clusterId);
    this.#hasBegun = restoreOnFirstStart === "";
  }

  /** Does something where this node leads and it is time; one thing at a time. */
  look(): void {
    const { isLeader, clock } = this.#parts;
    if (this.#isBusy || clock.monotonicMs() < this.#notBeforeMs || !isLeader()) return;
    if (!this.#hasBegun) return this.#run(() => this.#begin(), restoreRetryMs, "restored");
    if (this.#directory === undefined || !this.#isOld(this.#directory)) return;
    this.#run(() => this.#save(), retryMs, "saved");
  }

  #run(work: () => Promise<void>, againMs: number, what: string): void {
    const { clock, logger } = this.#parts;
    this.#isBusy = true;
    work().catch((error: unknown) => {
      this.#notBeforeMs = clock.monotonicMs() + againMs;
      logger.error(`A backup could not be ${what}`, { reason: errorText(error) });
    }).finally(() => this.#isBusy = false);
  }

  #isOld(directory: BackupDirectory): boolean {
    const { config, clock, logger } = this.#parts;
    try {
      const newestMs = directory.newestMs();
      return newestMs === undefined || clock.wallMs() - newestMs >= config.backup.intervalMs;
    } catch (error) {
      this.#notBeforeMs = clock.monotonicMs() + retryMs;
      logger.error("The directory of backups cannot be read", { reason: errorText(error) });
      return false;
    }
  }

  async #save(): Promise<void> {
    const { backups, config, logger, clock } = this.#parts;
    const directory = this.#directory;
    if (directory === undefined) return;
    const options = { timeoutMs: patienceMs, requestId: "scheduled-backup" };
    const { backup } = await backups.make({ ...options, level: "linearizable" });
    const { revision, bytes } = backup;
    const rest = () => new Promise<void>((resolve) => clock.soon(resolve));
    const path = await directory.add({ revision, createdMs: clock.wallMs() }, backup, rest);
    const removed = directory.retain(config.backup.keepMax);
    logger.info("Backup saved", { path, revision, bytes, removed });
  }

  /** Apply decides whether it is still time: whoever leads may not know of the newest write. */
  async #begin(): Promise<void> {
    const { machine, config, backups, logger } = this.#parts;
    if (machine.status().revision > 1 || machine.restore?.phase === "done") {
      this.#hasBegun = true;
      return;
    }
    const from = config.backup.restoreOnFirstStart;
    const path = backupIn(from);
    if (path === undefined) throw new Error(`${from} holds no backup`);
    const request = {
      ...{ pieces: piecesOf(path), sha256: undefined, over: "unwritten" } as const,
      ...{ verifyOnly: false, above: 0 },
    };
    try {
      const options = { timeoutMs: patienceMs, requestId: "first-restore" };
      const { answer } = await backups.restore(request, options);
      logger.info("Backup restored", { path, revision: answer.revision });
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "conflict") throw error;
      logger.warn("No backup was restored: the store has been written to", { path });
    }
    this.#hasBegun = true;
  }
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  const descriptor = openSync(path, "r");
  try {
    for (let at = 0;;) {
      const piece = new Uint8Array(pieceBytes);
      const count = readSync(descriptor, piece, 0, pieceBytes, at);
      if (count === 0) return;
      at += count;
      yield piece.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}
