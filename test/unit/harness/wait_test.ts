import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { until, WaitTimeoutError } from "../../harness/wait.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";

describe("until", () => {
  it("asks until there is something, zero and empty text included, and gives that", async () => {
    let asked = 0;
    const found = await until(() => ++asked === 3 ? 0 : undefined, { what: "zero", everyMs: 1 });
    assert.equal(found, 0);
    assert.equal(asked, 3);
    assert.equal(await until(() => "", { what: "text" }), "");
  });

  it("outlives a condition that throws", async () => {
    let asked = 0;
    const condition = (): boolean => {
      if (++asked < 3) throw new Error("not yet");
      return true;
    };
    assert.equal(await until(condition, { what: "calm", everyMs: 1 }), true);
  });

  it("gives up at the deadline and says what it waited for and what went wrong last", async () => {
    await assert.rejects(
      until(() => Promise.reject(new Error("refused")), {
        what: "the door",
        withinMs: 20,
        everyMs: 1,
      }),
      (error: Error) => {
        assert.ok(error instanceof WaitTimeoutError);
        assert.match(error.message, /^Waited 20 ms for the door; last error: Error: refused$/);
        return true;
      },
    );
  });
});

describe("makeTempDir", () => {
  it("makes an empty directory and removes it with its contents at the end of the block", () => {
    let path = "";
    {
      using dir = makeTempDir();
      path = dir.path;
      writeFileSync(join(path, "file"), "x");
      assert.ok(existsSync(path));
    }
    assert.equal(existsSync(path), false);
  });

  it("gives two callers two directories, and takes a second removal", () => {
    const [a, b] = [makeTempDir(), makeTempDir()];
    assert.notEqual(a.path, b.path);
    a.remove();
    a.remove();
    b.remove();
  });
});
