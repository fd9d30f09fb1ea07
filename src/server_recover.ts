/** `recover`: opens the files of a node that is not running, and accepts what its log lost. */

import { existsSync } from "node:fs";
import type { Config } from "./config/schema.ts";
import { KvStateMachine } from "./kv/state_machine.ts";
import { type Acceptance, acceptLoss } from "./node/accept_loss.ts";
import { IdentityKeeper } from "./node/identity_keeper.ts";
import type { Runtime } from "./runtime/mod.ts";
import { systemClock } from "./runtime/system_clock.ts";
import { openStorage } from "./server_storage.ts";

/**
 * Throws when the files cannot be opened, are in use, or belong to another node; the message says
 * which and why.
 */
export async function recoverNode(
  options: { readonly config: Config; readonly runtime: Runtime },
): Promise<Acceptance> {
  const { config, runtime } = options;
  const nothing = { kind: "refused", reason: `${config.dataDir} holds no node` } as const;
  // Whoever mistypes the path must not find a directory made there.
  if (!existsSync(config.dataDir)) return nothing;
  const failure = Promise.withResolvers<never>();
  const onFatal = (error: unknown) => failure.reject(error);
  const storage = openStorage({ config, runtime, clock: systemClock, onFatal });
  const machine = new KvStateMachine({ tables: storage.tables });
  try {
    const identity = storage.identities.load();
    if (identity === undefined) return nothing;
    const { clusterTimeMs } = machine.status();
    const acceptance = new Promise<Acceptance>((resolve) => {
      const keeper = new IdentityKeeper(storage.identities, identity);
      acceptLoss({ keeper, storage: storage.engine, machine, clusterTimeMs }, resolve);
    });
    return await Promise.race([acceptance, failure.promise]);
  } finally {
    machine.close();
    storage.close();
  }
}
