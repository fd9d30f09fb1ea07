/**
 * The import law as data: which part of the program may import which, at run time or for its types
 * alone. docs/ARCHITECTURE.md explains it; `scripts/imports.ts` enforces it.
 */

/** What one layer may do. Every layer may import itself and `lib`, which imports nothing. */
export interface Layer {
  readonly name: string;
  /** Its files: a path, or the beginning of some with a `*` behind it. The longest match wins. */
  readonly files: readonly string[];
  /** Layers that it may import. */
  readonly values: readonly string[];
  /** Layers of which it may import types. */
  readonly types: readonly string[];
  /** Packages, and `node:*` for the built-in modules of Node. */
  readonly packages: readonly string[];
  /** Runs in the simulator and must give the same on every machine: see {@link impureNames}. */
  readonly pure?: boolean;
}

const hono = ["hono", "@hono/zod-openapi", "zod"];
/** What every layer of `everything` may be imported by the composition root. */
const everything = [
  ...["raft", "raft vocabulary", "kv", "kv ports", "kv backup", "node ports", "node", "storage"],
  ...["grpc", "service", "http", "routes", "config", "client", "runtime", "runtime parts"],
];

export const layers: readonly Layer[] = [
  { name: "lib", files: ["src/lib/*"], values: [], types: [], packages: [], pure: true },
  {
    name: "raft",
    files: ["src/raft/*"],
    values: ["raft vocabulary"],
    types: [],
    packages: [],
    pure: true,
  },
  // The nouns, and the canonical bytes and checksums of what travels and rests: the values of raft
  // that the store and the adapters may use.
  {
    name: "raft vocabulary",
    files: ["src/raft/types.ts", "src/raft/encoding.ts"],
    values: [],
    types: [],
    packages: [],
    pure: true,
  },
  {
    name: "kv",
    files: ["src/kv/*"],
    values: ["kv ports", "kv backup", "raft vocabulary"],
    types: ["raft", "node ports"],
    packages: [],
    pure: true,
  },
  // The format of backups, and reading a store as one: files are written and read by storage.
  {
    name: "kv backup",
    files: ["src/kv/backup/*"],
    values: ["kv", "kv ports"],
    types: [],
    packages: [],
    pure: true,
  },
  {
    name: "kv ports",
    files: ["src/kv/ports.ts"],
    values: ["kv"],
    types: ["raft", "raft vocabulary", "node ports"],
    packages: [],
    pure: true,
  },
  {
    name: "node ports",
    files: ["src/node/ports.ts"],
    values: [],
    types: ["raft", "raft vocabulary"],
    packages: [],
    pure: true,
  },
  {
    name: "node",
    files: ["src/node/*"],
    values: ["raft", "raft vocabulary", "node ports"],
    types: [],
    packages: [],
    pure: true,
  },
  {
    name: "storage",
    files: ["src/storage/*"],
    values: ["raft vocabulary", "node ports", "kv ports", "kv backup", "runtime"],
    types: ["raft", "kv"],
    packages: ["node:*"],
  },
  {
    name: "grpc",
    files: ["src/grpc/*"],
    values: ["raft vocabulary", "service"],
    types: ["raft", "node ports", "runtime"],
    packages: ["@grpc/grpc-js", "protobufjs", "node:*"],
  },
  {
    name: "service",
    files: ["src/service/*"],
    values: ["node", "node ports", "kv", "kv ports", "kv backup"],
    types: ["raft", "raft vocabulary", "runtime"],
    packages: ["node:*"],
  },
  {
    name: "http",
    files: ["src/http/*"],
    values: ["service"],
    types: ["runtime"],
    packages: hono,
  },
  {
    name: "routes",
    files: ["routes/*"],
    values: ["http", "service"],
    types: ["runtime"],
    packages: hono,
  },
  {
    name: "config",
    files: ["src/config/*"],
    values: [],
    types: ["runtime"],
    packages: ["yaml", "zod", "node:*"],
  },
  { name: "client", files: ["src/client/*"], values: [], types: ["runtime"], packages: [] },
  { name: "runtime", files: ["src/runtime/mod.ts"], values: [], types: [], packages: [] },
  // What both implementations share, and the conversation with the worker.
  {
    name: "runtime parts",
    files: ["src/runtime/*"],
    values: ["runtime"],
    types: ["node ports", "storage"],
    packages: ["node:*"],
  },
  {
    name: "runtime of Bun",
    files: ["src/runtime/bun.ts", "src/runtime/bun/*"],
    values: ["runtime", "runtime parts"],
    types: [],
    packages: ["bun", "bun:*", "node:*"],
  },
  {
    name: "runtime of Deno",
    files: ["src/runtime/deno.ts", "src/runtime/deno/*"],
    values: ["runtime", "runtime parts"],
    types: [],
    packages: ["node:*"],
  },
  {
    name: "server",
    files: ["src/server.ts", "src/server_*"],
    values: everything,
    types: [],
    packages: ["node:*"],
  },
  {
    name: "cli",
    files: ["src/cli/*"],
    values: ["server", "client", "config", "runtime parts"],
    types: ["runtime"],
    packages: ["node:*"],
  },
  {
    name: "embedded",
    files: ["src/embedded/*"],
    values: ["server", "client"],
    types: ["runtime"],
    packages: [],
  },
  ...entries("Bun", ["runtime of Bun"]),
  ...entries("Deno", ["runtime of Deno"]),
];

/** The files that pick a runtime: they alone may import its implementation. */
function entries(runtime: "Bun" | "Deno", implementation: readonly string[]): readonly Layer[] {
  const suffix = runtime.toLowerCase();
  return [
    {
      name: `main of ${runtime}`,
      files: [`src/main_${suffix}.ts`],
      values: [...implementation, "cli", "runtime", "runtime parts"],
      types: [],
      packages: [],
    },
    {
      name: `worker of ${runtime}`,
      files: [`src/worker_${suffix}.ts`],
      values: [...implementation, "storage", "runtime", "runtime parts"],
      types: [],
      packages: [],
    },
    {
      name: `embedded on ${runtime}`,
      files: [`src/embedded/${suffix}.ts`],
      values: [...implementation, "embedded", "server", "client", "runtime"],
      types: [],
      packages: [],
    },
  ];
}

/** Folders whose files may import everything; nothing else may import them. */
export const outsideFolders: readonly string[] = ["test/", "scripts/"];

/** Storage backends are adapters of their own: none imports another. */
export const separateFolders: readonly string[] = [
  "src/storage/sqlite/",
  "src/storage/file/",
  "src/storage/memory/",
];

/** A global name that only these layers may say. */
export const runtimeGlobals: Readonly<Record<string, readonly string[]>> = {
  Bun: ["runtime of Bun", "main of Bun", "worker of Bun", "embedded on Bun"],
  Deno: ["runtime of Deno", "main of Deno", "worker of Deno", "embedded on Deno"],
};

/**
 * What a pure layer may not say. Promises and timers are ordered by the host's input and output,
 * clocks and randomness differ at every run, locales between machines: a run could not be repeated
 * from its seed, and two nodes could apply one entry differently.
 */
export const impureNames: ReadonlySet<string> = new Set([
  ...["async", "await", "Promise", "queueMicrotask", "AbortSignal", "AbortController"],
  ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval"],
  ...["clearImmediate", "requestAnimationFrame", "Date", "Temporal", "performance", "crypto"],
  ...["console", "process", "globalThis", "navigator", "fetch", "Worker"],
  ...["Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry", "Intl", "eval"],
]);

/** The same for properties: `Math.random`, and text compared by the machine's locale. */
export const impureMembers: ReadonlySet<string> = new Set([
  ...["random", "localeCompare", "toLocaleString", "toLocaleLowerCase", "toLocaleUpperCase"],
]);
