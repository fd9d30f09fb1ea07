import { BenchUsageError, parseOptions } from "../../../../scripts/bench/options.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("parseOptions", () => {
  it("has defaults for everything", () => {
    const options = parseOptions([]);
    assert.equal(options?.rounds, 3);
    assert.equal(options?.seconds, 5);
    assert.deepEqual(options?.surfaces, ["rest", "grpc"]);
    assert.equal(options?.workloads.length, 4);
    assert.equal(options?.runtime, "bun");
    assert.equal(options?.etcd, undefined);
    assert.equal(options?.total, undefined);
  });

  it("takes what is given", () => {
    const args = ["--surface", "grpc", "--workloads", "read100,write1", "--no-etcd", "--spread"];
    const options = parseOptions([...args, "--total", "100", "--seconds", "0.5"]);
    assert.deepEqual(options?.surfaces, ["grpc"]);
    assert.deepEqual(options?.workloads.map(({ id }) => id), ["read100", "write1"]);
    assert.equal(options?.etcd, false);
    assert.equal(options?.spread, true);
    assert.equal(options?.total, 100);
    assert.equal(options?.seconds, 0.5);
  });

  it("refuses what it does not know, by name", () => {
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [["--round", "3"], /--round/],
      [["--rounds", "0"], /--rounds is 0, allowed is an integer above 0/],
      [["--seconds", "x"], /--seconds is x/],
      [["--surface", "soap"], /--surface is soap, allowed are rest, grpc and both/],
      [["--workloads", "write2"], /names write2, allowed are write1, write100/],
      [["--runtime", "node"], /--runtime is node, allowed are bun and deno/],
      [["--engine", "memory"], /--engine is memory/],
      [["--etcd", "etcd", "--no-etcd"], /contradict/],
      [["write1"], /write1/],
    ];
    for (const [args, message] of refused) {
      assert.throws(() => parseOptions(args), (error) => {
        assert.ok(error instanceof BenchUsageError);
        assert.match(error.message, message);
        return true;
      });
    }
  });

  it("says when only help is wanted", () => {
    assert.equal(parseOptions(["--help"]), undefined);
  });
});
