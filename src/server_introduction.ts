/** How a node is made known to its transport: who it is, and whom it listens to. */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import { version } from "./lib/version.ts";
import { IdentityDoubt } from "./node/identity_doubt.ts";
import type { IdentityKeeper } from "./node/identity_keeper.ts";
import { Peers } from "./node/peers.ts";
import type { Clock, Transport } from "./node/ports.ts";
import type { MemberAddresses, NodeId } from "./raft/types.ts";
import type { Versions } from "./server_versions.ts";

/** What a node says of itself, and where. */
export interface IntroductionParts {
  readonly keeper: IdentityKeeper;
  readonly nonce: number;
  readonly addresses: MemberAddresses;
  readonly config: Config;
  readonly versions: Versions;
  readonly machine: KvStateMachine;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The others, as far as they are met from now on. */
export interface Introduction {
  readonly peers: Peers;
  readonly doubt: IdentityDoubt;
}

/** From here on the other nodes may be talked to. `bootstrapIds`: those of the file, sorted. */
export function introduce(
  parts: IntroductionParts,
  bootstrapIds: readonly NodeId[],
): Introduction {
  const { keeper, nonce, addresses, transport, machine, clock, logger } = parts;
  const self = {
    ...{ keeper, nonce, addresses, bootstrapIds },
    protocols: parts.versions.protocols,
    dataVersion: machine.dataVersions.newest,
    dataVersionInUse: () => machine.dataVersions.inUse,
    programVersion: version,
    electionTimeoutMinMs: parts.config.raft.electionTimeoutMinMs,
  };
  const peers = new Peers(self, (address, mine, done) => transport.hello(address, mine, done));
  const doubt = new IdentityDoubt({
    ...{ keeper, monotonicMs: () => clock.monotonicMs() },
    report: (text) => logger.error(text),
  });
  transport.setHello((to) => peers.hello(to));
  transport.onHello((theirs, standing) => {
    doubt.greeted(theirs);
    return peers.judge(theirs, standing);
  });
  return { peers, doubt };
}
