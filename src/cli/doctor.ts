/** `doctor`: is this machine fit for a node? */

import { createServer } from "node:net";
import type { Config } from "../config/schema.ts";
import { formatHostPort, type HostPort } from "../lib/host_port.ts";
import type { Runtime } from "../runtime/mod.ts";
import { WorkerJobs } from "../runtime/worker_jobs.ts";
import type { Command, CommandContext } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import {
  configWarnings,
  fileSystemOf,
  nearestFolder,
  openFileLimit,
  runtimeWarnings,
} from "./machine.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import { renderTable } from "./table.ts";

interface Finding {
  readonly name: string;
  readonly verdict: "ok" | "warning" | "failed";
  readonly detail: string;
}

export const doctor: Command = {
  name: "doctor",
  summary: "Check ports, clock, disk, limits and runtime of this machine",
  operands: "",
  options: [
    ...configOptions,
    { name: "output", short: "o", value: "table|json", description: "how to show it" },
  ],
  example: "skein doctor --data-dir /var/lib/skein",
  async run(context) {
    operandsOf(context, []);
    const output = context.args.oneOf("output", ["table", "json"]) ?? "table";
    const { config } = configFrom(context);
    const findings = await examine(config, context);
    const rows = findings.map(({ name, verdict, detail }) => [name, verdict, detail]);
    await context.terminal.write(
      output === "json"
        ? `${JSON.stringify(findings, null, 2)}\n`
        : renderTable(["CHECK", "VERDICT", "DETAIL"], rows),
    );
    const isFit = findings.every(({ verdict }) => verdict !== "failed");
    return isFit ? exitCode.ok : exitCode.failed;
  },
};

async function examine(config: Config, { runtime }: CommandContext): Promise<readonly Finding[]> {
  return [
    ...runtimeFindings(runtime),
    ...await Promise.all([
      portFinding("port of REST", config.httpAddr),
      portFinding("port of gRPC", config.rpcAddr),
      ...(config.clientRpcAddr === undefined
        ? []
        : [portFinding("port of gRPC for clients", config.clientRpcAddr)]),
    ]),
    await clockFinding(),
    limitFinding(),
    diskFinding(config),
    ...await workerFindings(config, runtime),
    ...configWarnings(config).map((detail): Finding => ({
      name: "configuration",
      verdict: "warning",
      detail,
    })),
  ];
}

function runtimeFindings(runtime: Runtime): readonly Finding[] {
  const warnings = runtimeWarnings(runtime);
  const detail = `${runtime.name} ${runtime.version}, SQLite ${runtime.sqliteVersion}`;
  if (warnings.length === 0) return [{ name: "runtime", verdict: "ok", detail }];
  return warnings.map((warning) => ({ name: "runtime", verdict: "warning", detail: warning }));
}

async function portFinding(name: string, address: HostPort): Promise<Finding> {
  const error = await listenError(address);
  const at = formatHostPort(address);
  return error === undefined
    ? { name, verdict: "ok", detail: `${at} is free` }
    : { name, verdict: "failed", detail: `${at} cannot be used: ${error}` };
}

/** Why nobody can listen there now; undefined when it is free. */
export function listenError({ host, port }: HostPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => {
      const isBusy = "code" in error && error.code === "EADDRINUSE";
      resolve(isBusy ? "the address is in use" : error.message);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Timers drive elections: one that is late by much more than a heartbeat loses leadership. */
async function clockFinding(): Promise<Finding> {
  const rounds = 20;
  const intervalMs = 10;
  let latestMs = 0;
  const wallStartMs = Date.now() - performance.now();
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
    latestMs = Math.max(latestMs, performance.now() - startedMs - intervalMs);
  }
  const steppedMs = Math.abs(Date.now() - performance.now() - wallStartMs);
  const detail = `timers late by at most ${latestMs.toFixed(1)} ms, wall clock off its course by ` +
    `${steppedMs.toFixed(1)} ms`;
  const isBad = latestMs > 50 || steppedMs > 50;
  return { name: "clock", verdict: isBad ? "warning" : "ok", detail };
}

function limitFinding(): Finding {
  const limit = openFileLimit();
  const detail = limit === undefined ? "no limit known" : `${limit} files may be open`;
  return { name: "open files", verdict: "ok", detail };
}

function diskFinding(config: Config): Finding {
  const name = "disk";
  const disk = fileSystemOf(config.dataDir);
  if (disk === undefined) {
    return { name, verdict: "warning", detail: `The disk of ${config.dataDir} tells nothing` };
  }
  const free = `${gibibytes(disk.freeBytes)} GiB of ${gibibytes(disk.totalBytes)} free`;
  const isLow = disk.freeBytes < config.storage.spaceLowBytes;
  return {
    name,
    verdict: isLow ? "failed" : "ok",
    detail: isLow ? `${free}, below storage.space_low_bytes` : free,
  };
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

const workerStartMs = 10_000;

/** The worker is what a broken build loses first; it also measures the disk. */
async function workerFindings(config: Config, runtime: Runtime): Promise<readonly Finding[]> {
  const jobs = new WorkerJobs(runtime.spawnWorker());
  const overdue = setTimeout(() => jobs.close(), workerStartMs);
  try {
    const { runtime: name, runtimeVersion } = await jobs.run("describe", null);
    const worker: Finding = { name: "worker", verdict: "ok", detail: `${name} ${runtimeVersion}` };
    return [worker, await syncFinding(config, jobs)];
  } catch (error) {
    return [{ name: "worker", verdict: "failed", detail: messageOf(error) }];
  } finally {
    clearTimeout(overdue);
    jobs.close();
  }
}

async function syncFinding({ dataDir }: Config, jobs: WorkerJobs): Promise<Finding> {
  const name = "fdatasync";
  try {
    const folder = nearestFolder(dataDir);
    const { medianMs, slowestMs } = await jobs.run("measureSync", { folder, rounds: 50 });
    const detail = `${medianMs.toFixed(2)} ms in the median, ${slowestMs.toFixed(2)} ms at worst`;
    const isSlow = medianMs > 20 || slowestMs > 500;
    return { name, verdict: isSlow ? "warning" : "ok", detail };
  } catch (error) {
    return { name, verdict: "failed", detail: `${dataDir} cannot be written: ${messageOf(error)}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
