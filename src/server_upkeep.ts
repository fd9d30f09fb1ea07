/** What the store needs done as time passes, whether anybody asks or not. */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import type { Clock } from "./node/ports.ts";
import { CompactionKeeper, compactionLookEveryMs } from "./service/compaction_keeper.ts";
import { LeaseKeeper, leaseLookEveryMs } from "./service/lease_keeper.ts";
import type { ServedNode } from "./service/node_port.ts";
import { purgeLookEveryMs, Purger } from "./service/purger.ts";
import { RestoreKeeper, restoreLookEveryMs } from "./service/restore_keeper.ts";
import { Scrubber, scrubLookEveryMs } from "./service/scrubber.ts";
import type { StoreChecks } from "./service/store_checks.ts";
import { type VersionKeeper, versionLookEveryMs } from "./service/version_keeper.ts";

/** What is kept up, and by what. */
export interface Upkeep {
  readonly node: Pick<ServedNode, "propose" | "clusterTimeMs">;
  readonly machine: KvStateMachine;
  readonly clock: Clock;
  readonly config: Pick<Config, "storage">;
  readonly logger: Pick<Logger, "info">;
  readonly versions: Pick<VersionKeeper, "look">;
  readonly checks: StoreChecks;
  /** Runs each chore; what it throws ends the node. */
  readonly guard: (run: () => void) => void;
}

/** Returns how to stop. */
export function keepUp(upkeep: Upkeep): () => void {
  const { node, machine, clock, config, guard } = upkeep;
  const { monotonicMs, wallMs } = clock;
  const { storage } = config;
  const leases = new LeaseKeeper({
    ...{ node, monotonicMs, wallMs },
    store: {
      get clusterTimeMs() {
        return machine.status().clusterTimeMs;
      },
      get hasLeases() {
        return machine.status().leases > 0 && !machine.isRestoring;
      },
      due: (nowMs, countMax) => machine.leasesDue(nowMs, countMax),
    },
  });
  const compaction = new CompactionKeeper({
    ...{ node, monotonicMs, wallMs },
    store: {
      get revision() {
        return machine.revision;
      },
      get oldest() {
        return machine.status().oldest;
      },
      revisionAt: (timeMs) => machine.revisionAt(timeMs),
    },
    retention: {
      ageMsMax: storage.historyAgeMsMax,
      revisionsMax: storage.historyRevisionsMax,
    },
  });
  const restores = new RestoreKeeper({ node, store: machine, monotonicMs, wallMs });
  const every = (ms: number, run: () => void) => clock.every(ms, () => guard(run));
  const purger = new Purger({ step: () => machine.purge(), monotonicMs, every });
  const scrubber = scrubberOf(upkeep, every);
  const stops = [
    () => scrubber.stop(),
    every(scrubLookEveryMs, () => scrubber.look()),
    every(versionLookEveryMs, () => upkeep.versions.look()),
    () => purger.stop(),
    every(leaseLookEveryMs, () => leases.look()),
    every(compactionLookEveryMs, () => compaction.look()),
    every(purgeLookEveryMs, () => purger.look()),
    every(restoreLookEveryMs, () => restores.look()),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function scrubberOf(
  { machine, clock, config: { storage }, logger, checks }: Upkeep,
  every: (ms: number, run: () => void) => () => void,
): Scrubber {
  return new Scrubber({
    begin: () => machine.audit.scrub(),
    bytesPerSecond: storage.scrubBytesPerSecondMax,
    intervalMs: storage.scrubIntervalMs,
    monotonicMs: clock.monotonicMs,
    every,
    onPass: (pass) => {
      logger.info("The store is as it should be", { ...pass });
      checks.scrubbed(pass);
    },
  });
}
