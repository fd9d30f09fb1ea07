/** What the program loads before it knows what it is asked for. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { importStatements } from "../../../scripts/gate/import_statements.ts";
import { tokenize } from "../../../scripts/gate/tokens.ts";
import { assert, describe, it } from "../../harness/test.ts";

const root = new URL("../../../", import.meta.url);

/** The paths of all files of src that `entry` loads at its start. */
function loadedBy(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const waiting = [new URL(entry, root).href];
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    const path = url.slice(root.href.length);
    if (loaded.has(path)) continue;
    loaded.add(path);
    const { tokens } = tokenize(readFileSync(fileURLToPath(url), "utf8"));
    for (const { specifier, typeOnly, deferred } of importStatements(tokens)) {
      if (specifier.startsWith(".") && !typeOnly && !deferred) {
        waiting.push(new URL(specifier, url).href);
      }
    }
  }
  return loaded;
}

describe("the program", () => {
  for (const entry of ["src/main_bun.ts", "src/main_deno.ts"]) {
    it(`loads no server for a command that asks one: ${entry}`, () => {
      const loaded = [...loadedBy(entry)];
      assert.ok(loaded.includes("src/cli/main.ts"), loaded.join(" "));
      const parts = /^src\/(grpc|http|kv|service)\/|^src\/server\.ts|^routes\//;
      assert.deepEqual(loaded.filter((path) => parts.test(path)), []);
    });
  }
});
