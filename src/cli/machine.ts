/** What is unwise about a machine: the warnings of `start`, `config check` and `doctor`. */

import { existsSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { formatHostPort, isUnspecified } from "../lib/host_port.ts";
import type { Runtime } from "../runtime/mod.ts";

/** Everything about this start that a person should know; each a sentence without its full stop. */
export function startWarnings(config: Config, runtime: Runtime): readonly string[] {
  return [...configWarnings(config), ...runtimeWarnings(runtime)];
}

/** What the schema allows and this machine or arithmetic makes unwise. */
export function configWarnings(config: Config): readonly string[] {
  const warnings: string[] = [];
  const voters = config.peers.length + 1;
  if (voters % 2 === 0) {
    warnings.push(
      `${voters} voters tolerate no more failures than ${voters - 1}: use an odd number`,
    );
  }
  const isAlone = config.peers.length === 0 && config.join.length === 0;
  if (isAlone && isUnspecified(config.rpcAddr.host) && config.rpcAdvertiseAddr === undefined) {
    warnings.push(
      `rpc_addr is ${formatHostPort(config.rpcAddr)}, which names every interface, and ` +
        "rpc_advertise_addr is not set: no node of another machine can join this one",
    );
  }
  const memory = memoryFileSystem(config.dataDir);
  if (config.storage.engine === "memory") {
    warnings.push("storage.engine is memory: the node forgets everything when it ends");
  } else if (memory !== undefined) {
    warnings.push(
      `data_dir is ${config.dataDir}, on a ${memory}: a restart of the machine erases it`,
    );
  }
  const strange = strangeFiles(config.dataDir);
  if (config.storage.engine !== "memory" && strange.length > 0) {
    const names = strange.slice(0, 3).join(", ") + (strange.length > 3 ? ", …" : "");
    warnings.push(
      `data_dir is ${config.dataDir}, where no node was started yet, but which holds ${names}: ` +
        "is it the right one?",
    );
  }
  const openFilesMax = openFileLimit();
  if (openFilesMax !== undefined && openFilesMax < openFilesWanted) {
    warnings.push(
      `${openFilesMax} open files are allowed, ${openFilesWanted} are wanted: raise ulimit -n`,
    );
  }
  return warnings;
}

/** Versions that are known to break. */
export function runtimeWarnings(runtime: Runtime): readonly string[] {
  const warnings: string[] = [];
  if (runtime.name === "deno" && /^2\.9\.[456]$/.test(runtime.version)) {
    warnings.push(
      `Deno ${runtime.version} aborts when a gRPC client closes a used connection ` +
        "(denoland/deno#36788): use 2.9.3",
    );
  }
  if (isOlder(runtime.sqliteVersion, [3, 51, 3])) {
    warnings.push(
      `SQLite ${runtime.sqliteVersion} has a race when a WAL is reset (fixed in 3.51.3): skein ` +
        "keeps to one connection a file",
    );
  }
  return warnings;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [at, wanted] of than.entries()) {
    const part = parts[at] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}

/** Files of a directory that is to become a node's, and that neither skein nor the system made. */
function strangeFiles(dataDir: string): readonly string[] {
  try {
    const names = readdirSync(dataDir).sort();
    if (names.includes("identity.json")) return [];
    return names.filter((name) => !/^(\.|lost\+found$)/.test(name) && !ownNames.test(name));
  } catch {
    return [];
  }
}

/** What a first start may have left when it was cut short, and what `skein dev` puts beside it. */
const ownNames = new RegExp(
  "^(lock\\.db|pid|log|reserve|raft|(raft|kv)\\.db.*|raft\\.mark" +
    "|identity\\.json\\.new|incarnation(\\.new)?)$",
);

const openFilesWanted = 4096;

/** The soft limit; undefined where the system does not tell. */
export function openFileLimit(): number | undefined {
  const line = procFile("/proc/self/limits")?.split("\n").find((each) =>
    each.startsWith("Max open files")
  );
  const soft = line?.split(/\s{2,}/)[1];
  return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
}

function procFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** statfs(2), f_type. */
const memoryFileSystems: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);

function memoryFileSystem(path: string): string | undefined {
  return memoryFileSystems.get(fileSystemOf(path)?.type ?? 0);
}

/** What statfs(2) says of a disk. */
export interface FileSystem {
  readonly type: number;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The disk that `path` is on, or will be once it is made. */
export function fileSystemOf(path: string): FileSystem | undefined {
  try {
    const { type, bavail, blocks, bsize } = statfsSync(nearestFolder(path));
    return { type, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return undefined;
  }
}

/** `path`, or the nearest folder above it that exists. */
export function nearestFolder(path: string): string {
  let at = resolve(path);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
