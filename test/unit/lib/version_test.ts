import { readFileSync } from "node:fs";
import { commit, version } from "../../../src/lib/version.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("the version", () => {
  it("is the package's", () => {
    const file = new URL("../../../package.json", import.meta.url);
    assert.equal(version, JSON.parse(readFileSync(file, "utf8")).version);
  });

  it("names no commit where nothing was built", () => assert.equal(commit, "source"));
});
