/** Backups that a test sets, and what was restored. */

import { createHash } from "node:crypto";
import type {
  BackupOutline,
  BackupService,
  Header,
  KeptBackup,
  ReadOptions,
  RequestOptions,
  RestoreAnswer,
  RestoreRequest,
} from "../../src/service/contract.ts";
import { concatBytes } from "../../src/lib/bytes.ts";

const outline: BackupOutline = {
  ...{ format: 1, program: "0.0.0-test", createdMs: 1_700_000_000_000, clusterId: "fake" },
  ...{ appliedIndex: 12, revision: 9, oldest: 2, keys: 3, leases: 1, changes: 4, answers: 0 },
  ...{ bytes: 0, sha256: new Uint8Array(32).fill(7) },
};

/** A backup of these bytes, kept under `tag`. */
export function fakeBackup(tag: string, bytes: Uint8Array): KeptBackup {
  return {
    ...outline,
    bytes: bytes.length,
    sha256: new Uint8Array(createHash("sha256").update(bytes).digest()),
    tag,
    body: ({ start, end }) => new Blob([new Uint8Array(bytes.slice(start, end))]),
    reader: () => ({
      read: (position, bytesMax) => bytes.slice(position, position + bytesMax),
      close: () => {},
    }),
  };
}

export class FakeBackupService implements BackupService {
  next: KeptBackup | Error = fakeBackup("b0", new Uint8Array(0));
  readonly made: ReadOptions[] = [];
  #kept: KeptBackup[] = [];
  /** What the last restore was asked, and the bytes that came. */
  restored: (Omit<RestoreRequest, "pieces"> & { readonly bytes: Uint8Array }) | undefined;
  refusal: Error | undefined;
  onRestore: () => void = () => {};
  readonly #header: () => Header;

  constructor(header: () => Header) {
    this.#header = header;
  }

  make(options: ReadOptions): Promise<{ backup: KeptBackup; header: Header }> {
    this.made.push(options);
    if (this.next instanceof Error) return Promise.reject(this.next);
    const backup = this.next;
    this.#kept.push(backup);
    const header = { ...this.#header(), revision: backup.revision, level: options.level };
    return Promise.resolve({ backup, header });
  }

  kept(tag: string | undefined): KeptBackup | undefined {
    return tag === undefined ? this.#kept.at(-1) : this.#kept.find((each) => each.tag === tag);
  }

  async restore(
    { pieces, ...request }: RestoreRequest,
    _options: RequestOptions,
  ): Promise<{ answer: RestoreAnswer; header: Header }> {
    this.onRestore();
    if (this.refusal !== undefined) throw this.refusal;
    const came: Uint8Array[] = [];
    for await (const piece of pieces) came.push(piece);
    this.restored = { ...request, bytes: concatBytes(came) };
    const revision = request.verifyOnly ? undefined : 10;
    return { answer: { backup: outline, revision }, header: this.#header() };
  }
}

/** Backups beside that store. */
export function backupsOf(kv: { header(): Header }): FakeBackupService {
  return new FakeBackupService(() => kv.header());
}
