/** Accepting a loss, where there is nothing to lose. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { recoverNode } from "../../src/server_recover.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";

describe("recoverNode", () => {
  it("leaves nothing behind where there is no node", async () => {
    using temp = makeTempDir("recover");
    const dataDir = join(temp.path, "mistyped");
    const flag = { flag: "--data-dir", path: "data_dir", text: dataDir };
    const { config } = loadConfig({ flags: [flag] });
    const refused = await recoverNode({
      config,
      runtime: await currentRuntime(),
      wish: "acceptLoss",
    });
    assert.deepEqual(refused, { kind: "refused", reason: `${dataDir} holds no node` });
    assert.equal(existsSync(dataDir), false);
  });
});
