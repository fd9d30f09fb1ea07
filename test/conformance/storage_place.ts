/** What the conformance suite of storage engines needs to know of a backend. */

import { assert } from "../harness/test.ts";
import { type LogModel, viewOf } from "../harness/log_model.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Index } from "../../src/raft/types.ts";

/** Where an engine keeps its log, and what can befall it. */
export interface StoragePlace {
  /** Opens the engine on what is there: at first on nothing. */
  open(): StorageEngine;
  /**
   * The power is cut: the open engine is abandoned, never closed, and only what was durable at this
   * moment is there for the next `open`.
   */
  crash(): void;
  /** Lets the engine's timers fire once, for what it does behind its writes. */
  readonly tick?: () => void;
  /** Turns one bit in what is stored of an entry; no engine is open. Absent: it cannot be done. */
  readonly damage?: (index: Index) => void;
  /** Gives back everything; an engine may still be open. */
  remove(): void;
}

export interface StorageEngineCase {
  readonly name: string;
  /** Skipped, by name, where the place cannot be damaged. */
  readonly needsDamage?: true;
  readonly run: (place: StoragePlace) => void | Promise<void>;
}

/** Resolves when the engine calls `done`. */
export function persisted(engine: StorageEngine, write: LogWrite): Promise<void> {
  return new Promise((resolve) => engine.persist(write, resolve));
}

/** Persists the writes in order, in the engine and in the model. */
export async function persistAll(
  engine: StorageEngine,
  model: LogModel,
  writes: readonly LogWrite[],
): Promise<void> {
  for (const write of writes) {
    await persisted(engine, write);
    model.apply(write);
  }
}

/** The engine holds what the model holds, and says that nothing is wrong with it. */
export function assertHolds(engine: StorageEngine, model: LogModel): void {
  assert.deepEqual(viewOf(engine), model.view());
  const { firstBad, badMeta } = engine.stored();
  assert.deepEqual({ firstBad, badMeta }, { firstBad: undefined, badMeta: false });
}

/** A new engine on the same place, after an orderly close. */
export function reopened(place: StoragePlace, engine: StorageEngine): StorageEngine {
  engine.close();
  return place.open();
}

/** A new engine on what a power cut leaves. */
export function afterCrash(place: StoragePlace): StorageEngine {
  place.crash();
  return place.open();
}
