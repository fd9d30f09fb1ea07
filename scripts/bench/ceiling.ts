/** What the generator reaches against a server that does nothing, over each surface. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { freePorts } from "../../test/harness/ports.ts";
import { until } from "../../test/harness/wait.ts";
import { runtimeProgram } from "../gate/run_command.ts";
import type { Measurement, Surface } from "./measurement.ts";
import { root, runGenerator } from "./run_generator.ts";
import { ServerProcess } from "./server_process.ts";
import { openSocket } from "./socket.ts";
import { keyBytes, valueBytes } from "./workloads.ts";

export interface Ceiling {
  readonly surface: Surface;
  readonly measurement: Measurement;
}

export async function measureCeilings(
  surfaces: readonly Surface[],
  options: { readonly folder: string; readonly seconds: number },
): Promise<readonly Ceiling[]> {
  const [restPort = 0, grpcPort = 0] = await freePorts(2);
  mkdirSync(options.folder, { recursive: true });
  const stub = new ServerProcess({
    program: runtimeProgram(root, "bun"),
    args: [join(root, "scripts/bench/stub_server.ts"), String(restPort), String(grpcPort)],
    folder: root,
    logPath: join(options.folder, "stub.log"),
    env: process.env,
  });
  const port = { rest: restPort, grpc: grpcPort };
  const host = "127.0.0.1";
  const listens = async (): Promise<boolean> => {
    (await openSocket({ host, port: grpcPort })).destroy();
    return true;
  };
  await until(listens, { what: "the stub server to listen" });
  const ceilings: Ceiling[] = [];
  for (const surface of surfaces) {
    const measurement = await runGenerator({
      ...{ system: "skein", surface, operation: "linearizableRead" },
      targets: [{ host, port: port[surface] }],
      ...{ connections: 10, clients: 100, keys: 1_000, keyBytes, valueBytes, seed: 1 },
      ...{ warmupMs: 500, measureMs: options.seconds * 1_000 },
      serverPids: [stub.pid],
    });
    ceilings.push({ surface, measurement });
  }
  await stub.end(1_000);
  return ceilings;
}
