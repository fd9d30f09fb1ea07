/** Everything that clients may call, as one list for the server. */

import type { BackupService } from "../service/contract.ts";
import type { OfferedMethod } from "./call.ts";
import { clusterMethods } from "./cluster_dialect.ts";
import { dEngineMethods, type DEngineOptions } from "./d_engine_dialect.ts";
import { healthMethods } from "./health.ts";
import { reflectionMethods } from "./reflection.ts";

const standardServices = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

/** The dialects, health of their services, and reflection over all of it. */
export function clientMethods(
  options: DEngineOptions & { readonly backups: BackupService },
): readonly OfferedMethod[] {
  const own = [...dEngineMethods(options), ...clusterMethods(options)];
  const services = [...new Set(own.map(({ path }) => path.slice(1, path.lastIndexOf("/"))))];
  return [
    ...own,
    ...healthMethods(options.cluster, services),
    ...reflectionMethods([...services, ...standardServices].sort()),
  ];
}
