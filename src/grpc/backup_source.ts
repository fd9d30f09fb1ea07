/** A backup, as a stream of messages: what it is, and its bytes in pieces. */

import type { BackupReading, KeptBackup } from "../service/contract.ts";
import type { AnswerSource, CallMetadata } from "./call.ts";
import type { Wire } from "./codec.ts";

type Answer = Wire["skein.cluster.v1.SnapshotResponse"];

/** One message holds so much of it. */
const chunkBytes = 256 * 1024;

/** As fast as the client takes it: it is read from its file piece by piece. */
export class BackupSource implements AnswerSource<Answer> {
  readonly headers: CallMetadata;
  readonly #backup: KeptBackup;
  readonly #reading: BackupReading;
  #at = 0;
  #isOpen = true;

  constructor(backup: KeptBackup, headers: CallMetadata) {
    this.#backup = backup;
    this.#reading = backup.reader();
    this.headers = headers;
  }

  next(): Promise<Answer | undefined> {
    const { bytes, revision, sha256: digest } = this.#backup;
    if (!this.#isOpen || this.#at >= bytes) return Promise.resolve(undefined);
    const chunk = this.#reading.read(this.#at, chunkBytes);
    if (chunk.length === 0) {
      return Promise.reject(new Error(`The backup ends at byte ${this.#at} of ${bytes}`));
    }
    const isFirst = this.#at === 0;
    this.#at += chunk.length;
    return Promise.resolve(isFirst ? { header: { revision, bytes, digest }, chunk } : { chunk });
  }

  close(): void {
    this.#isOpen = false;
    this.#reading.close();
  }
}
