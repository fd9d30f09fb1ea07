/** Has the state of this node compared with that of the others from time to time. */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import type { Clock } from "./node/ports.ts";
import { allMembers, voterSets } from "./raft/configuration.ts";
import { isQuorum } from "./raft/quorum.ts";
import type { Configuration, NodeId } from "./raft/types.ts";
import {
  type AskHashes,
  differenceText,
  StateComparison,
  type StateVerdict,
} from "./service/state_comparison.ts";
import type { StoreChecks } from "./service/store_checks.ts";

/** What the comparison stands on. */
export interface StateCheckParts {
  readonly machine: KvStateMachine;
  readonly config: Config;
  readonly configuration: () => Configuration;
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly ask: AskHashes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly checks: StoreChecks;
  readonly onFatal: (error: unknown) => void;
}

/** Returns how to stop. */
export function checkState(parts: StateCheckParts): () => void {
  const { machine, config: { nodeId: self, storage }, clock } = parts;
  const { configuration, addressOf, ask } = parts;
  const everyMs = storage.compareIntervalMs;
  if (everyMs === 0) return () => {};
  let said = "";
  const comparison = new StateComparison({
    ...{ self, addressOf, ask },
    others: () => allMembers(configuration()).map(({ id }) => id).filter((id) => id !== self),
    isQuorum: (says) => isQuorum(voterSets(configuration()), says),
    hashes: () => machine.audit.hashes(),
    onVerdict: (verdict) => said = tell(verdict, { ...parts, said }),
  });
  const stop = clock.every(everyMs, () => comparison.look());
  return () => {
    stop();
    comparison.close();
  };
}

/** Returns what was said: it is not said again as long as nothing changes. */
function tell(
  verdict: StateVerdict,
  { machine, logger, checks, onFatal, said }: StateCheckParts & { readonly said: string },
): string {
  checks.compared(verdict);
  if (verdict.kind === "notCompared") return said;
  if (verdict.kind === "alone") return "";
  if (verdict.kind === "equal") {
    if (said !== "") logger.info("The members' stores hold the same again");
    return "";
  }
  const text = differenceText(verdict);
  if (verdict.kind === "damaged") onFatal(machine.audit.damaged(text));
  const who = JSON.stringify([verdict.kind, verdict.others.map(({ id }) => id)]);
  if (who === said || verdict.kind === "damaged") return who;
  if (verdict.isDecided) logger.warn("Another member's store is damaged", { difference: text });
  else {
    logger.error(
      "The members' stores hold different things, and no majority tells which is right",
      {
        difference: text,
      },
    );
  }
  return who;
}
