/** Who watches the nodes of a simulation: told of everything that what must hold is judged by. */

import type { Result } from "../../src/kv/result.ts";
import type { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { Clock, StorageEngine } from "../../src/node/ports.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { StateVerdict } from "../../src/service/state_comparison.ts";
import type { SimProcess } from "./sim_process.ts";

/** Must not throw: it is called from inside the node, which would take it for its own mistake. */
export interface SimObserver<Node> {
  /** The program hands a write to its disk. */
  handedOver(node: Node, write: LogWrite): void;
  /** The write is durable, and the program does not know yet. */
  persisted(node: Node, write: LogWrite): void;
  /** The store has applied a page; one result per entry. */
  applied(node: Node, entries: readonly Entry[], results: readonly Result[]): void;
  /** The node has compared its state with that of the other members. */
  compared(node: Node, verdict: StateVerdict): void;
  /** The node has taken a turn: its status may be another than before. */
  turned(node: Node): void;
  /** The process has come to an end by itself. */
  ended(node: Node, error: unknown): void;
}

/** Nobody watches. */
export const noObserver: SimObserver<unknown> = {
  handedOver: () => {},
  persisted: () => {},
  applied: () => {},
  compared: () => {},
  turned: () => {},
  ended: () => {},
};

/** The clock, with word of each turn that it let a node take. */
export function watchedClock(clock: Clock, turned: () => void): Clock {
  return {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    every: (intervalMs, run) => clock.every(intervalMs, run),
    soon: (run) =>
      clock.soon(() => {
        run();
        turned();
      }),
  };
}

/** The machine, with word of each page that it has applied. */
export function watchedMachine(
  machine: KvStateMachine,
  applied: (entries: readonly Entry[], results: readonly Result[]) => void,
): KvStateMachine {
  const apply = machine.apply.bind(machine);
  machine.apply = (entries) => {
    const results = apply(entries);
    if (!("full" in results)) applied(entries, results);
    return results;
  };
  return machine;
}

/** The storage, with word of each write before it comes to it: the process may end over that. */
export function watchedStorage(
  storage: StorageEngine,
  { process, before, handedOver }: {
    readonly process: SimProcess;
    readonly before: (write: LogWrite) => void;
    readonly handedOver: (write: LogWrite) => void;
  },
): StorageEngine {
  return {
    ...storage,
    persist: (write, done) => {
      before(write);
      process.run(() => {
        handedOver(write);
        storage.persist(write, done);
      });
    },
  };
}
