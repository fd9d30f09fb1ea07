import { bytesBetweenRests, msBetweenRests, ReadTurns } from "../../../src/service/read_turns.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Reads that are begun one after the other, and those that were done in each turn of the loop. */
class Loop {
  readonly done: string[][] = [[]];
  #nowMs = 0;
  #soon: (() => void)[] = [];
  readonly #turns = new ReadTurns((run) => this.#soon.push(run), () => this.#nowMs);

  begin(name: string, cost: { readonly ms?: number; readonly bytes?: number }): void {
    const read = (): number => {
      this.#nowMs += cost.ms ?? 0;
      this.done.at(-1)!.push(name);
      return cost.bytes ?? 0;
    };
    const bytesOf = (bytes: number): number => bytes;
    if (this.#turns.isResting) void this.#turns.later(read, bytesOf);
    else this.#turns.now(read, bytesOf);
  }

  goRound(): void {
    this.done.push([]);
    for (const run of this.#soon.splice(0)) run();
  }
}

describe("reads that arrive together", () => {
  const costs = { bytes: { bytes: bytesBetweenRests / 2 }, time: { ms: msBetweenRests / 2 } };
  for (const [what, cost] of Object.entries(costs)) {
    it(`let the loop go round where they have taken enough: ${what}`, () => {
      const loop = new Loop();
      for (const name of "abcde") loop.begin(name, cost);
      loop.goRound();
      loop.goRound();
      loop.goRound();
      assert.deepEqual(loop.done.map((names) => names.join("")), ["ab", "cd", "e", ""]);
      loop.begin("f", cost);
      assert.deepEqual(loop.done.at(-1), ["f"]);
    });
  }

  it("are all done at once where they cost little", () => {
    const loop = new Loop();
    for (let count = 0; count < 1_000; count++) loop.begin("r", { bytes: 1_000 });
    assert.equal(loop.done[0]?.length, 1_000);
  });
});
