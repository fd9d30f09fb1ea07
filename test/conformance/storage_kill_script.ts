/** The writes of the kill test: one of every kind, each with an effect that can be seen. */

import { configurationEntry, LogModel, snapshotAt } from "../harness/log_model.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import { entriesOf } from "./storage_engine_basic_cases.ts";

export function killScript(): readonly LogWrite[] {
  const model = new LogModel();
  const writes: LogWrite[] = [];
  const add = (write: Omit<LogWrite, "number">): void => {
    const numbered = { number: writes.length + 1, ...write };
    model.apply(numbered);
    writes.push(numbered);
  };
  add({
    hardState: { currentTerm: 1, votedFor: 1, commitIndex: 0 },
    entries: [configurationEntry(1, 1, [1, 2, 3]), ...entriesOf(2, 4)],
  });
  add({ entries: entriesOf(5, 9) });
  add({
    hardState: { currentTerm: 2, votedFor: 3, commitIndex: 4 },
    ...{ truncateFrom: 6, entries: entriesOf(6, 7, 2) },
  });
  add({
    ...{ hardState: { currentTerm: 2, votedFor: 3, commitIndex: 7 }, entries: [] },
    compactTo: model.boundaryAt(5),
  });
  add({
    hardState: { currentTerm: 4, commitIndex: 20 },
    ...{ snapshot: snapshotAt(20, 3, [1, 2]), entries: entriesOf(21, 22, 4) },
  });
  add({
    hardState: { currentTerm: 4, commitIndex: 22 },
    entries: [configurationEntry(23, 4, [1, 2, 4])],
  });
  return writes;
}

/** The log before the first write, after the first, after the second … */
export function killStates(): readonly LogModel[] {
  const states = [new LogModel()];
  for (const write of killScript()) {
    const next = states.at(-1)!.copy();
    next.apply(write);
    states.push(next);
  }
  return states;
}
