/** Linearizable reads by ReadIndex (thesis §6.4), as the services ask for them. */

import type { ReadOutcome } from "../node/readers.ts";
import type { NodeId } from "../raft/types.ts";
import { unlessGone, type Waited } from "./gone.ts";
import type { ServedNode } from "./node_port.ts";
import { readFailed } from "./outcome_errors.ts";

/** A quorum confirms that what this node shows next includes everything committed before. */
export async function confirm(
  { node, self }: { readonly node: Pick<ServedNode, "readIndex">; readonly self: NodeId },
  { deadlineMs, signal }: Waited,
): Promise<void> {
  const outcome = await unlessGone<ReadOutcome>(
    { signal, outcome: undefined },
    (tell) => node.readIndex(deadlineMs, tell),
  );
  if (outcome.kind === "failed") throw readFailed(outcome.reason, self);
}
