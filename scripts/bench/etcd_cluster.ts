/** Three etcd servers with their defaults, except that they log errors only. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { freePorts } from "../../test/harness/ports.ts";
import { askJson, Cluster, type Member, memberCount, membersOf } from "./cluster.ts";
import { ServerProcess } from "./server_process.ts";

/** The program called `etcd` on the PATH. */
export function findEtcd(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "etcd")).find((path) => existsSync(path));
}

/** `etcd 3.7.3`. Throws an Error that names the program when it cannot be run. */
export function etcdVersion(program: string): string {
  try {
    const text = execFileSync(program, ["--version"], { encoding: "utf8", env: plainEnv() });
    return `etcd ${/etcd Version: (\S+)/.exec(text)?.[1] ?? "of unknown version"}`;
  } catch (error) {
    throw new Error(`Cannot run ${program} --version`, { cause: error });
  }
}

export async function startEtcd(program: string, folder: string): Promise<Cluster> {
  const ports = await freePorts(memberCount * 2);
  const members = Array.from(
    { length: memberCount },
    (_, at) => startMember({ program, folder, ports, at }),
  );
  return new Cluster({
    name: "etcd",
    version: etcdVersion(program),
    leads: async ({ rest }) => {
      const status = await askJson(rest, "/v3/maintenance/status", "{}");
      const self = membersOf(status?.get("header")).get("member_id");
      return self !== undefined && self === status?.get("leader");
    },
  }, members);
}

function startMember({ program, folder, ports, at }: {
  readonly program: string;
  readonly folder: string;
  readonly ports: readonly number[];
  readonly at: number;
}): Member {
  const host = "127.0.0.1";
  const peerUrl = (member: number): string => `http://${host}:${ports[2 * member + 1]!}`;
  const name = (member: number): string => `node-${member + 1}`;
  const port = ports[2 * at]!;
  const clientUrl = `http://${host}:${port}`;
  const everyone = Array.from(
    { length: memberCount },
    (_, member) => `${name(member)}=${peerUrl(member)}`,
  );
  const data = join(folder, name(at));
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const server = new ServerProcess({
    program,
    args: [
      ...["--name", name(at), "--data-dir", data, "--log-level", "error"],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--listen-peer-urls", peerUrl(at), "--initial-advertise-peer-urls", peerUrl(at)],
      ...["--initial-cluster", everyone.join(","), "--initial-cluster-token", "bench"],
    ],
    folder,
    logPath: join(folder, `${name(at)}.log`),
    env: plainEnv(),
  });
  const address = { host, port };
  return { process: server, rest: address, grpc: address };
}

/** Without the variables that etcd would take as settings. */
function plainEnv(): Readonly<Record<string, string | undefined>> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("ETCD"));
  return Object.fromEntries(own);
}
