import { readFileSync } from "node:fs";
import { differences } from "../../../scripts/lockfiles.ts";
import { assert, describe, it } from "../../harness/test.ts";

const read = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");

describe("the lockfiles", () => {
  const texts = { npm: read("package-lock.json"), deno: read("deno.lock") };

  it("pin the same packages for npm and for Deno", () => {
    assert.deepEqual(differences(texts), []);
  });

  it("are found to differ in a version, a checksum and a package", () => {
    const deno = texts.deno.replace('"yargs@17.7.3"', '"yargs@17.7.2"')
      .replace(/("zod@[^]*?"integrity": "sha512-)./, "$1_");
    const [, zod] = /"(zod@[^"]*)": \{/.exec(texts.deno) ?? [];
    assert.deepEqual(differences({ ...texts, deno }), [
      "yargs@17.7.2 stands in deno.lock alone",
      "yargs@17.7.3 stands in package-lock.json alone",
      `${zod} has another checksum in deno.lock than in package-lock.json`,
    ]);
  });

  it("name no registry, so that everybody's own is asked", () => {
    assert.doesNotMatch(texts.deno, /https?:|tarball/);
  });

  it("are what the task of Deno installs from, and nothing else", () => {
    const { tasks } = JSON.parse(read("deno.json"));
    for (const task of Object.values(tasks)) {
      assert.match(String(task), /^deno install --lock=deno\.lock --frozen && /);
    }
  });
});
