import { runCli } from "../../harness/cli.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("skein recover", () => {
  const lost = "entry 7 in raft.db is missing or damaged";

  it("does nothing without the word", async () => {
    const { code, errors } = await runCli(["recover"]);
    assert.equal(code, 2);
    assert.match(errors.join("\n"), /--accept-data-loss/);
  });

  it("says what is lost and where the node goes on", async () => {
    const { code, out } = await runCli(["recover", "--accept-data-loss", "--data-dir", "d"], {
      recoverNode: ({ config }) => {
        assert.equal(config.dataDir, "d");
        return Promise.resolve({ kind: "accepted", lost, goesOnBehind: { index: 6 } });
      },
    });
    assert.deepEqual([code, out], [0, `Accepted that ${lost}\nThe node goes on behind entry 6\n`]);
  });

  it("says so when nothing is missing", async () => {
    const { code, out } = await runCli(["recover", "--accept-data-loss"], {
      recoverNode: () => Promise.resolve({ kind: "whole" }),
    });
    assert.equal(code, 0);
    assert.match(out, /Nothing is missing/);
  });

  it("fails where others may hold what is lost", async () => {
    const { code, errors } = await runCli(["recover", "--accept-data-loss"], {
      recoverNode: () => Promise.resolve({ kind: "refused", reason: `${lost}, but others …` }),
    });
    assert.equal(code, 1);
    assert.deepEqual(errors, [`error: ${lost}, but others …`]);
  });
});
