import { JsonSteps } from "../../../src/http/json_steps.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { assert, describe, it } from "../../harness/test.ts";

const mebi = 1024 * 1024;

async function written(value: unknown): Promise<{ readonly json: string; readonly rests: number }> {
  let rests = 0;
  const steps = new JsonSteps(() => {
    rests++;
    return Promise.resolve();
  });
  await steps.value(value);
  const { bytes } = steps;
  const finished = steps.finish();
  assert.ok(bytes <= finished.length);
  return { json: lossyText(finished), rests };
}

/** Some units of every kind that JSON or UTF-8 treats in its own way. */
function text(prng: Prng, length: number): string {
  const kinds = ["a", "\0", '"', "\\", "\n", "ä", "漢", "😀", "\u2028", "\u007f"];
  const parts = Array.from({ length: 64 }, () => kinds[prng.below(kinds.length)]!);
  return parts.join("").repeat(Math.ceil(length / 64)).slice(0, length - 1) + "!";
}

describe("JsonSteps", () => {
  it("writes what JSON.stringify writes, whatever is cut in two", async () => {
    const prng = new Prng(1);
    for (let round = 0; round < 12; round++) {
      const long = `${"x".repeat(prng.below(3))}${text(prng, mebi + prng.below(mebi))}`;
      const values = [
        long,
        { a: 1, long, gone: undefined, '"': null, empty: {} },
        [long, [], { deep: { long, more: [1, "two", true] } }, "short"],
        { nothing: "long" },
        [],
      ];
      const value = values[round % values.length];
      assert.ok((await written(value)).json === JSON.stringify(value), `round ${round}`);
    }
  });

  it("does not cut a pair in two, wherever it stands", async () => {
    for (const before of ["", "x"]) {
      const value = before + "😀".repeat(mebi);
      assert.ok((await written(value)).json === JSON.stringify(value));
    }
  });

  it("rests while it writes much, of one value or of many", async () => {
    assert.equal((await written({ small: "x".repeat(1000) })).rests, 0);
    const one = await written({ value: "\0".repeat(4 * mebi) });
    assert.ok(one.rests >= 8, `${one.rests}`);
    const many = await written(Array.from({ length: 1000 }, () => ({ value: "x".repeat(4096) })));
    assert.ok(many.rests >= 4, `${many.rests}`);
  });
});
