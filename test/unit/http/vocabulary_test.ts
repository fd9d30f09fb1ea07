import { assert, describe, it } from "../../harness/test.ts";
import { nearestWord } from "../../../src/http/vocabulary.ts";

const words = ["if_match", "if_none_match", "prefix", "limit", "consistency", "keys_only", "prev"];

describe("nearestWord", () => {
  it("translates the words of neighbouring systems", () => {
    assert.equal(nearestWord("cas", words), "if_match");
    assert.equal(nearestWord("recurse", words), "prefix");
    assert.equal(nearestWord("separator", ["delimiter"]), "delimiter");
    assert.equal(nearestWord("keys", words), "keys_only");
    assert.equal(nearestWord("prevIndex", words), "if_match");
    assert.equal(nearestWord("stale", words), "consistency");
  });

  it("mends slips of the finger, letter case and dashes", () => {
    assert.equal(nearestWord("prefx", words), "prefix");
    assert.equal(nearestWord("perfix", words), "prefix");
    assert.equal(nearestWord("If-Match", words), "if_match");
    assert.equal(nearestWord("consistancy", words), "consistency");
    assert.equal(nearestWord("limits", words), "limit");
  });

  it("never names a word that the operation does not take", () => {
    assert.equal(nearestWord("cas", ["prefix", "limit"]), undefined);
  });

  it("guesses nothing where nothing is near", () => {
    assert.equal(nearestWord("zebra", words), undefined);
    assert.equal(nearestWord("x".repeat(10_000), words), undefined);
  });
});
