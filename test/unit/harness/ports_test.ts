import { freeBasePort, freePorts, isFree } from "../../harness/ports.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("ports for programs under test", () => {
  it("are free, and never given twice", async () => {
    const given = [...await freePorts(6), ...await freePorts(6), await freeBasePort()];
    assert.equal(new Set(given).size, 13);
    for (const port of given) assert.equal(await isFree(port), true, `${port}`);
  });

  it("lie in a window that other processes see is taken", async () => {
    const base = await freeBasePort();
    assert.equal(await isFree(base + 63), false);
  });
});
