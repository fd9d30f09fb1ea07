import { type Optioned, parseArguments } from "../../../src/cli/arguments.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";
import { assert, describe, it } from "../../harness/test.ts";

const command: Optioned = {
  name: "do",
  options: [
    { name: "limit", value: "N", description: "" },
    { name: "timeout", value: "DURATION", description: "", variable: true },
    { name: "output", short: "o", value: "table|json", description: "" },
    { name: "if-absent", description: "", variable: true },
  ],
};

function parse(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return parseArguments(words, command, (name) => env[name]);
}

function complaint(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "";
}

describe("arguments", () => {
  it("may stand in any order, with = or without", () => {
    const args = parse(["a", "--limit=3", "-o", "json", "b", "--if-absent"]);
    assert.deepEqual(args.operands, ["a", "b"]);
    assert.equal(args.integer("limit", { min: 1, max: 9 }), 3);
    assert.equal(args.oneOf("output", ["table", "json"]), "json");
    assert.equal(args.has("if-absent"), true);
    assert.equal(args.has("timeout"), false);
  });

  it("are operands behind --, and a lone hyphen is one everywhere", () => {
    assert.deepEqual(parse(["-", "--", "--limit", "-x"]).operands, ["-", "--limit", "-x"]);
  });

  it("may have an empty value and one that looks like an option", () => {
    assert.equal(parse(["--limit="]).text("limit"), "");
    assert.equal(parse(["--limit", "--output"]).text("limit"), "--output");
  });

  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["--limits", "3"], "--limits is not an option of skein do; did you mean --limit?"],
    ...["--zzz", "-x", "-5"].map((word) =>
      [
        [word],
        `${word} is not an option of skein do; see skein do --help, and give what is no option ` +
        "behind --",
      ] as const
    ),
    [["--limit"], "--limit needs a value: N"],
    [["--if-absent=yes"], "--if-absent takes no value"],
    [["--limit", "1", "--limit", "2"], "--limit is given twice"],
  ];
  for (const [words, message] of wrong) {
    it(`${words.join(" ")} is refused: ${message}`, () => {
      assert.equal(complaint(() => parse(words)), message);
    });
  }

  it("come from the environment where the command line is silent", () => {
    const env = { SKEIN_TIMEOUT: "3s", SKEIN_LIMIT: "5", SKEIN_IF_ABSENT: "true" };
    assert.equal(parse([], env).duration("timeout"), 3000);
    assert.equal(parse(["--timeout", "1s"], env).duration("timeout"), 1000);
    assert.equal(parse([], env).has("limit"), false);
    assert.equal(parse([], env).has("if-absent"), true);
    assert.equal(parse([], { SKEIN_IF_ABSENT: "false" }).has("if-absent"), false);
    assert.equal(parse([], { SKEIN_TIMEOUT: "" }).has("timeout"), false);
  });

  it("are refused where a variable says neither true nor false", () => {
    for (const text of ["1", "yes", "True", "flase"]) {
      assert.equal(
        complaint(() => parse([], { SKEIN_IF_ABSENT: text })),
        `SKEIN_IF_ABSENT is "${text}"; allowed is true or false`,
      );
    }
  });

  it("name value and range when a number is wrong", () => {
    for (const text of ["0", "10", "x", "1.5", "-1", "1e0", ""]) {
      assert.equal(
        complaint(() => parse([`--limit=${text}`]).integer("limit", { min: 1, max: 9 })),
        `--limit is ${JSON.stringify(text)}; allowed is an integer from 1 to 9`,
      );
    }
  });

  it("read durations, and name what is none", () => {
    const durations = [["5ms", 5], ["2s", 2000], ["1m", 60_000], ["1h", 3_600_000]] as const;
    for (const [text, ms] of durations) {
      assert.equal(parse(["--timeout", text]).duration("timeout"), ms);
    }
    for (const text of ["5", "s", "-1s", "1.5s", "0s", "1w"]) {
      assert.equal(
        complaint(() => parse([`--timeout=${text}`]).duration("timeout")),
        `--timeout is "${text}"; allowed is a duration such as 500ms, 5s or 1m`,
      );
    }
  });

  it("name the words that are allowed", () => {
    assert.equal(
      complaint(() => parse(["-o", "yaml"]).oneOf("output", ["table", "json"])),
      '--output is "yaml"; allowed is one of table, json',
    );
  });
});
