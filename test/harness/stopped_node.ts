/** The files of a simulated node that is not running, opened as `skein recover` opens them. */

import { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { LossParts } from "../../src/node/accept_loss.ts";
import { IdentityKeeper } from "../../src/node/identity_keeper.ts";
import { completeInstall } from "../../src/node/opening.ts";
import { MemoryEngine } from "../../src/storage/memory/memory_engine.ts";
import type { SimNode } from "./sim_node.ts";

/** `onStep` is told of each step before it is taken; what it throws is a crash before it. */
export function openStopped(
  node: SimNode,
  onStep: (step: "identity" | "store made durable" | "log") => void = () => {},
): LossParts {
  const machine = new KvStateMachine({ tables: node.store.tables });
  const storage = new MemoryEngine(node.disk.log, { every: () => () => {} });
  completeInstall({ storage, machine });
  const identities = node.disk.identityFile();
  const identity = identities.load();
  if (identity === undefined) throw new Error(`Node ${node.id} has no identity`);
  const makeDurable = machine.makeDurable.bind(machine);
  machine.makeDurable = (done) =>
    makeDurable((through) => {
      onStep("store made durable");
      done(through);
    });
  const persist = storage.persist.bind(storage);
  storage.persist = (write, done) => {
    onStep("log");
    persist(write, done);
  };
  const keeper = new IdentityKeeper({
    load: () => identities.load(),
    save: (changed, done) => {
      onStep("identity");
      identities.save(changed, done);
    },
  }, identity);
  return { keeper, storage, machine, clusterTimeMs: machine.status().clusterTimeMs };
}
