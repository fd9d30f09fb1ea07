/** Changes of members over HTTP: what is asked of the service, and how it is answered. */

import type { MembershipAnswer, MembershipRequest } from "../../../src/service/contract.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function json(body: unknown, contentType = "application/json"): RequestInit {
  return { body: JSON.stringify(body), headers: { "Content-Type": contentType } };
}

const place = { rpc: "n4:9081", http: "http://n4:8081" };

function answers(more: Partial<MembershipAnswer>): void {
  probe.cluster.onChange = () => ({
    ...{ id: 4, added: false, members: [fakeMember(1), fakeMember(4)] },
    ...{ configuration: { index: 18, joint: false }, quorum: 2, voters: 3, healthyVoters: 2 },
    ...more,
  });
}

/** What the service is asked for. */
async function asked(line: string, init: RequestInit = {}): Promise<MembershipRequest> {
  const { status, text } = await probe.ask(line, init);
  assert.equal(status, 200, text);
  return probe.cluster.lastChange ?? assert.fail("Nothing was asked");
}

describe("POST /v1/cluster/members", () => {
  it("asks for a learner at these addresses", async () => {
    const change = { kind: "add", suffrage: "learner", member: { addresses: place } };
    assert.deepEqual(await asked("POST /v1/cluster/members", json(place)), {
      ...{ change, dryRun: false },
    });
  });

  it("asks for all that is said", async () => {
    const said = {
      ...{ ...place, id: 7, incarnation: "00112233445566aa", suffrage: "read_only" },
      client_rpc: "[::1]:9090",
    };
    assert.deepEqual(await asked("POST /v1/cluster/members", json(said)), {
      dryRun: false,
      change: {
        ...{ kind: "add", suffrage: "readOnly" },
        member: {
          ...{ id: 7, incarnation: "00112233445566aa" },
          addresses: { ...place, clientRpc: "[::1]:9090" },
        },
      },
    });
  });

  it("is 201 with the place of the new member, 200 where it was there", async () => {
    answers({ added: true });
    const created = await probe.ask("POST /v1/cluster/members", json(place));
    assert.equal(created.status, 201);
    assert.equal(created.headers.get("Location"), "/v1/cluster/members/4");
    assert.equal(created.headers.get("ETag"), '"c18"');
    const body = JSON.parse(created.text);
    assert.deepEqual(body.members.map(({ id }: { id: number }) => id), [1, 4]);
    delete body.members;
    assert.deepEqual(body, {
      ...{ id: 4, configuration: { index: 18, joint: false } },
      ...{ quorum: 2, voters: 3, healthy_voters: 2 },
    });
    answers({ added: false });
    const again = await probe.ask("POST /v1/cluster/members", json(place));
    assert.deepEqual([again.status, again.headers.get("Location")], [200, null]);
  });

  it("of a dry run creates nothing", async () => {
    answers({ added: true });
    const dry = await probe.ask("POST /v1/cluster/members?dry_run", json(place));
    assert.deepEqual([dry.status, dry.headers.get("Location")], [200, null]);
    assert.equal(JSON.parse(dry.text).dry_run, true);
    assert.equal(probe.cluster.lastChange?.dryRun, true);
  });

  it("tells each thing that is wrong, with what is allowed", async () => {
    const wrong = {
      ...{ id: 0, incarnation: "XYZ", rpc: "0.0.0.0:9081", http: "n4:8081", client_rpc: "n4" },
      suffrage: "voter",
    };
    const { issues } = await probe.problem(
      "POST /v1/cluster/members",
      "400 validation_failed",
      json(wrong),
    );
    assert.deepEqual(issues?.map(({ path }) => path).sort(), [
      ...["client_rpc", "http", "id", "incarnation", "rpc", "suffrage"],
    ]);
    const text = JSON.stringify(issues);
    assert.match(text, /rpc is \\"0\.0\.0\.0:9081\\", allowed is host:port/);
    assert.match(text, /http is \\"n4:8081\\", allowed is http:\/\/host:port/);
    assert.match(text, /suffrage is \\"voter\\", allowed are learner and read_only/);
    const missing = await probe.problem(
      "POST /v1/cluster/members",
      "400 validation_failed",
      json({}),
    );
    assert.match(missing.detail, /rpc is missing, .*http is missing, /);
    await probe.problem("POST /v1/cluster/members", "400 bad_request");
  });
});

describe("Other changes of members", () => {
  it("are asked for by the id in the path", async () => {
    answers({});
    const cases = [
      ["DELETE /v1/cluster/members/4", {}, { kind: "remove", id: 4 }],
      [
        "PATCH /v1/cluster/members/4",
        json({ suffrage: "read_only" }),
        { kind: "setSuffrage", id: 4, suffrage: "readOnly" },
      ],
      [
        "PATCH /v1/cluster/members/4294967295",
        json({ suffrage: "voter" }, "application/merge-patch+json"),
        { kind: "setSuffrage", id: 4294967295, suffrage: "voter" },
      ],
      [
        "POST /v1/cluster/members/3/replacement",
        json(place),
        { kind: "replace", id: 3, by: { addresses: place } },
      ],
    ] as const;
    for (const [line, init, change] of cases) {
      assert.deepEqual(await asked(line, init), { change, dryRun: false }, line);
    }
  });

  it("take no other id", async () => {
    for (const id of ["0", "01", "4294967296", "-1", "x", "1.0"]) {
      const line = `DELETE /v1/cluster/members/${id}`;
      const { detail, outcome } = await probe.problem(line, "400 bad_request");
      assert.equal(outcome, "not_applied");
      assert.match(detail, /^The member in the path is .*, allowed is the id of a node/);
    }
  });

  it("take the tag of the configuration as a condition, and nothing else", async () => {
    answers({});
    const line = "DELETE /v1/cluster/members/4";
    const expected = async (line: string, value?: string) =>
      (await asked(line, value === undefined ? {} : { headers: { "If-Match": value } })).expected;
    assert.deepEqual(await expected(line, '"c17"'), [17]);
    assert.deepEqual(await expected(line, '"c17", W/"c18"'), [17, 18]);
    assert.deepEqual(await expected(`${line}?if_match=c17`), [17]);
    assert.equal(await expected(line, "*"), undefined);
    for (const wrong of ['"17"', '"r17"', "c", "17"]) {
      const init = { headers: { "If-Match": wrong } };
      await probe.problem(line, "400 validation_failed", init);
    }
    for (const name of ["If-None-Match", "Idempotency-Key"]) {
      const init = { headers: { [name]: '"c17"' } };
      await probe.problem(line, "400 validation_failed", init);
    }
    await probe.problem(`${line}?dryrun=true`, "400 validation_failed");
  });

  it("that are refused by the condition name the configuration in force", async () => {
    probe.cluster.onChange = () => {
      throw new ServiceError("precondition_failed", "Another one", {
        outcome: "not_applied",
        extra: { configuration: { index: 18, joint: true } },
      });
    };
    const line = "DELETE /v1/cluster/members/4?if_match=c17";
    const { status, headers, text } = await probe.ask(line);
    assert.deepEqual([status, headers.get("ETag")], [412, '"c18"']);
    const { configuration, outcome } = JSON.parse(text);
    assert.deepEqual([configuration, outcome], [{ index: 18, joint: true }, "not_applied"]);
  });

  it("whose fate nobody tells are unknown", async () => {
    probe.cluster.onChange = () => {
      throw new Error("secret");
    };
    const { outcome } = await probe.problem("DELETE /v1/cluster/members/4", "500 internal");
    assert.equal(outcome, "unknown");
  });
});

describe("GET /v1/cluster/members/{id}", () => {
  it("is that member, or 404", async () => {
    const { id, rpc } = await probe.json("GET /v1/cluster/members/2", 200);
    assert.deepEqual([id, rpc], [2, "127.0.0.1:7411"]);
    await probe.problem("GET /v1/cluster/members/9", "404 member_not_found");
    await probe.problem("GET /v1/cluster/members/x", "400 bad_request");
  });
});
