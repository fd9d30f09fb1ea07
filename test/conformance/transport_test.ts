import type { Hello, HelloAnswer } from "../../src/node/ports.ts";
import type { Envelope } from "../../src/raft/message.ts";
import { judgeCluster, startGrpcNode, testHello } from "../harness/grpc_node.ts";
import { MemoryNetwork } from "./memory_transport.ts";
import { transportSuite } from "./transport_suite.ts";

const network = new MemoryNetwork();

transportSuite("memory", (options) => {
  const transport = network.open();
  const received: Envelope[] = [];
  const unreachable: number[] = [];
  const refusals: string[] = [];
  const hello = testHello({ ...options, address: transport.address });
  transport.onHello((theirs: Hello): HelloAnswer =>
    options.judge?.(theirs) ?? judgeCluster(hello, theirs)
  );
  transport.setHello((to) => ({ ...hello, to }));
  transport.onReceive((envelope) => received.push(envelope));
  transport.onUnreachable((peer) => unreachable.push(peer));
  transport.onRefused((_peer, { reason }) => refusals.push(reason));
  const close = () => new Promise<void>((resolve) => transport.close(resolve));
  const { address } = transport;
  return Promise.resolve({ address, transport, hello, received, unreachable, refusals, close });
});

transportSuite("gRPC", startGrpcNode);
