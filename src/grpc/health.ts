/** The standard health service: every offered service serves exactly while the node is ready. */

import type { ClusterService } from "../service/contract.ts";
import { grpcStatus } from "../service/errors.ts";
import {
  CallError,
  type OfferedMethod,
  offerStream,
  offerUnary,
  type StreamAnswers,
} from "./call.ts";
import { method, type Wire } from "./codec.ts";

type Response = Wire["grpc.health.v1.HealthCheckResponse"];

const servingStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;
/** Readiness has no event of its own for everything that it depends on. */
const lookEveryMs = 500;

/** `services`: the full names of what is offered. */
export function healthMethods(
  cluster: ClusterService,
  services: readonly string[],
): readonly OfferedMethod[] {
  const known = new Set(["", ...services]);
  const now = (): number => {
    const ready = cluster.readiness().every((check) => check.ok);
    return ready ? servingStatus.serving : servingStatus.notServing;
  };
  return [
    offerUnary(method("grpc.health.v1.Health", "Check"), ({ service }) => {
      if (known.has(service)) return Promise.resolve({ message: { status: now() } });
      const text = `No service ${service} here`;
      return Promise.reject(new CallError(grpcStatus.notFound, text));
    }, { countsAs: "probe" }),
    offerUnary(method("grpc.health.v1.Health", "List"), () => {
      const status = now();
      const statuses = Object.fromEntries([...known].map((service) => [service, { status }]));
      return Promise.resolve({ message: { statuses } });
    }, { countsAs: "probe" }),
    offerStream(method("grpc.health.v1.Health", "Watch"), (answers) => {
      let stop = (): void => {};
      return {
        message: ({ service }) => {
          stop();
          stop = known.has(service)
            ? watch(cluster, now, answers)
            : (answers.send({ status: servingStatus.serviceUnknown }), () => {});
        },
        malformed: (error) =>
          answers.fail(new CallError(grpcStatus.invalidArgument, error.message)),
        // The one question was asked; the answers go on.
        halfClosed: () => {},
        closed: () => stop(),
      };
    }),
  ];
}

/** Sends the status, and again whenever it has changed, until the returned function is called. */
function watch(
  cluster: ClusterService,
  now: () => number,
  answers: StreamAnswers<Response>,
): () => void {
  let last: number | undefined;
  const look = (): void => {
    const status = now();
    if (status === last) return;
    last = status;
    answers.send({ status });
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  const forget = cluster.onLeadership(look);
  return () => {
    clearInterval(timer);
    forget();
  };
}
