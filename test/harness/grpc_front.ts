/** The client side of a node over fakes: a listener with every client method, and a client. */

import { clientMethods } from "../../src/grpc/client_methods.ts";
import { serverCredentials } from "../../src/grpc/credentials.ts";
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../../src/grpc/server.ts";
import type { NodeWatchService } from "../../src/service/watch_service.ts";
import { backupsOf, type FakeBackupService } from "./fake_backups.ts";
import { FakeClusterService, FakeKvService, watchesOf } from "./fake_services.ts";
import { TestGrpcClient } from "./grpc_client.ts";

export interface GrpcFront {
  readonly kv: FakeKvService;
  readonly cluster: FakeClusterService;
  readonly watches: NodeWatchService;
  readonly backups: FakeBackupService;
  readonly server: GrpcServer;
  readonly client: TestGrpcClient;
  readonly internalErrors: unknown[];
  close(): Promise<void>;
}

export interface GrpcFrontLimits extends Pick<GrpcServerOptions, "memory" | "requestsMax"> {
  readonly watchesMax?: number;
  /** How long a watch without anything to tell is silent, ms. */
  readonly progressMs?: number;
}

export async function startGrpcFront(
  clientRpcAddress?: string,
  { watchesMax, progressMs, ...limits }: GrpcFrontLimits = {},
): Promise<GrpcFront> {
  const kv = new FakeKvService();
  const cluster = new FakeClusterService();
  const watches = watchesOf(kv, watchesMax, cluster);
  const backups = backupsOf(kv);
  const internalErrors: unknown[] = [];
  const server = await startGrpcServer({
    rpcAddress: "127.0.0.1:0",
    ...(clientRpcAddress === undefined ? {} : { clientRpcAddress }),
    credentials: serverCredentials(undefined, false),
    ...limits,
    peerMethods: [],
    clientMethods: clientMethods({
      ...{ kv, cluster, watches, backups, tls: false },
      ...(progressMs === undefined ? {} : { progressMs }),
    }),
    onInternalError: (_path, error) => internalErrors.push(error),
  });
  const client = new TestGrpcClient(server.clientRpcAddress);
  const close = async (): Promise<void> => {
    client.close();
    watches.close();
    await server.close(500);
  };
  return { kv, cluster, watches, backups, server, client, internalErrors, close };
}
