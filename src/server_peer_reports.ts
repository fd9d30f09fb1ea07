/** What the log says of the connections to peers. */

import type { RaftTransportOptions } from "./grpc/raft_transport.ts";
import type { Logger } from "./lib/logger.ts";

/** The handlers of the transport that write into a log. */
export function peerReports(logger: Logger): Pick<RaftTransportOptions, "onFault" | "onReach"> {
  return {
    onFault: ({ kind, source, detail, suppressed }) =>
      logger.warn(detail, { kind, source, suppressed }),
    onReach: (report) => {
      const { kind, name: peer, address } = report;
      switch (kind) {
        case "unreachable": {
          const { reason, sinceMs: since_ms } = report;
          return logger.warn("A peer cannot be reached", { peer, address, reason, since_ms });
        }
        case "back":
          return logger.info("A peer can be reached again", {
            ...{ peer, address, after_ms: report.afterMs },
          });
      }
    },
  };
}
