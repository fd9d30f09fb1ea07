/** skein.cluster.v1.RaftClusterService: operating the cluster over gRPC. */

import type { ClusterService, WatchService } from "../service/contract.ts";
import {
  type OfferedMethod,
  offerSource,
  offerStream,
  offerUnary,
  type StreamHandler,
} from "./call.ts";
import { answering } from "./cluster_answers.ts";
import { ClusterSource } from "./cluster_source.ts";
import { method } from "./codec.ts";
import { fromCheck, fromClusterView, fromOutline } from "./convert_cluster.ts";
import { membershipMethods } from "./membership_calls.ts";
import { answerHeaders, requestOptions, unavailable } from "./request_options.ts";

const service = "skein.cluster.v1.RaftClusterService";

/** The methods of RaftClusterService over `cluster`. */
export function clusterMethods(
  { cluster, watches }: { readonly cluster: ClusterService; readonly watches: WatchService },
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
        answering(call, (options) => cluster.transferLeadership(target ?? undefined, options)),
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
    offerStream(method(service, "Snapshot"), missingStream("Snapshot")),
  ];
}

function missingStream<Request, Response>(name: string): StreamHandler<Request, Response> {
  return (answers) => {
    answers.fail(unavailable(name));
    return { message() {}, malformed() {}, halfClosed() {}, closed() {} };
  };
}
