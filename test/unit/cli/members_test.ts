/** `member …` against the real REST interface over services in memory. */

import type { HttpServer } from "../../../src/runtime/mod.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { type CliOutcome, runCli } from "../../harness/cli.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { after, assert, before, beforeEach, describe, it } from "../../harness/test.ts";

const runtime = await currentRuntime();

let probe = new HttpProbe();
let server: HttpServer;

before(async () => {
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    requestBytesMax: 16 * 1024 * 1024,
    fetch: (request) => probe.app.fetch(request, {}),
    onError: (error) => new Response(String(error), { status: 500 }),
  });
});
after(() => server.close(0));
beforeEach(() => {
  probe = new HttpProbe();
  answer(false);
});

function answer(added: boolean): void {
  probe.cluster.onChange = () => ({
    ...{ id: 4, added, members: [fakeMember(1), fakeMember(4, { suffrage: "learner" })] },
    ...{ configuration: { index: 18, joint: false }, quorum: 2, voters: 3, healthyVoters: 2 },
  });
}

function skein(words: string): Promise<CliOutcome> {
  return runCli(words.split(" "), {
    env: { SKEIN_ENDPOINTS: `http://127.0.0.1:${server.port}`, SKEIN_IF_MATCH: "5" },
  });
}

const addresses = { rpc: "n4:9081", http: "http://n4:8081" };
const place = "n4:9081 http://n4:8081";

describe("member add, promote, demote, replace and remove", () => {
  it("ask for one change each", async () => {
    const offered = { incarnation: "00112233445566aa", id: 7 };
    const cases = [
      [`add ${place}`, { kind: "add", suffrage: "learner", member: { addresses } }],
      [
        `add ${place} --read-only --id 7 --incarnation 00112233445566aa --client-rpc n4:9090`,
        {
          ...{ kind: "add", suffrage: "readOnly" },
          member: { ...offered, addresses: { ...addresses, clientRpc: "n4:9090" } },
        },
      ],
      ["promote 4", { kind: "setSuffrage", id: 4, suffrage: "voter" }],
      ["demote 4", { kind: "setSuffrage", id: 4, suffrage: "learner" }],
      ["demote 4 --read-only", { kind: "setSuffrage", id: 4, suffrage: "readOnly" }],
      [`replace 3 ${place}`, { kind: "replace", id: 3, by: { addresses } }],
      ["remove 3", { kind: "remove", id: 3 }],
    ] as const;
    for (const [words, change] of cases) {
      const { code, errors } = await skein(`member ${words}`);
      assert.deepEqual([code, errors], [0, []], words);
      assert.deepEqual(probe.cluster.lastChange, { change, dryRun: false }, words);
    }
  });

  it("say what has become of it, and who is a member now", async () => {
    const first = async (words: string): Promise<string> =>
      (await skein(`member ${words}`)).out.split("\n")[0] ?? "";
    assert.equal(await first("promote 4"), "node 4 is a voter now, configuration c18");
    assert.equal(await first("demote 4"), "node 4 is a learner now, configuration c18");
    assert.equal(await first("demote 4 --read-only"), "node 4 is read-only now, configuration c18");
    assert.equal(await first("remove 3"), "node 3 is no member any more, configuration c18");
    assert.equal(await first(`add ${place}`), "node 4 is a member already, configuration c18");
    answer(true);
    assert.equal(
      await first(`add ${place}`),
      "node 4 is a member now, as learner, configuration c18",
    );
    const { out } = await skein(`member replace 3 ${place}`);
    assert.match(
      out,
      /^node 4 is in the place of node 3, configuration c18\n2 of 3 voters decide, 2 are .*\n\nID /,
    );
    assert.match(out, /\n4 +follower +learner/);
  });

  it("say of a node that is demoted that it comes to vote again, and how not", async () => {
    const second = async (words: string): Promise<string> =>
      (await skein(`member ${words}`)).out.split("\n")[1] ?? "";
    assert.match(await second("demote 4"), /^the cluster promotes it again .* --read-only keeps/);
    assert.match(await second("demote 4 --read-only"), /^2 of 3 voters decide/);
    assert.match(await second("promote 4"), /^2 of 3 voters decide/);
    const { out } = await skein("member demote --help");
    assert.match(out, /without it the cluster does so by itself/);
  });

  it("change nothing with --dry-run, and take a condition", async () => {
    const { out } = await skein("member remove 3 --dry-run --if-match c17");
    assert.match(out, /^nothing is changed, configuration c18; so it would be:\n2 of 3 voters/);
    assert.deepEqual(probe.cluster.lastChange, {
      ...{ change: { kind: "remove", id: 3 }, dryRun: true, expected: [17] },
    });
  });

  it("write the body of REST with -o json", async () => {
    const { members, ...rest } = JSON.parse((await skein("member remove 3 -o json")).out);
    assert.equal(members.length, 2);
    assert.deepEqual(rest, {
      ...{ id: 4, configuration: { index: 18, joint: false } },
      ...{ quorum: 2, voters: 3, healthy_voters: 2 },
    });
  });

  it("fail with the code of the refusal", async () => {
    const cases = [
      ["member_not_found", 3],
      ["precondition_failed", 4],
      ["would_lose_quorum", 1],
    ] as const;
    for (const [code, exit] of cases) {
      probe.cluster.onChange = () => {
        throw new ServiceError(code, "So it is", { outcome: "not_applied" });
      };
      const refused = await skein("member remove 3");
      assert.deepEqual([refused.code, refused.errors], [
        ...[exit, [`error: So it is [${code}, not_applied]`]],
      ]);
    }
  });

  it("are repeated while that can help", async () => {
    let refusals = 2;
    const { onChange } = probe.cluster;
    probe.cluster.onChange = (request) => {
      if (refusals-- === 0) return onChange(request);
      throw new ServiceError("timeout", "Not yet", { outcome: "unknown", retryable: true });
    };
    const { code } = await skein(`member replace 3 ${place} --timeout 60s`);
    assert.deepEqual([code, refusals], [0, -1]);
  });
});

describe("status and member list", () => {
  it("show a configuration that is not committed", async () => {
    const line = "pending  configuration 18 is not committed yet: its voters 1, 2 have to agree\n";
    for (const joint of [false, true]) {
      probe.cluster.setPending({ index: 18, joint, voters: [1, 2] });
      const wanted = joint ? line.replace("1, 2", "1, 2 and those of before") : line;
      assert.ok((await skein("status")).out.includes(`, configuration 1\n${wanted}\nID `));
      assert.ok((await skein("member list")).out.endsWith(`\n\n${wanted}`));
    }
  });
});
