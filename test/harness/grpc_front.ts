/** The client side of a node over fakes: a listener with every client method, and a client. */

import { clientMethods } from "../../src/grpc/client_methods.ts";
import { serverCredentials } from "../../src/grpc/credentials.ts";
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../../src/grpc/server.ts";
import { FakeClusterService, FakeKvService } from "./fake_services.ts";
import { TestGrpcClient } from "./grpc_client.ts";

export interface GrpcFront {
  readonly kv: FakeKvService;
  readonly cluster: FakeClusterService;
  readonly server: GrpcServer;
  readonly client: TestGrpcClient;
  readonly internalErrors: unknown[];
  close(): Promise<void>;
}

export async function startGrpcFront(
  clientRpcAddress?: string,
  limits: Pick<GrpcServerOptions, "memory" | "requestsMax"> = {},
): Promise<GrpcFront> {
  const kv = new FakeKvService();
  const cluster = new FakeClusterService();
  const internalErrors: unknown[] = [];
  const server = await startGrpcServer({
    rpcAddress: "127.0.0.1:0",
    ...(clientRpcAddress === undefined ? {} : { clientRpcAddress }),
    credentials: serverCredentials(undefined, false),
    ...limits,
    peerMethods: [],
    clientMethods: clientMethods({ kv, cluster, tls: false }),
    onInternalError: (_path, error) => internalErrors.push(error),
  });
  const client = new TestGrpcClient(server.clientRpcAddress);
  const close = async (): Promise<void> => {
    client.close();
    await server.close(500);
  };
  return { kv, cluster, server, client, internalErrors, close };
}
