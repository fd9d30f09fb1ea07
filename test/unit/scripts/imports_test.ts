import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../../harness/test.ts";
import { checkImports } from "../../../scripts/imports.ts";
import { readSources } from "../../../scripts/gate/sources.ts";
import { layers } from "../../../scripts/gate/import_law.ts";

/** `path:line rule` of every violation in these files. */
function violations(files: Readonly<Record<string, string>>): readonly string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkImports(sources).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
}

/** What is wrong when `from` holds `statement`; the file that it names exists. */
function importing(from: string, statement: string): readonly string[] {
  const target = /"(\.[^"]*)"/.exec(statement)?.[1];
  if (target === undefined) return violations({ [from]: statement });
  const path = new URL(target, `file:///${from}`).pathname.slice(1);
  return violations({ [path]: "", [from]: statement });
}

describe("import law: the arrows", () => {
  const allowed: readonly (readonly [string, string])[] = [
    ["src/raft/core.ts", 'import { assert } from "../lib/assert.ts";'],
    ["src/raft/core.ts", 'import { makeEntry } from "./encoding.ts";'],
    ["src/kv/tables.ts", 'import type { Ready } from "../raft/ready.ts";'],
    ["src/kv/tables.ts", 'import { decodeConfiguration } from "../raft/encoding.ts";'],
    ["src/storage/sqlite/engine.ts", 'import { originPosition } from "../../raft/types.ts";'],
    ["src/kv/tables.ts", 'import type { StateMachine } from "../node/ports.ts";'],
    ["src/node/node.ts", 'import { RaftCore } from "../raft/core.ts";'],
    ["src/node/node.ts", 'import type { Clock } from "./ports.ts";'],
    ["src/storage/sqlite/engine.ts", 'import { FatalStorageError } from "../../node/ports.ts";'],
    ["src/storage/sqlite/engine.ts", 'import { isIntact } from "../../raft/encoding.ts";'],
    ["src/storage/sqlite/engine.ts", 'import { Mark } from "../mark.ts";'],
    ["src/storage/sqlite/tables.ts", 'import type { KvTables } from "../../kv/ports.ts";'],
    ["src/storage/file/engine.ts", 'import { openSync } from "node:fs";'],
    ["src/grpc/convert.ts", 'import { isIntact } from "../raft/encoding.ts";'],
    ["src/grpc/server.ts", 'import { Server } from "@grpc/grpc-js";'],
    ["src/grpc/server.ts", 'import { errorFacts } from "../service/errors.ts";'],
    ["src/service/contract.ts", 'export { keyBytesMax } from "../kv/record.ts";'],
    ["src/service/contract.ts", 'export type { KvRecord } from "../kv/record.ts";'],
    ["src/service/contract.ts", 'import type { NodeId } from "../raft/types.ts";'],
    ["src/service/kv_service.ts", 'import type { RaftNode } from "../node/node.ts";'],
    ["src/http/app.ts", 'import { OpenAPIHono } from "@hono/zod-openapi";'],
    ["routes/kv.ts", 'import { problem } from "../src/http/errors.ts";'],
    ["routes/kv.ts", 'import { errorFacts } from "../src/service/errors.ts";'],
    ["src/config/load.ts", 'import { parse } from "yaml";'],
    ["src/server.ts", 'import { mount } from "../routes/mod.ts";'],
    ["src/server.ts", 'import { Engine } from "./storage/sqlite/engine.ts";'],
    ["src/cli/main.ts", 'import { start } from "../server.ts";'],
    ["src/main_bun.ts", 'import { createRuntime } from "./runtime/bun.ts";'],
    ["src/main_deno.ts", 'import { main } from "./cli/main.ts";'],
    ["src/worker_bun.ts", 'import { image } from "./storage/sqlite/image.ts";'],
    ["src/embedded/bun.ts", 'import { createRuntime } from "../runtime/bun.ts";'],
    ["src/runtime/bun.ts", 'import { Database } from "bun:sqlite";'],
    ["src/service/kv_service.ts", 'import type { Runtime } from "../runtime/mod.ts";'],
    ["test/unit/x_test.ts", 'import { RaftCore } from "../../src/raft/core.ts";'],
    ["scripts/simulate.ts", 'import { RaftNode } from "../src/node/node.ts";'],
  ];
  for (const [from, statement] of allowed) {
    it(`allows ${from}: ${statement}`, () => assert.deepEqual(importing(from, statement), []));
  }

  const refused: readonly (readonly [string, string, string])[] = [
    ["src/lib/queue.ts", 'import { makeEntry } from "../raft/encoding.ts";', "layer"],
    ["src/lib/queue.ts", 'import { openSync } from "node:fs";', "package"],
    ["src/raft/core.ts", 'import type { Clock } from "../node/ports.ts";', "layer"],
    ["src/raft/core.ts", 'import { hash } from "node:crypto";', "package"],
    ["src/raft/core.ts", 'import { z } from "zod";', "package"],
    ["src/raft/core.ts", 'import { Database } from "bun:sqlite";', "package"],
    ["src/kv/tables.ts", 'import { RaftLog } from "../raft/log.ts";', "layer"],
    ["src/kv/tables.ts", 'import { type Ready } from "../raft/ready.ts";', "layer"],
    ["src/kv/tables.ts", 'import type { Engine } from "../storage/sqlite/engine.ts";', "layer"],
    ["src/node/node.ts", 'import { Engine } from "../storage/sqlite/engine.ts";', "layer"],
    ["src/node/node.ts", 'import type { Engine } from "../storage/sqlite/engine.ts";', "layer"],
    ["src/node/node.ts", 'import { x } from "node:timers";', "package"],
    ["src/storage/sqlite/engine.ts", 'import { RaftCore } from "../../raft/core.ts";', "layer"],
    ["src/storage/sqlite/engine.ts", 'import { Node } from "../../node/node.ts";', "layer"],
    ["src/storage/sqlite/engine.ts", 'import { F } from "../file/engine.ts";', "adapter"],
    ["src/storage/memory/engine.ts", 'import type { F } from "../file/engine.ts";', "adapter"],
    ["src/storage/sqlite/engine.ts", 'import type { S } from "../../grpc/server.ts";', "layer"],
    ["src/grpc/server.ts", 'import { Engine } from "../storage/file/engine.ts";', "layer"],
    ["src/grpc/server.ts", 'import { fatal } from "../node/ports.ts";', "layer"],
    ["src/service/kv_service.ts", 'import { app } from "../http/app.ts";', "layer"],
    ["src/service/kv_service.ts", 'import { Server } from "@grpc/grpc-js";', "package"],
    ["src/service/kv_service.ts", 'import { Hono } from "hono";', "package"],
    ["src/http/app.ts", 'import type { RaftNode } from "../node/node.ts";', "layer"],
    ["src/http/app.ts", 'import type { Entry } from "../raft/types.ts";', "layer"],
    ["src/http/app.ts", 'import type { KvRecord } from "../kv/record.ts";', "layer"],
    ["src/http/app.ts", 'import { mount } from "../../routes/mod.ts";', "layer"],
    ["routes/kv.ts", 'import type { Term } from "../src/raft/types.ts";', "layer"],
    ["routes/kv.ts", 'import { Engine } from "../src/storage/file/engine.ts";', "layer"],
    ["src/cli/main.ts", 'import { Hono } from "hono/tiny";', "package"],
    ["src/cli/main.ts", 'import { parse } from "yaml";', "package"],
    ["src/cli/main.ts", 'import { createRuntime } from "../runtime/bun.ts";', "layer"],
    ["src/cli/main.ts", 'import { SqliteError } from "../runtime/mod.ts";', "layer"],
    ["src/server.ts", 'import { createRuntime } from "./runtime/deno.ts";', "layer"],
    ["src/server.ts", 'import { main } from "./cli/main.ts";', "layer"],
    ["src/main_bun.ts", 'import { createRuntime } from "./runtime/deno.ts";', "layer"],
    ["src/worker_deno.ts", 'import { createRuntime } from "./runtime/bun.ts";', "layer"],
    ["src/worker_bun.ts", 'import { start } from "./server.ts";', "layer"],
    ["src/embedded/engine.ts", 'import { createRuntime } from "../runtime/bun.ts";', "layer"],
    ["src/client/client.ts", 'import type { Config } from "../config/load.ts";', "layer"],
    ["src/config/load.ts", 'import { start } from "../server.ts";', "layer"],
    ["src/server.ts", 'import { until } from "../test/harness/wait.ts";', "outside"],
    ["routes/kv.ts", 'import { check } from "../scripts/check.ts";', "outside"],
    ["src/server.ts", "const x = await import(name);", "package"],
    ["src/node/node.ts", 'const x = import("../storage/sqlite/engine.ts");', "layer"],
    ["src/node/node.ts", 'export * from "../storage/sqlite/engine.ts";', "layer"],
    ["src/http/app.ts", 'export type { Term } from "../raft/types.ts";', "layer"],
    ["src/http/app.ts", 'import "../raft/types.ts";', "layer"],
    ["src/service/contract.ts", 'import { originPosition } from "../raft/types.ts";', "layer"],
  ];
  for (const [from, statement, rule] of refused) {
    it(`refuses ${from}: ${statement}`, () => {
      assert.deepEqual(importing(from, statement), [`${from}:1 ${rule}`]);
    });
  }

  it("refuses a file of no layer and an import of no file", () => {
    assert.deepEqual(violations({ "src/misc/x.ts": "" }), ["src/misc/x.ts:1 layer"]);
    const missing = { "src/raft/core.ts": '\nimport { x } from "./gone.ts";' };
    assert.deepEqual(violations(missing), ["src/raft/core.ts:2 resolve"]);
  });

  it("leaves it to the compiler whether data is there, and holds for it all the same", () => {
    const data = (path: string) => `import flags from "${path}" with { type: "json" };`;
    assert.deepEqual(violations({ "src/runtime/deno.ts": data("./deno/flags.json") }), []);
    const upwards = violations({ "src/raft/core.ts": data("../runtime/deno/flags.json") });
    assert.deepEqual(upwards, ["src/raft/core.ts:1 layer"]);
  });

  it("says what is allowed", () => {
    const [violation] = checkImports([
      { path: "src/http/app.ts", text: 'import type { Term } from "../raft/types.ts";' },
      { path: "src/raft/types.ts", text: "" },
    ]);
    assert.equal(
      violation?.message,
      "http imports raft vocabulary (src/raft/types.ts); " +
        "allowed: http, lib, service, types of runtime",
    );
  });
});

describe("import law: deterministic parts", () => {
  const impure = [
    "async function f() {}",
    "await x;",
    "let x: Promise<void>;",
    "Date.now();",
    "new Date();",
    "Math.random();",
    "performance.now();",
    "crypto.randomUUID();",
    "setTimeout(f, 1);",
    "queueMicrotask(f);",
    "console.log(1);",
    "process.env;",
    "globalThis.x;",
    "`${Date.now()}`;",
    "a.localeCompare(b);",
    "({ now: Date });",
  ];
  for (const folder of ["src/lib", "src/raft", "src/kv", "src/node"]) {
    it(`${folder} may not say any of ${impure.length} impure things`, () => {
      for (const code of impure) {
        const found = violations({ [`${folder}/planted.ts`]: `\n${code}` });
        assert.deepEqual(found, [`${folder}/planted.ts:2 pure`], code);
      }
    });
  }

  it("allows the words in comments, strings, keys and properties of other things", () => {
    const text = [
      "// await Date.now() in a Promise",
      'const message = "Date";',
      "interface Times { readonly performance: number; crypto?: string }",
      "const date = times.performance + message.async;",
      "const times = { performance: 1, process: 2 };",
    ].join("\n");
    assert.deepEqual(violations({ "src/raft/planted.ts": text }), []);
  });

  it("allows them where time and input live", () => {
    const text = "export async function f() { await x; Date.now(); }";
    assert.deepEqual(violations({ "src/service/kv_service.ts": text }), []);
  });

  it("lets only the files of a runtime say its name", () => {
    assert.deepEqual(violations({ "src/server.ts": "Bun.gc();" }), ["src/server.ts:1 runtime"]);
    assert.deepEqual(violations({ "routes/kv.ts": "Deno.exit();" }), ["routes/kv.ts:1 runtime"]);
    assert.deepEqual(violations({ "src/runtime/bun.ts": "Deno.x" }), [
      "src/runtime/bun.ts:1 runtime",
    ]);
    assert.deepEqual(
      violations({ "src/runtime/bun.ts": "Bun.x", "src/main_deno.ts": "Deno.x" }),
      [],
    );
  });
});

describe("import law: generated files and circles", () => {
  it("gives a generated file one importer", () => {
    const door = 'import { text } from "./raft.gen.ts";';
    const files = { "src/grpc/raft.gen.ts": "", "src/grpc/messages.ts": door };
    assert.deepEqual(violations(files), []);
    assert.deepEqual(violations({ ...files, "src/grpc/server.ts": door }), [
      "src/grpc/server.ts:1 generated",
    ]);
    const fromTest = 'import { text } from "../../src/grpc/raft.gen.ts";';
    assert.deepEqual(violations({ ...files, "test/unit/x_test.ts": fromTest }), []);
  });

  it("refuses a circle, also of types, and shows the way round", () => {
    const files = {
      "src/raft/a.ts": 'import type { B } from "./b.ts";',
      "src/raft/b.ts": 'import { C } from "./c.ts";',
      "src/raft/c.ts": 'export type { A } from "./a.ts";',
      "src/raft/d.ts": 'import { A } from "./a.ts";',
    };
    const found = checkImports(Object.entries(files).map(([path, text]) => ({ path, text })));
    assert.deepEqual(found.map(({ message }) => message), [
      "imports run in a circle: src/raft/a.ts → src/raft/b.ts → src/raft/c.ts → src/raft/a.ts",
    ]);
    assert.deepEqual(violations({ "src/raft/a.ts": 'import "./a.ts";' }), [
      "src/raft/a.ts:1 cycle",
    ]);
  });

  it("finds two circles that share a file, and none in a chain of ten thousand", () => {
    const twoCircles = {
      "src/raft/a.ts": 'import "./b.ts"; import "./c.ts";',
      "src/raft/b.ts": 'import "./a.ts";',
      "src/raft/c.ts": 'import "./a.ts";',
    };
    assert.equal(violations(twoCircles).length, 2);
    const chain: Record<string, string> = {};
    for (let i = 0; i < 10_000; i++) chain[`src/raft/f${i}.ts`] = `import "./f${i + 1}.ts";`;
    chain["src/raft/f10000.ts"] = "";
    assert.deepEqual(violations(chain), []);
  });
});

describe("import law: the table itself", () => {
  it("names only layers that exist", () => {
    const names = new Set(layers.map(({ name }) => name));
    for (const layer of layers) {
      for (const name of [...layer.values, ...layer.types]) {
        assert.ok(names.has(name), `${layer.name} names ${name}`);
      }
    }
  });

  it("reads the repository: every file of src and routes stands in a layer", () => {
    const root = fileURLToPath(new URL("../../../", import.meta.url));
    const sources = readSources(root);
    assert.ok(sources.length > 20);
    const stray = checkImports(sources).filter(({ message }) => message.includes("no layer"));
    assert.deepEqual(stray, []);
  });
});
