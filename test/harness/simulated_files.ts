/**
 * Files of a disk that keeps what was synced and nothing else: contents by `sync`, names by
 * `syncDirectory`. A power cut leaves that, and, at random, the front of what was under way.
 */

import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import type { Prng } from "../../src/lib/prng.ts";
import type { Files, OpenFile } from "../../src/storage/directory/files.ts";

interface Inode {
  /** What the program sees. */
  bytes: Uint8Array;
  /** What a power cut leaves. */
  durable: Uint8Array;
  /** Changes since the last sync, in order: each makes the new contents from the old. */
  unsynced: ((bytes: Uint8Array) => Uint8Array)[];
}

export class SimulatedFiles implements Files {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  open(path: string, mode: "existing" | "create"): OpenFile {
    const found = this.#names.get(path);
    if (found === undefined && mode === "existing") throw codeError("ENOENT", path);
    const inode = found ?? { bytes: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
    this.#names.set(path, inode);
    const file = new SimulatedFile(inode);
    if (mode === "create") file.truncate(0);
    return file;
  }

  read(path: string): Uint8Array | undefined {
    return this.#names.get(path)?.bytes.slice();
  }

  list(directory: string): readonly string[] {
    const inside = [...this.#names.keys()].filter((path) => dirname(path) === directory);
    return inside.map((path) => path.slice(directory.length + 1)).sort();
  }

  makeDirectory(): void {}

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw codeError("ENOENT", from);
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  remove(path: string): void {
    this.#names.delete(path);
  }

  syncDirectory(directory: string): void {
    for (const path of [...this.#durableNames.keys(), ...this.#names.keys()]) {
      if (dirname(path) !== directory) continue;
      const inode = this.#names.get(path);
      if (inode === undefined) this.#durableNames.delete(path);
      else this.#durableNames.set(path, inode);
    }
  }

  /** Turns a bit where `text` begins, in whichever file it stands. */
  damage(text: Uint8Array): void {
    for (const inode of this.#names.values()) {
      const at = Buffer.from(inode.bytes).indexOf(text);
      if (at < 0) continue;
      const turned = inode.bytes.slice();
      turned[at]! ^= 4;
      [inode.bytes, inode.durable] = [turned, turned];
      return;
    }
    throw new Error("There is no such text");
  }

  /** With a `prng`, unsynced changes survive up to a random one, which may be torn. */
  cutPower(prng?: Prng): void {
    this.#names = new Map(this.#durableNames);
    for (const inode of new Set(this.#names.values())) {
      let bytes = inode.durable;
      const kept = prng === undefined ? 0 : prng.below(inode.unsynced.length + 1);
      for (const change of inode.unsynced.slice(0, kept)) bytes = change(bytes);
      inode.bytes = bytes.slice(
        0,
        prng === undefined || kept === 0 ? bytes.length : tornLength(bytes, inode, prng),
      );
      inode.durable = inode.bytes;
      inode.unsynced = [];
    }
  }
}

/** A torn write ends anywhere behind what was durable. */
function tornLength(bytes: Uint8Array, inode: Inode, prng: Prng): number {
  const fresh = bytes.length - inode.durable.length;
  return fresh > 0 && prng.chance(1, 2) ? inode.durable.length + prng.below(fresh) : bytes.length;
}

class SimulatedFile implements OpenFile {
  readonly #inode: Inode;

  constructor(inode: Inode) {
    this.#inode = inode;
  }

  size(): number {
    return this.#inode.bytes.length;
  }

  read(position: number, length: number): Uint8Array {
    return this.#inode.bytes.slice(position, position + length);
  }

  write(bytes: Uint8Array, position: number): void {
    const written = bytes.slice();
    this.#change((old) => {
      const next = new Uint8Array(Math.max(old.length, position + written.length));
      next.set(old);
      next.set(written, position);
      return next;
    });
  }

  truncate(length: number): void {
    this.#change((old) => {
      const next = new Uint8Array(length);
      next.set(old.subarray(0, length));
      return next;
    });
  }

  sync(): void {
    this.#inode.durable = this.#inode.bytes;
    this.#inode.unsynced = [];
  }

  close(): void {}

  #change(change: (bytes: Uint8Array) => Uint8Array): void {
    this.#inode.bytes = change(this.#inode.bytes);
    this.#inode.unsynced.push(change);
  }
}

function codeError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
