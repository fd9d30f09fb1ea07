/**
 * Backups that nobody asks for: saved by whoever leads when the newest is old, and one that a
 * cluster that was just born begins with. What goes wrong is told in the log, and tried again.
 */

import { open } from "node:fs/promises";
import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import type { Clock } from "./node/ports.ts";
import type { BackupService } from "./service/contract.ts";
import { ServiceError } from "./service/errors.ts";
import { aheadMsMax, BackupDirectory, backupIn } from "./storage/backup/backup_directory.ts";
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
  /** Of the newest backup, while this node leads: nothing is listed before another one is due. */
  #newestMs: number | undefined;
  /** Warned of already. */
  #ahead = "";
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
    if (!isLeader()) this.#newestMs = undefined;
    if (this.#isBusy || clock.monotonicMs() < this.#notBeforeMs || !isLeader()) return;
    if (!this.#hasBegun) return this.#run(() => this.#begin(), restoreRetryMs, "restored");
    if (this.#directory === undefined || !this.#isDue()) return;
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
    const { backups, config, logger, clock } = this.#parts;
    const directory = this.#directory;
    if (directory === undefined) return;
    await this.#look(directory);
    if (!this.#isDue()) return;
    const options = { timeoutMs: patienceMs, requestId: "scheduled-backup" };
    const { backup } = await backups.make({ ...options, level: "linearizable" });
    const { revision, bytes } = backup;
    const rest = () => new Promise<void>((resolve) => clock.soon(resolve));
    const createdMs = clock.wallMs();
    const path = await directory.add({ revision, createdMs }, backup, rest);
    this.#newestMs = createdMs;
    const removed = await directory.retain(config.backup.keepMax, clock.wallMs());
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
    const path = await backupIn(from);
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
      const { revision, leases } = machine.status();
      const isWritten = revision > 1 || leases > 0;
      if (!isWritten || !(error instanceof ServiceError) || error.code !== "conflict") throw error;
      logger.warn("No backup was restored: the store has been written to", { path });
    }
    this.#hasBegun = true;
  }
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
