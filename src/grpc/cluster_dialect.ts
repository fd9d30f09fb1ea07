/** skein.cluster.v1.RaftClusterService: operating the cluster over gRPC. */

import type { BackupService, ClusterService, WatchService } from "../service/contract.ts";
import { BackupSource } from "./backup_source.ts";
import { type OfferedMethod, offerSource, offerUnary } from "./call.ts";
import { answering } from "./cluster_answers.ts";
import { ClusterSource } from "./cluster_source.ts";
import { method } from "./codec.ts";
import { fromCheck, fromClusterView, fromOutline } from "./convert_cluster.ts";
import { membershipMethods, nodeOf } from "./membership_calls.ts";
import { answerHeaders, minRevision, requestOptions } from "./request_options.ts";

const service = "skein.cluster.v1.RaftClusterService";

/** The methods of RaftClusterService over `cluster`. */
export function clusterMethods(
  { cluster, watches, backups }: {
    readonly cluster: ClusterService;
    readonly watches: WatchService;
    readonly backups: BackupService;
  },
): readonly OfferedMethod[] {
  return [
    offerUnary(
      method(service, "ListNodes"),
      (_request, call) =>
        answering(call, async (options) => {
          const { nodes, leader, configuration } = fromClusterView(await cluster.fullView(options));
          return { nodes, leader, configuration };
        }),
    ),
    offerUnary(method(service, "Status"), ({ local }, call) =>
      answering(call, async (options) => {
        const view = local ? cluster.view() : await cluster.fullView(options);
        const checks = cluster.readiness();
        const ready = checks.every((check) => check.ok);
        return { view: fromClusterView(view), ready, checks: checks.map(fromCheck) };
      })),
    offerUnary(
      method(service, "TransferLeadership"),
      ({ target }, call) =>
        answering(call, async (options) => {
          const wanted = target === null || target === undefined
            ? target
            : nodeOf(target, "target");
          return await cluster.transferLeadership(wanted ?? undefined, options);
        }),
    ),
    ...membershipMethods(cluster),
    offerSource(method(service, "WatchMembership"), (_request, call) => {
      const source = new ClusterSource(watches.watchCluster(), {
        headers: answerHeaders(requestOptions(call).requestId),
        answer: fromOutline,
        isWanted: () => true,
      });
      return Promise.resolve(source);
    }),
    offerSource(method(service, "Snapshot"), async (_request, call) => {
      const options = requestOptions(call);
      const read = { ...options, ...minRevision(call), level: "linearizable" } as const;
      const { backup, header } = await backups.make(read);
      return new BackupSource(backup, answerHeaders(options.requestId, header));
    }),
  ];
}
