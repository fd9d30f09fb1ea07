/** Backups that were made, kept for a while so that a broken download goes on where it was. */

import type { KeptBackup } from "./contract/backups.ts";

/** A backup that nobody has asked for for so long is deleted, ms. */
export const backupKeptMs = 600_000;
/** The newest ones, so that they do not fill the disk. */
export const backupsKeptMax = 2;

/** A backup together with how it is deleted. */
export type RemovableBackup = KeptBackup & { readonly remove: () => void };

interface Held {
  readonly backup: RemovableBackup;
  /** As it is given away: who reads it asks for it. */
  readonly given: KeptBackup;
  forgetTimer: () => void;
}

/** See the head of this file. */
export class KeptBackups {
  readonly #after: (ms: number, run: () => void) => () => void;
  /** The newest last. */
  #held: readonly Held[] = [];

  /** `after` calls `run` once after that time, unless the returned function is called before. */
  constructor(after: (ms: number, run: () => void) => () => void) {
    this.#after = after;
  }

  /** Gives it back as it is to be given away. */
  add(backup: RemovableBackup): KeptBackup {
    const { remove: _remove, ...rest } = backup;
    const given: KeptBackup = {
      ...rest,
      reader: () => {
        const reading = backup.reader();
        return {
          read: (position, bytesMax) => {
            this.#touch(held);
            return reading.read(position, bytesMax);
          },
          close: () => reading.close(),
        };
      },
    };
    const held: Held = { backup, given, forgetTimer: () => {} };
    this.#held = [...this.#held, held];
    this.#touch(held);
    for (const each of this.#held.slice(0, -backupsKeptMax)) this.#remove(each);
    return given;
  }

  /** Without a tag the newest. */
  find(tag: string | undefined): KeptBackup | undefined {
    const held = tag === undefined
      ? this.#held.at(-1)
      : this.#held.find(({ backup }) => backup.tag === tag);
    if (held !== undefined) this.#touch(held);
    return held?.given;
  }

  close(): void {
    for (const held of this.#held) this.#remove(held);
  }

  #touch(held: Held): void {
    if (!this.#held.includes(held)) return;
    held.forgetTimer();
    held.forgetTimer = this.#after(backupKeptMs, () => this.#remove(held));
  }

  #remove(held: Held): void {
    held.forgetTimer();
    this.#held = this.#held.filter((each) => each !== held);
    held.backup.remove();
  }
}
