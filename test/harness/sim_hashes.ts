/** How the nodes of a simulation compare their states: the questions go over its network. */

import type { PositionedHash } from "../../src/kv/past_hashes.ts";
import type { FormedNode } from "../../src/server_node.ts";
import type { AskHashes, StateVerdict } from "../../src/service/state_comparison.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { SimTransport } from "./sim_transport.ts";

/** A node that asks, and is asked. */
export interface ComparedNode {
  readonly network: SimNetwork;
  readonly transport: SimTransport;
  readonly clusterId: string;
  readonly formed: () => FormedNode | undefined;
  readonly hashes: () => readonly PositionedHash[];
  /** Told what each comparison that came to something has come to. */
  readonly compared: (verdict: StateVerdict) => void;
}

/** Lets the node answer, as long as it is formed and of the same cluster; how it asks. */
export function comparing(node: ComparedNode): AskHashes {
  const { network, transport, clusterId, formed, hashes, compared } = node;
  transport.onHashesAsked((theirs) =>
    formed() === undefined || theirs !== clusterId ? [] : hashes()
  );
  return (address, { tell }) =>
    network.question<readonly PositionedHash[]>({ from: transport.address, to: address }, {
      put: (target, answer) => target.tellHashes(clusterId, answer),
      done: (told) =>
        transport.process.run(() => {
          const before = formed()?.checks.verdict;
          tell(told ?? []);
          const verdict = formed()?.checks.verdict;
          if (verdict !== undefined && verdict !== before) compared(verdict);
        }),
    });
}
