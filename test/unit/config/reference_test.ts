import { readFileSync } from "node:fs";
import { variableOf } from "../../../src/config/environment.ts";
import { renderConfigReference } from "../../../src/config/reference.ts";
import { keys } from "../../../src/config/schema.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("the configuration's keys", () => {
  for (const key of keys.values()) {
    it(`${key.path} has a sentence, a limit and a default that it allows itself`, () => {
      assert.match(key.description, /^[A-Z].*\.$/);
      assert.ok(key.allowed.length > 0);
      assert.equal(key.schema.safeParse(key.defaultValue).success, true);
      assert.match(key.path, /^([a-z]+\.)?[a-z]+(_[a-z]+)*$/);
    });
  }

  it("carry their unit in their name when they are numbers", () => {
    const units = /_(ms|bytes|bytes_max|min|max|permille)$/;
    for (const key of keys.values()) {
      if (key.kind === "integer") assert.match(key.path.replace(/_(min|max)_ms$/, "_ms"), units);
    }
  });

  it("have each a variable of its own", () => {
    assert.equal(new Set([...keys.values()].map(variableOf)).size, keys.size);
  });
});

describe("the reference page", () => {
  it("is fresh: bun scripts/config_reference.ts", () => {
    const page = new URL("../../../docs/CONFIGURATION.md", import.meta.url);
    assert.equal(readFileSync(page, "utf8"), renderConfigReference());
  });
});
