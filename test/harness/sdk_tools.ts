/**
 * Generators of clients from openapi/openapi.yaml, in the versions that the folders of
 * test/e2e/programs/sdk pin. They are fetched like other clients of foreign_tools.ts; what they
 * generate is not kept.
 */

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type ChildResult, runToEnd, scriptCommand } from "./child.ts";
import { absent, cache, failureOf, found, mayDownload, root, type Tool } from "./foreign_tools.ts";

/** A client in one language: its commands work in a folder of the test's. */
export interface Sdk {
  /** What the generator is called. */
  readonly name: string;
  /** The generator, or why there is none. */
  readonly tool: Tool;
  readonly generate: (folder: string) => Promise<ChildResult>;
  /** Checks the generated code and the program over it, as far as the language can. */
  readonly build: (folder: string) => Promise<ChildResult>;
  /** The program, ready for a node's address and a prefix of keys. */
  readonly program: (folder: string) => readonly string[];
}

const document = join(root, "openapi/openapi.yaml");
const programs = join(root, "test/e2e/programs/sdk");

/** Installs, or finds installed, what the pinning `files` of a program's folder name. */
function installed(
  language: string,
  files: readonly string[],
  install: (folder: string) => string | undefined,
): { readonly folder: string; readonly tool: Tool } {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(programs, language, file)));
  const folder = join(cache, `sdk-${language}-${hash.digest("hex").slice(0, 12)}`);
  const tool: Tool = { kind: "ready", command: [folder] };
  const isComplete = join(folder, "complete");
  if (existsSync(isComplete)) return { folder, tool };
  if (!mayDownload) return { folder, tool: absent(`the generator for ${language} is not here`) };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(join(programs, language, file), join(folder, file));
  const reason = install(folder);
  if (reason !== undefined) return { folder, tool: { kind: "absent", reason } };
  writeFileSync(isComplete, "");
  return { folder, tool };
}

function copyProgram(language: string, files: readonly string[], folder: string): void {
  for (const file of files) copyFileSync(join(programs, language, file), join(folder, file));
}

/** openapi-typescript, and openapi-fetch over its types. */
export function typescriptSdk(): Sdk {
  const pins = ["package.json", "package-lock.json"];
  const { folder: tools, tool } = without("npm") ??
    installed(
      "typescript",
      pins,
      (folder) =>
        failureOf(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder }),
    );
  const script = (name: string): string => join(tools, "node_modules", name);
  return {
    name: "openapi-typescript",
    tool,
    generate: (folder) =>
      runToEnd([
        ...["node", script("openapi-typescript/bin/cli.js"), document],
        ...["--output", join(folder, "skein.d.ts")],
      ]),
    build(folder) {
      copyProgram("typescript", ["client.ts", "tsconfig.json", "package.json"], folder);
      symlinkSync(join(tools, "node_modules"), join(folder, "node_modules"));
      return runToEnd(["node", script("typescript/bin/tsc"), "-p", folder]);
    },
    program: (folder) => scriptCommand(join(folder, "client.js")),
  };
}

/** openapi-python-client. */
export function pythonSdk(): Sdk {
  const { folder: tools, tool } = without("python3") ??
    installed("python", ["requirements.txt"], installPython);
  const bin = (name: string): string => join(tools, "venv/bin", name);
  return {
    name: "openapi-python-client",
    tool,
    // The formatter that it runs over what it has written is looked up on PATH.
    generate: (folder) =>
      runToEnd([
        ...["env", `PATH=${join(tools, "venv/bin")}:/usr/bin:/bin`],
        ...[bin("openapi-python-client"), "generate", "--path", document, "--fail-on-warning"],
        ...["--meta", "none", "--output-path", join(folder, "skein_client")],
      ]),
    build(folder) {
      copyProgram("python", ["client.py"], folder);
      return runToEnd([bin("python3"), "-W", "error", "-c", importAll, folder]);
    },
    program: (folder) => [bin("python3"), "-W", "error", join(folder, "client.py")],
  };
}

function installPython(folder: string): string | undefined {
  const python = join(folder, "venv/bin/python3");
  const pins = join(folder, "requirements.txt");
  return failureOf(["python3", "-m", "venv", join(folder, "venv")]) ??
    failureOf([python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", pins]);
}

/** Compiles and loads every module of the generated package. */
const importAll = `
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import skein_client
for module in pkgutil.walk_packages(skein_client.__path__, "skein_client."):
    importlib.import_module(module.name)
`;

/** oapi-codegen. */
export function goSdk(): Sdk {
  const { folder: tools, tool } = without("go") ?? installed("go", ["go.mod", "go.sum"], installGo);
  return {
    name: "oapi-codegen",
    tool,
    generate(folder) {
      mkdirSync(join(folder, "skein"));
      return runToEnd([
        ...[join(tools, "oapi-codegen"), "-generate", "types,client", "-package", "skein"],
        ...["-o", join(folder, "skein/skein.gen.go"), document],
      ]);
    },
    build(folder) {
      copyProgram("go", ["go.mod", "go.sum", "client.go"], folder);
      return runToEnd(["env", "GOPROXY=off", "go", "build", "-C", folder, "-o", "client", "."]);
    },
    program: (folder) => [join(folder, "client")],
  };
}

/** go.mod has the generator beside what its code imports. */
function installGo(folder: string): string | undefined {
  const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen";
  return failureOf(["go", "mod", "download"], { cwd: folder }) ??
    failureOf(["go", "build", "-o", join(folder, "oapi-codegen"), generator], { cwd: folder });
}

/** The answer where the machine lacks what fetches. */
function without(program: string): { readonly folder: string; readonly tool: Tool } | undefined {
  const asks = program === "go" ? ["version"] : ["--version"];
  if (found([program], asks) !== undefined) return undefined;
  return { folder: "", tool: { kind: "absent", reason: `there is no ${program} here` } };
}
