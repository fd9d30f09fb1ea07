/**
 * Clients of other languages. What the machine has is used; what would have to be downloaded is
 * fetched only with SKEIN_FOREIGN=1 in the environment, into node_modules/.cache, and from then on
 * the machine has it.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A command to run, or why there is none. */
export type Tool =
  | { readonly kind: "ready"; readonly command: readonly string[] }
  | { readonly kind: "absent"; readonly reason: string };

/** The repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
const programs = join(root, "test/e2e/programs/foreign");
/** Holds what was fetched. */
export const cache = join(root, "node_modules/.cache/skein-foreign");
/** Whether the environment allows to fetch. */
export const mayDownload = process.env["SKEIN_FOREIGN"] === "1";
const lookMs = 10_000;
const installMs = 600_000;

/** What `skip` of a test wants to hear. */
export function skipOf(tool: Tool): string | false {
  return tool.kind === "absent" ? tool.reason : false;
}

/** The first of these that runs with these arguments; names are looked up on PATH. */
export function found(programs: readonly string[], args: readonly string[]): string | undefined {
  return programs.find((program) => spawnSync(program, args, { timeout: lookMs }).status === 0);
}

/** Runs a command to its end; its last words when it fails. */
export function failureOf(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): string | undefined {
  const [program = "", ...args] = command;
  const { status, stderr, error } = spawnSync(program, args, {
    timeout: installMs,
    encoding: "utf8",
    cwd: options.cwd ?? cache,
    env: { ...process.env, ...options.env },
  });
  if (status === 0) return undefined;
  const said = (stderr ?? "").trim().split("\n").at(-1) ?? "";
  return `${command.join(" ")} failed: ${error?.message ?? said}`;
}

/** What only SKEIN_FOREIGN=1 brings here. */
export function absent(what: string): Tool {
  return { kind: "absent", reason: `${what}; with SKEIN_FOREIGN=1 it is fetched` };
}

/** python3 with grpcio, ready for the arguments of `client.py`. */
export function pythonClient(): Tool {
  const own = join(cache, "venv/bin/python3");
  const program = join(programs, "client.py");
  const withGrpc = ["-c", "import grpc, google.protobuf.message_factory"];
  const present = found([own, "python3"], withGrpc);
  if (present !== undefined) return { kind: "ready", command: [present, program] };
  if (found(["python3"], ["--version"]) === undefined) {
    return { kind: "absent", reason: "there is no python3 here" };
  }
  if (!mayDownload) return absent("python3 has no grpcio here");
  mkdirSync(cache, { recursive: true });
  const failure = failureOf(["python3", "-m", "venv", join(cache, "venv")]) ??
    failureOf([own, "-m", "pip", "install", "--quiet", "grpcio", "grpcio-tools"]);
  return failure === undefined
    ? { kind: "ready", command: [own, program] }
    : { kind: "absent", reason: failure };
}

/** Generates Python's stubs of the d_engine services into `folder`; false without grpc_tools. */
export function generateStubs(python: readonly string[], folder: string): boolean {
  const [interpreter = ""] = python;
  if (found([interpreter], ["-c", "import grpc_tools"]) === undefined) return false;
  const files = ["client", "cluster", "common", "error", "storage"];
  const failure = failureOf([
    ...[interpreter, "-m", "grpc_tools.protoc", `-I${join(root, "proto")}`],
    ...[`--python_out=${folder}`, `--grpc_python_out=${folder}`],
    ...files.map((name) => join(root, "proto/d_engine", `${name}.proto`)),
  ], { cwd: folder });
  if (failure !== undefined) throw new Error(failure);
  return true;
}

/** `client.go`, built against google.golang.org/grpc. */
export function goClient(): Tool {
  const source = join(programs, "client.go");
  const version = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const binary = join(cache, `go-client-${version}`);
  if (existsSync(binary)) return { kind: "ready", command: [binary] };
  if (found(["go"], ["version"]) === undefined) {
    return { kind: "absent", reason: "there is no go here" };
  }
  if (!mayDownload) return absent("the client in Go is not built here");
  const module = join(cache, "go-client");
  rmSync(module, { recursive: true, force: true });
  mkdirSync(module, { recursive: true });
  copyFileSync(source, join(module, "main.go"));
  writeFileSync(join(module, "go.mod"), "module client\n\ngo 1.23\n");
  const failure = failureOf(["go", "mod", "tidy"], { cwd: module }) ??
    failureOf(["go", "build", "-o", binary, "."], { cwd: module });
  return failure === undefined
    ? { kind: "ready", command: [binary] }
    : { kind: "absent", reason: failure };
}

/** grpcurl, ready for its arguments. */
export function grpcurl(): Tool {
  const own = join(cache, "bin/grpcurl");
  const present = found(["grpcurl", own], ["--version"]);
  if (present !== undefined) return { kind: "ready", command: [present] };
  if (!mayDownload) return absent("there is no grpcurl here");
  if (found(["go"], ["version"]) === undefined) {
    return { kind: "absent", reason: "there is neither grpcurl nor go here" };
  }
  mkdirSync(cache, { recursive: true });
  const failure = failureOf(
    ["go", "install", "github.com/fullstorydev/grpcurl/cmd/grpcurl@latest"],
    { env: { GOBIN: join(cache, "bin") } },
  );
  return failure === undefined
    ? { kind: "ready", command: [own] }
    : { kind: "absent", reason: failure };
}
