/**
 * Clients generated from openapi/openapi.yaml: no generator has a warning for the document, what
 * it generates compiles, and a program over it has the same conversation with a node in each
 * language.
 *
 * Generators are used where the machine has them; SKEIN_FOREIGN=1 fetches them.
 */

import { runToEnd } from "../harness/child.ts";
import { skipOf } from "../harness/foreign_tools.ts";
import { steadyLeader } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { goSdk, pythonSdk, typescriptSdk } from "../harness/sdk_tools.ts";
import { suiteCluster } from "../harness/suite_cluster.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { after, assert, describe, it } from "../harness/test.ts";

const sdks = [typescriptSdk(), pythonSdk(), goSdk()];

type Line = Readonly<Record<string, unknown>>;

/** What each program writes, when its first write is the store's revision `first`. */
function conversation(prefix: string, first: number): readonly Line[] {
  const [a, b] = [`${prefix}a`, `${prefix}b`];
  const bytes = { content_type: "application/octet-stream" };
  const two = { key: a, value: "two", create: first, mod: first + 1, version: 2, ...bytes };
  const [mod, version] = [first + 3, 3];
  const three = { key: a, value: "three", create: first, mod, version, ...bytes };
  const other = { key: b, value: "käse", create: first + 2, mod: first + 2, version: 1, ...bytes };
  const put = (revision: number, create: number, version: number) => ({
    revision,
    create,
    version,
  });
  return [
    { step: "put", status: 201, key: a, ...put(first, first, 1) },
    { step: "get", status: 200, type: "text/plain", value: "one" },
    { step: "swap", status: 200, key: a, ...put(first + 1, first, 2) },
    { step: "lose", status: 412, ...refusal("precondition_failed", "not_applied"), current: two },
    { step: "put", status: 201, key: b, ...put(first + 2, first + 2, 1) },
    { step: "list", status: 200, items: [two, other], count: 2, revision: first + 2 },
    { step: "then", status: 200, succeeded: true, put: put(mod, first, version), get: other },
    { step: "else", status: 200, succeeded: false, gets: [three, null] },
    { step: "grant", status: 201, ttl_ms: 60_000 },
    { step: "hang", status: 201, key: `${prefix}c`, ...put(first + 4, first + 4, 1) },
    { step: "keep", status: 200, same: true, ttl_ms: 60_000 },
    { step: "look", status: 200, is_left: true, key_count: 1, keys: [`${prefix}c`] },
    { step: "revoke", status: 204 },
    { step: "miss", status: 404, ...refusal("key_not_found", null) },
  ];
}

function refusal(code: string, outcome: string | null): Line {
  return { code, outcome };
}

describe("generated clients", { timeout: 480_000 }, () => {
  const cluster = suiteCluster({ builds: [runtimeName], config: steadyLeader });

  for (const [n, sdk] of sdks.entries()) {
    describe(`of ${sdk.name}`, () => {
      const skip = skipOf(sdk.tool);
      if (skip !== false) {
        it(`have the same conversation (${skip})`, { skip }, () => {});
        return;
      }
      const folder = makeTempDir("sdk");
      after(() => folder.remove());

      it("are generated without a warning", async () => {
        const { code, stdout, stderr } = await sdk.generate(folder.path);
        assert.doesNotMatch(stdout + stderr, /warn|⚠|skipp|unsupported/i);
        assert.equal(code, 0, stdout + stderr);
      });
      it("compile", async () => {
        const { code, stdout, stderr } = await sdk.build(folder.path);
        assert.equal(code, 0, stdout + stderr);
      });
      it("have the same conversation as in any language", async () => {
        const prefix = `sdk ${n}/`;
        const [url = ""] = cluster().urls;
        const { code, stdout, stderr } = await runToEnd([
          ...sdk.program(folder.path),
          ...[url, prefix],
        ]);
        assert.equal(code, 0, stdout + stderr);
        const told = stdout.trim().split("\n").map((line) => Object(JSON.parse(line)));
        assert.deepEqual(told, conversation(prefix, told[0].revision));
      });
    });
  }
});
