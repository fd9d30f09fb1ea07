import { utf8 } from "../../../src/lib/bytes.ts";
import { CandidacyFile } from "../../../src/storage/directory/candidacy_file.ts";
import { replaceFile } from "../../../src/storage/directory/files.ts";
import { SimulatedFiles } from "../../harness/simulated_files.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("the incarnation of a node without an id", () => {
  const path = "/data/incarnation";

  it("is there again after a power cut, and gone once it stands in the identity", () => {
    const files = new SimulatedFiles();
    const candidacy = new CandidacyFile(files, path);
    assert.equal(candidacy.load(), undefined);
    candidacy.save("0123456789abcdef");
    files.cutPower();
    assert.equal(new CandidacyFile(files, path).load(), "0123456789abcdef");
    candidacy.remove();
    assert.equal(candidacy.load(), undefined);
  });

  it("is not guessed at when it is damaged", () => {
    const files = new SimulatedFiles();
    for (const text of ["", "0123456789abcdef", "0123456789ABCDEF\n", "0123456789abcdef\n\n"]) {
      replaceFile(files, path, utf8(text));
      assert.throws(() => new CandidacyFile(files, path).load(), /is damaged: .* Delete the file/);
    }
  });
});
