import { fileURLToPath } from "node:url";
import { runToEnd, scriptCommand } from "../../harness/child.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("a script that runs long", () => {
  for (const name of ["soak", "failover"]) {
    const script = fileURLToPath(new URL(`../../../scripts/${name}.ts`, import.meta.url));
    const run = (...args: readonly string[]) => runToEnd([...scriptCommand(script), ...args]);

    it(`tells its options: ${name}`, async () => {
      const { code, stdout, stderr } = await run("--help");
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, new RegExp(`bun scripts/${name}\\.ts \\[options\\]\n[^]*--builds`));
    });

    it(`names what it does not understand, without a stack: ${name}`, async () => {
      const count = name === "soak" ? "--runs" : "--kills";
      const wrong = [
        [["--sedonds", "3"], /^Unknown option '--sedonds'/],
        [[count], new RegExp(`^Option '${count} <value>' argument missing`)],
        [[count, "0"], new RegExp(`^${count} is "0"; allowed is a number from 1 on`)],
        [["--builds", "bun,node,bun"], /^--builds .*; allowed are/],
      ] as const;
      for (const [args, message] of wrong) {
        const { code, stdout, stderr } = await run(...args);
        assert.deepEqual([code, stdout], [2, ""], stderr);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /\n +at /);
      }
    });
  }
});
