/**
 * Runs a script on a real engine, saying what it does, and reads what is found afterwards. From the
 * lines that a process said before it died follows what its disk may hold.
 */

import { viewOf } from "../harness/log_model.ts";
import { hex } from "../../src/lib/bytes.ts";
import type { IdentityStore, StorageEngine, StoredLog } from "../../src/node/ports.ts";
import type { DiskScript, DiskStep } from "./disk_model_scripts.ts";

/** Both stores of one data directory. */
export interface OpenedDisk {
  readonly storage: StorageEngine;
  readonly identity: IdentityStore;
}

/** Where a script runs. */
export interface ScriptPlace {
  /** Opens it on what is there; an earlier one was closed, or belongs to a process that died. */
  open(): OpenedDisk;
  /** Lets the engine's timers fire once. */
  tick(): void;
  /** While it is full, the log takes no write. */
  setFull(isFull: boolean): void;
  /** "handed N" before step N, "done N" behind it, "full", "room", and "over" at the end. */
  say(line: string): void;
}

/** How far a script had come, as the process itself knew. */
export interface Moment {
  /** Steps that were handed in. */
  readonly handed: number;
  /** Steps that were reported done. */
  readonly done: number;
  readonly isFull: boolean;
}

/** What is found by whoever opens a disk. */
export interface Recovered {
  /** All of it but the mark; equal exactly where that is equal. */
  readonly text: string;
  readonly mark: StoredLog["mark"];
  readonly firstBad: StoredLog["firstBad"];
  /** The same in a few words, for people. */
  readonly label: string;
}

/** Runs it to its end, and closes what it opened. */
export function runScript(script: DiskScript, place: ScriptPlace): void {
  let opened = place.open();
  let handed = 0;
  const take = (step: DiskStep, done: () => void): void => {
    switch (step.kind) {
      case "write":
        return opened.storage.persist(step.write, done);
      case "identity":
        return opened.identity.save(step.identity, done);
      case "discard":
        // It comes first in the life of a process.
        opened.storage.close();
        opened = place.open();
        opened.storage.discard(step.from, step.hardState);
        return done();
    }
  };
  for (const bunch of script.bunches) {
    const isTogether = bunch.length > 1;
    if (isTogether) setFull(place, true);
    for (const step of bunch) {
      const number = ++handed;
      place.say(`handed ${number}`);
      take(step, () => place.say(`done ${number}`));
    }
    if (isTogether) setFull(place, false);
    place.tick();
  }
  opened.storage.close();
  place.say("over");
}

function setFull(place: ScriptPlace, isFull: boolean): void {
  place.say(isFull ? "full" : "room");
  place.setFull(isFull);
}

/** How far a process had come that had said this much. */
export function momentOf(lines: readonly string[]): Moment {
  const count = (word: string): number => lines.filter((line) => line.startsWith(word)).length;
  return {
    handed: count("handed"),
    done: count("done"),
    isFull: count("full") > count("room"),
  };
}

/** What stands on a disk that was just opened. */
export function recoveredOf({ storage, identity }: OpenedDisk): Recovered {
  const view = viewOf(storage);
  const { firstBad, badMeta, mark } = storage.stored();
  const saved = identity.load();
  const last = storage.log.lastIndex();
  return {
    text: textOf({ view, firstBad, badMeta, saved }),
    mark,
    firstBad,
    label: `write ${view.batchNumber} in term ${view.hardState.currentTerm}, ` +
      `entries ${storage.log.firstIndex()} to ${last}, identity ${saved?.starts ?? "none"}` +
      (firstBad === undefined ? "" : `, bad from ${firstBad}`) + (badMeta ? ", bad meta" : ""),
  };
}

/** Opens a place to read it. */
export function recoveredAt(place: ScriptPlace): Recovered {
  const opened = place.open();
  try {
    return recoveredOf(opened);
  } finally {
    opened.storage.close();
  }
}

/** Equal for values that are equal: names in one order, bytes in hexadecimal digits. */
export function textOf(value: unknown): string {
  return JSON.stringify(value ?? null, (_, each: unknown) => {
    if (each instanceof Uint8Array) return hex(each);
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
