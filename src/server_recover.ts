/** `recover`: opens the files of a node that is not running, and does what a person wishes. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config/schema.ts";
import type { StateHash } from "./kv/checksum.ts";
import { KvStateMachine } from "./kv/state_machine.ts";
import { type Acceptance, acceptLoss, type LossParts } from "./node/accept_loss.ts";
import { IdentityKeeper } from "./node/identity_keeper.ts";
import { goOnAlone, type Loneliness, type Remains, remainsOf } from "./node/lost_quorum.ts";
import { completeInstall } from "./node/opening.ts";
import type { NodeId } from "./raft/types.ts";
import type { Runtime } from "./runtime/mod.ts";
import { systemClock } from "./runtime/system_clock.ts";
import { drawIncarnation } from "./server_incarnation.ts";
import { openStorage } from "./server_storage.ts";

type Wish = "inspect" | "acceptLoss" | "goOnAlone";
type Alone = Extract<Loneliness, { kind: "alone" }> & { readonly nodeId: NodeId };

/** What became of the wish. */
export type Recovered =
  | Acceptance
  | Alone
  | {
    readonly kind: "remains";
    readonly remains: Remains & {
      /** Sixteen hexadecimal digits, equal on all nodes that have applied the same. */
      readonly stateHash: string;
    };
  };

/**
 * Throws when the files cannot be opened, are in use, or belong to another node; the message says
 * which and why.
 */
export async function recoverNode(
  options: { readonly config: Config; readonly runtime: Runtime; readonly wish: Wish },
): Promise<Recovered> {
  const { config, runtime, wish } = options;
  const reason = `${config.dataDir} holds no node: there is no identity.json`;
  const nothing = { kind: "refused", reason } as const;
  // Whoever mistypes the path must find neither a directory nor files of a node made there.
  if (!existsSync(join(config.dataDir, "identity.json"))) return nothing;
  const failure = Promise.withResolvers<never>();
  const onFatal = (error: unknown) => failure.reject(error);
  // No image is made or received here.
  const onImageProblem = () => {};
  const storage = openStorage({ config, runtime, clock: systemClock, onFatal, onImageProblem });
  let machine: KvStateMachine | undefined;
  try {
    const identity = storage.identities.load();
    if (identity === undefined) return nothing;
    const tables = storage.openTables(identity.clusterId);
    machine = new KvStateMachine({ tables });
    if (wish !== "inspect") completeInstall({ storage: storage.engine, machine });
    const { clusterTimeMs, stateHash } = machine.status();
    const keeper = new IdentityKeeper(storage.identities, identity);
    const parts = { keeper, storage: storage.engine, machine, clusterTimeMs };
    if (wish === "inspect") {
      const remains = { ...remainsOf(parts), stateHash: hexOf(stateHash) };
      return { kind: "remains", remains };
    }
    return await Promise.race([carryOut(wish, parts), failure.promise]);
  } finally {
    machine?.close();
    storage.close();
  }
}

function hexOf({ a, b }: StateHash): string {
  return [a, b].map((lane) => lane.toString(16).padStart(8, "0")).join("");
}

function carryOut(wish: Exclude<Wish, "inspect">, parts: LossParts): Promise<Recovered> {
  const { nodeId } = parts.keeper.identity;
  switch (wish) {
    case "acceptLoss":
      return new Promise((resolve) => acceptLoss(parts, resolve));
    case "goOnAlone":
      return new Promise((resolve) =>
        goOnAlone(
          { ...parts, drawIncarnation },
          (came) => resolve(came.kind === "alone" ? { ...came, nodeId } : came),
        )
      );
  }
}
