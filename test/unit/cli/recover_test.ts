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

  it("looks without being told more, and changes nothing", async () => {
    const remains = {
      nodeId: 2,
      incarnation: "00000000000000aa",
      currentTerm: 7,
      lastLog: { index: 120, term: 6 },
      commitIndex: 118,
      applied: { index: 118, term: 6 },
      stateHash: "0123456789abcdef",
      members: [{ id: 1, suffrage: "voter" }, { id: 2, suffrage: "voter" }],
      lost: undefined,
      refusal: undefined,
    };
    const { code, out } = await runCli(["recover", "--inspect"], {
      recoverNode: ({ wish }) => {
        assert.equal(wish, "inspect");
        return Promise.resolve({ kind: "remains", remains });
      },
    });
    assert.equal(code, 0);
    assert.match(out, /^node +2\n.*\nterm +7\nlast entry +120 of term 6\n/);
    assert.match(
      out,
      /\nstate hash +0123456789abcdef\nmembers +1 \(voter\), 2 \(voter\)\nlog +whole\n$/,
    );
  });

  it("looking and changing are not asked for together", async () => {
    const { code, errors } = await runCli(["recover", "--inspect", "--lost-quorum"]);
    assert.equal(code, 2);
    assert.match(errors.join("\n"), /--inspect changes nothing/);
  });

  it("a node goes on alone only when both words are said", async () => {
    assert.equal((await runCli(["recover", "--lost-quorum"])).code, 2);
    const words = ["recover", "--lost-quorum", "--accept-data-loss"];
    const { code, out } = await runCli(words, {
      recoverNode: ({ wish }) => {
        assert.equal(wish, "goOnAlone");
        const position = { index: 121, term: 8 };
        return Promise.resolve({ kind: "alone", nodeId: 2, position, incarnation: "aa" });
      },
    });
    assert.equal(code, 0);
    assert.match(out, /^Node 2 is the only voter from entry 121 of term 8 on\n/);
  });
});
