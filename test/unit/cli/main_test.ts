import { commands } from "../../../src/cli/main.ts";
import { runCli } from "../../harness/cli.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { assert, describe, it } from "../../harness/test.ts";

const runtime = await currentRuntime();

const memberCommands =
  "member list, member add, member promote, member demote, member replace, member remove";

describe("the command line", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["", "error: A command is missing; see skein --help"],
    ["pt", 'error: "pt" is not a command; did you mean put?'],
    ["frobnicate", 'error: "frobnicate" is not a command; see skein --help'],
    ["--nope", "error: --nope is not an option of skein; see skein --help"],
    ["-x put", "error: -x is not an option of skein; see skein --help"],
    [
      "member",
      `error: skein member needs one more word; known are ${memberCommands}`,
    ],
    [
      "config chek",
      'error: "config chek" is not a command; known are config check, config print',
    ],
    ["watch a --prefix a", "error: KEY contradicts --prefix, --start and --end"],
    ["watch --prefix a --end b", "error: --prefix contradicts --start and --end"],
    [
      "watch --filter puts",
      'error: --filter is "puts"; allowed are put and delete, separated by a comma',
    ],
    ["put a b --ttl 1s --lease 7", "error: --ttl and --lease contradict each other"],
    ["put a b --lease x", 'error: --lease is "x"; allowed is the id of a lease, an integer'],
    ["lease grant soon", 'error: TTL is "soon"; allowed is a duration such as 30s, 5m or 1h'],
    ["lease revoke x", 'error: ID is "x"; allowed is the id of a lease, an integer'],
    ["compact 0", 'error: REVISION is "0"; allowed is an integer from 1 to 9007199254740991'],
    ["incr a 1.5", 'error: N is "1.5"; allowed is a signed 64-bit integer'],
    ["patch a {} --file f", "error: JSON and --file contradict each other"],
    ["snapshot save", "error: FILE is missing"],
    ["member add n4:9081", "error: HTTP is missing"],
    [
      "member add n4:9081 http://n4:8081 --id 0",
      'error: --id is "0"; allowed is an integer from 1 to 4294967295',
    ],
    ["member remove x", 'error: NODE_ID is "x"; allowed is an integer from 1 to 4294967295'],
    [
      "member promote 4 --if-match 17",
      'error: --if-match is "17"; allowed is the tag of a configuration, such as c17',
    ],
    [
      "member ad 4",
      `error: "member ad" is not a command; known are ${memberCommands}`,
    ],
    ["memebr list", 'error: "memebr" is not a command; did you mean member?'],
    ["put a b --file f", "error: VALUE and --file contradict each other"],
    ["put a --file", "error: --file needs a value: FILE"],
    [
      "put a b --idempotency-key=",
      'error: --idempotency-key is ""; allowed are 1 to 255 printable characters of ASCII',
    ],
    ["get", "error: KEY is missing"],
    ["get a b", 'error: "b" is one argument too many'],
    [
      "get a --consistent",
      "error: --consistent is not an option of skein get; did you mean --consistency?",
    ],
    ["put a", "error: VALUE is missing"],
    ["put a b --if-match 1 --if-absent", "error: --if-match and --if-absent contradict each other"],
    ["put a b --if-match x", 'error: --if-match is "x"; allowed is a revision or *'],
    ["del", "error: KEY is missing"],
    ["del --prefix=", "error: --prefix is empty, which would delete everything: --all does"],
    ["del a --limit 3", "error: --limit goes with --prefix or --all"],
    ["ls a --start b", "error: PREFIX contradicts --start and --end"],
    ["get a --endpoints ftp://x", 'error: The endpoint is "ftp://x"; allowed is http://host:port'],
    [
      "get a --timeout soon",
      'error: --timeout is "soon"; allowed is a duration such as 500ms, 5s or 1m',
    ],
    [
      "leader transfer two",
      'error: NODE_ID is "two"; allowed is an integer from 1 to 4294967295',
    ],
    [
      "leader transfer 4294967296",
      'error: NODE_ID is "4294967296"; allowed is an integer from 1 to 4294967295',
    ],
    ["get --key64=", "error: --key64 has 0 bytes; allowed are 1 to 8192"],
    [`put ${"k".repeat(8193)} v`, "error: KEY has 8193 bytes; allowed are 1 to 8192"],
    [`ls ${"k".repeat(8193)}`, "error: PREFIX has 8193 bytes; allowed are 0 to 8192"],
    [`ls --end ${"k".repeat(8193)}`, "error: --end has 8193 bytes; allowed are 0 to 8192"],
    [
      "put a b --content-type a/\u00fc",
      'error: --content-type is "a/\u00fc"; allowed are visible ASCII characters',
    ],
    ["del a --prefix b", "error: KEY and --prefix contradict each other"],
    ["dev --data-dir=", 'error: --data-dir is ""; allowed is a path'],
    ["completion fish", 'error: "fish" is not a known shell; allowed is bash or zsh'],
    ["dev --nodes 16", 'error: --nodes is "16"; allowed is an integer from 1 to 15'],
    [
      "dev --base-port 65520",
      'error: --base-port is "65520"; allowed is an integer from 1 to 65514',
    ],
    ["start extra", 'error: "extra" is one argument too many'],
  ];
  for (const [line, message] of wrong) {
    it(`skein ${line.slice(0, 40)} is a usage error: ${message}`, async () => {
      const words = line === "" ? [] : line.split(" ");
      const { code, out, errors } = await runCli(words);
      assert.deepEqual(errors, [message]);
      assert.equal(code, 2);
      assert.equal(out, "");
    });
  }

  for (const words of [["--help"], ["-h"], ["help"]]) {
    it(`skein ${words.join(" ")} lists every command`, async () => {
      const { code, out } = await runCli(words);
      assert.equal(code, 0);
      for (const { name, summary } of commands) {
        assert.ok(out.includes(`${name} `) && out.includes(summary));
      }
    });
  }

  for (const command of commands) {
    const words = command.name.split(" ");
    it(`skein ${command.name} --help has a usage line, every option and an example`, async () => {
      const { code, out, errors } = await runCli([...words, "anything", "--help"]);
      assert.deepEqual([code, errors], [0, []]);
      assert.ok(out.includes(`Usage: skein ${command.name}`));
      for (const option of command.options) assert.ok(out.includes(`--${option.name}`));
      assert.match(out, /\nExample: .*skein /);
      assert.equal((await runCli(["help", ...words])).out, out);
    });
  }

  it("shows the commands of a group", async () => {
    for (const words of [["config", "--help"], ["help", "config"]]) {
      const { code, out } = await runCli(words);
      assert.equal(code, 0);
      assert.match(out, /skein config check[^]*skein config print/);
    }
  });

  it("takes --help behind -- for an operand", async () => {
    assert.equal((await runCli(["put", "k", "--", "--help", "x"])).code, 2);
  });

  it("tells its version, for people and for programs", async () => {
    const { code, out } = await runCli(["version"]);
    assert.equal(code, 0);
    assert.match(out, /^skein \d+\.\d+\.\d+ \(source\), (bun|deno) [^,]+, SQLite 3\./);
    assert.equal((await runCli(["--version"])).out, out);
    const json = JSON.parse((await runCli(["version", "-o", "json"])).out);
    assert.equal(json.runtime, runtime.name);
    assert.equal(json.runtime_version, runtime.version);
    assert.equal(json.commit, "source");
  });

  it("prints a completion script that knows commands and options", async () => {
    const { out } = await runCli(["completion", "bash"]);
    assert.match(
      out,
      /words="start dev put get del ls patch incr txn watch history compact lease /,
    );
    assert.match(out, /"lease"\) words="grant keep-alive info list revoke"/);
    assert.match(out, /"\$two" in\n[^]*"lease keep-alive"\) words="--once --endpoints/);
    assert.match(out, /"config"\) words="check print"/);
    assert.match(out, /"member list"\) words="--endpoints/);
    assert.match((await runCli(["completion", "zsh"])).out, /bashcompinit/);
  });
});
