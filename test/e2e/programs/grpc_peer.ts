/**
 * A node's end of the peer protocol as a program of its own: it sends every AppendEntries back to
 * where it came from. It prints its address, and ends with its standard input.
 */

import process from "node:process";
import { startGrpcNode } from "../../harness/grpc_node.ts";

const node = await startGrpcNode({ id: Number(process.argv[2]) });
node.transport.onReceive((envelope) => {
  if (envelope.message.kind !== "appendEntries") return;
  node.transport.send({ ...envelope, from: envelope.to, to: envelope.from });
});
console.log(node.address);
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
