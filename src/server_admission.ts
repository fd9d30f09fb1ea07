/**
 * Under which name a directory becomes a node: the one that stands in it, the one that the
 * configuration gives it, or the one that a living cluster gives it (server_join.ts).
 *
 * A directory that asks a cluster writes down its incarnation first, and its identity as soon as it
 * has been given one: a process that ends in between asks again, and is the same member.
 */

import type { Config } from "./config/schema.ts";
import type { Logger } from "./lib/logger.ts";
import { identify, IdentityKeeper } from "./node/identity_keeper.ts";
import type { Identity } from "./node/ports.ts";
import { isOnLoopback } from "./lib/host_port.ts";
import type { MemberAddresses } from "./raft/types.ts";
import { drawIncarnation } from "./server_incarnation.ts";
import { Joining, type JoinOutcome } from "./server_join.ts";
import type { OpenedStorage } from "./server_storage.ts";
import { isAlone, otherClusterAt } from "./server_vain_join.ts";
import { untilWoken } from "./service/patience.ts";

/** What it is decided from. */
export interface AdmissionParts {
  readonly config: Config;
  readonly storage: Pick<OpenedStorage, "identities" | "candidacy"> & {
    readonly engine: Pick<OpenedStorage["engine"], "stored">;
  };
  readonly logger: Logger;
}

/** The admission of one directory. */
export class Admission {
  readonly #parts: AdmissionParts;
  #joining: Joining | undefined;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * The identity, with this start counted. Undefined where a cluster has to be asked for one, or
   * where its members are: {@link ask} does. Rejects where the directory is not what `join` asks
   * for.
   */
  async identify(): Promise<IdentityKeeper | undefined> {
    const { config, storage } = this.#parts;
    const known = storage.identities.load();
    const joins = config.join.length > 0;
    const isTaken = known?.joining !== undefined && known.birth === undefined;
    // A process that ended just behind that left it.
    if (known !== undefined && storage.candidacy.load() !== undefined) storage.candidacy.remove();
    if (joins && (known === undefined || isTaken)) return undefined;
    if (joins && known !== undefined) await this.#joinInVain(known);
    if (known === undefined && storage.candidacy.load() !== undefined) {
      throw new Error(
        `Data directory ${config.dataDir} has asked a cluster to take it in, and join is not ` +
          "set: start with --join again, or empty the directory to begin anew",
      );
    }
    return await this.#counted();
  }

  async #joinInVain(known: Identity): Promise<void> {
    const { config, storage, logger } = this.#parts;
    const { clusterId, nodeId } = known;
    const where = `Data directory ${config.dataDir}`;
    if (known.birth === undefined) {
      throw new Error(
        `${where} was to be node ${nodeId} of cluster "${clusterId}", which was never formed, ` +
          "and join is set: empty the directory to join, or leave join out",
      );
    }
    const names = { cluster_id: clusterId, node_id: nodeId };
    if (!isAlone(known, storage.engine)) {
      return logger.info("This directory is a member's already: join has no effect", names);
    }
    const other = await otherClusterAt(config, known);
    if (other === undefined) {
      return logger.warn("This directory is a cluster of its own: join has no effect", names);
    }
    throw new Error(
      `${where} is node ${nodeId} of cluster "${clusterId}", which it founded and has no other ` +
        `member, and ${other}: empty the directory or set data_dir to another one to join that ` +
        "one, or leave join out to go on alone",
    );
  }

  /** Undefined when it was stopped; rejects when the cluster refuses. */
  async ask(addresses: MemberAddresses): Promise<IdentityKeeper | undefined> {
    const { config, storage, logger } = this.#parts;
    const { identities, candidacy } = storage;
    const known = identities.load();
    // What a member has is between it and the cluster, and may be as it is meant to be.
    if (known === undefined) requireReachable(config.join, addresses);
    const incarnation = known?.incarnation ?? candidacy.load() ?? drawIncarnation();
    if (known === undefined) candidacy.save(incarnation);
    this.#joining = new Joining({
      urls: config.join,
      clusterId: known?.clusterId ?? config.named.clusterId,
      nodeId: known?.nodeId ?? config.named.nodeId,
      suffrage: config.joinAs,
      ...{ incarnation, addresses },
    }, {
      pause: (ms, signal) => untilWoken({ ms, signal }, () => () => {}),
      waiting: (text) => logger.info("No cluster has taken this node in yet", { asked: text }),
    });
    // Whoever was taken in knows members already; asked again, the cluster says where they are now.
    const rounds = known === undefined ? Infinity : 1;
    const outcome = await this.#joining.run(rounds);
    if (outcome.kind === "stopped") return undefined;
    if (outcome.kind === "unanswered") return await this.#counted();
    if (outcome.kind === "refused") {
      const where = config.dataDir;
      throw new Error(`The cluster does not take this node, in ${where}: ${outcome.reason}`);
    }
    logger.info("The cluster has taken this node in", {
      ...{ cluster_id: outcome.clusterId, node_id: outcome.nodeId },
    });
    await this.#save(incarnation, outcome, known);
    candidacy.remove();
    return await this.#counted();
  }

  /** What is being waited for, for people. */
  waitingFor(): string {
    return this.#joining?.waitingFor() ?? this.#parts.config.join.join(", ");
  }

  stop(): void {
    this.#joining?.stop();
  }

  #save(
    incarnation: string,
    { clusterId, nodeId, members }: JoinOutcome & { readonly kind: "taken" },
    known: Identity | undefined,
  ): Promise<void> {
    const identity: Identity = {
      ...{ starts: 0, logEpoch: 1, recovering: false, ...known },
      ...{ clusterId, nodeId, incarnation, joining: members },
    };
    return new Promise((resolve) => this.#parts.storage.identities.save(identity, resolve));
  }

  #counted(): Promise<IdentityKeeper> {
    const { clusterId, nodeId } = this.#parts.config;
    const store = this.#parts.storage.identities;
    return new Promise((resolve) =>
      identify({ store, clusterId, nodeId, drawIncarnation }, resolve)
    );
  }
}

/** A cluster on other machines would take the node in, and never reach it. */
function requireReachable(join: readonly string[], { rpc, http }: MemberAddresses): void {
  const elsewhere = join.find((url) => !isOnLoopback(url));
  if (elsewhere === undefined) return;
  for (const [name, address] of [["rpc", rpc], ["http", http]] as const) {
    if (!isOnLoopback(address)) continue;
    throw new Error(
      `This node would be a member at ${name} ${address}, which only this machine reaches, and ` +
        `join is ${elsewhere}, on another one: set ${name}_addr or ${name}_advertise_addr to ` +
        "where the members reach this node",
    );
  }
}
