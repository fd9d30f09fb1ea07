/**
 * Which commands may stand in the log. A program can apply all commands up to its
 * {@link dataVersion}; the cluster uses one version, which a row of the ledger tells and a command
 * raises once every member can apply it (service/version_keeper.ts). So a member of an older
 * version never meets a command that it does not know, and members of different versions apply the
 * same.
 *
 * Versions only ever grow, and a program can apply the commands of all versions before its own.
 */

import { ByteReader, ByteWriter } from "../lib/bytes.ts";
import type { Operation } from "./command.ts";
import { type Ledger, ledgerKey, ledgerKind } from "./ledger.ts";

/** Counts the sets of commands that programs have known. */
export type DataVersion = number;

/**
 * The newest version that this program can apply: raised whenever a command appears, or gets a
 * field, that the program before it could not apply. {@link sinceVersions} then says which.
 */
export const dataVersion: DataVersion = 4;

/** What a cluster uses whose store does not say: every program that can be a member knows it. */
export const dataVersionAtFirst: DataVersion = 4;

/** The version that brought an operation; those that are not named were there at first. */
export type SinceVersions = Partial<Readonly<Record<Operation["kind"], DataVersion>>>;

/** Of this program. */
export const sinceVersions: SinceVersions = {};

/** The version that a cluster has to use before such an operation may be proposed. */
export function versionOf({ kind }: Operation, since: SinceVersions): DataVersion {
  return since[kind] ?? dataVersionAtFirst;
}

/** What stands in the log or in the store is of a later version of the program. */
export class LaterVersionError extends Error {
  override readonly name = "LaterVersionError";
}

/** The version that the cluster uses, in the ledger of its store. */
export class DataVersionBook {
  /** The newest version that this program can apply. */
  readonly newest: DataVersion;
  readonly #ledger: Ledger;
  #known: DataVersion | undefined;

  constructor(ledger: Ledger, newest: DataVersion) {
    this.#ledger = ledger;
    this.newest = newest;
  }

  get inUse(): DataVersion {
    this.#known ??= this.#read();
    return this.#known;
  }

  /** Throws {@link LaterVersionError} where this program cannot go on under that version. */
  raise(version: DataVersion): void {
    if (version <= this.inUse) return;
    this.#ledger.set(rowKey, new ByteWriter(8).varint(version).finish());
    this.#known = version;
    this.requireKnown();
  }

  /** Throws {@link LaterVersionError} where the store is one that a later program goes on with. */
  requireKnown(): void {
    if (this.inUse <= this.newest) return;
    throw new LaterVersionError(
      `The cluster uses data version ${this.inUse}, this program knows ${this.newest}: start a ` +
        "later version of it on this directory",
    );
  }

  /** The ledger is another one now. */
  forget(): void {
    this.#known = undefined;
  }

  #read(): DataVersion {
    const row = this.#ledger.get(rowKey);
    return row === undefined ? dataVersionAtFirst : new ByteReader(row).varint();
  }
}

const rowKey = ledgerKey(ledgerKind.dataVersion);
