import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { fakeMember } from "../../harness/fake_services.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function json(body: string, contentType = "application/json"): RequestInit {
  return { body, headers: { "Content-Type": contentType } };
}

describe("GET /v1/cluster", () => {
  it("tells cluster, leader, members and configuration", async () => {
    const members = [fakeMember(1), fakeMember(2, { suffrage: "readOnly", clientRpc: "n2:9" })];
    probe.cluster.current = { ...probe.cluster.current, members };
    const member = {
      id: 1,
      suffrage: "voter",
      role: "leader",
      http: "http://127.0.0.1:7400",
      rpc: "127.0.0.1:7401",
      client_rpc: null,
      match: 12,
      applied: 12,
      lag_ms: 0,
      healthy: true,
      version: "0.1.0",
    };
    assert.deepEqual(await probe.json("GET /v1/cluster", 200), {
      cluster_id: "test-cluster",
      node_id: 1,
      term: 2,
      leader: { id: 1, http: "http://127.0.0.1:7400", rpc: "127.0.0.1:7401" },
      members: [member, {
        ...member,
        id: 2,
        suffrage: "read_only",
        role: "follower",
        http: "http://127.0.0.1:7410",
        rpc: "127.0.0.1:7411",
        client_rpc: "n2:9",
      }],
      configuration: { index: 1, joint: false },
      data_version: 4,
    });
  });

  it("writes null for what this node does not know", async () => {
    const unknown = fakeMember(2, {
      role: undefined,
      http: undefined,
      rpc: undefined,
      match: undefined,
      applied: undefined,
      lagMs: undefined,
      healthy: undefined,
      version: undefined,
    });
    probe.cluster.current = { ...probe.cluster.current, leader: 2, members: [unknown] };
    const view = await probe.json("GET /v1/cluster", 200);
    assert.deepEqual(view["leader"], { id: 2, http: null, rpc: null });
    const { id, suffrage, ...rest } = Object(view["members"])[0];
    assert.deepEqual([id, suffrage], [2, "voter"]);
    assert.ok(Object.values(rest).every((value) => value === null));
    probe.cluster.current = { ...probe.cluster.current, leader: undefined };
    assert.equal((await probe.json("GET /v1/cluster", 200))["leader"], null);
  });
});

describe("GET /v1/cluster/members", () => {
  it("shows what is not committed, under the tag of what is", async () => {
    probe.cluster.setPending({ index: 18, joint: true, voters: [1, 2] });
    const answer = await probe.ask("GET /v1/cluster/members");
    assert.equal(answer.headers.get("ETag"), '"c1"');
    const configuration = {
      ...{ index: 1, joint: false },
      pending: { index: 18, joint: true, voters: [1, 2] },
    };
    assert.deepEqual(JSON.parse(answer.text).configuration, configuration);
    assert.deepEqual((await probe.json("GET /v1/cluster", 200))["configuration"], configuration);
  });

  it("has the configuration's index as tag", async () => {
    probe.cluster.current = {
      ...probe.cluster.current,
      configuration: { index: 17, joint: false },
    };
    const answer = await probe.ask("GET /v1/cluster/members");
    assert.equal(answer.headers.get("ETag"), '"c17"');
    assert.deepEqual(Object.keys(JSON.parse(answer.text)), ["members", "configuration"]);
    const same = { headers: { "If-None-Match": '"c17"' } };
    assert.equal((await probe.ask("GET /v1/cluster/members", same)).status, 304);
    assert.equal((await probe.ask("GET /v1/cluster/members?if_none_match=c16")).status, 200);
    await probe.problem("GET /v1/cluster/members?if_none_match=17", "400 validation_failed");
  });
});

describe("POST /v1/cluster/leadership", () => {
  it("hands over to the target, or to whom the cluster chooses", async () => {
    const line = "POST /v1/cluster/leadership";
    assert.deepEqual(await probe.json(line, 200, json('{"target":3}')), { leader: 3 });
    assert.equal(probe.cluster.lastTransfer, 3);
    assert.deepEqual(await probe.json(line, 200), { leader: 1 });
    assert.equal(probe.cluster.lastTransfer, undefined);
    assert.deepEqual(await probe.json(line, 200, json("{}")), { leader: 2 });
  });

  it("an unknown target is 404", async () => {
    const init = json('{"target":9}');
    const refused = await probe.problem(
      "POST /v1/cluster/leadership",
      "404 member_not_found",
      init,
    );
    assert.equal(refused.outcome, "not_applied");
  });

  it("refuses what is not the JSON that it takes", async () => {
    const refuse = async (init: RequestInit, wanted: `${number} ${string}`) => {
      const refused = await probe.problem("POST /v1/cluster/leadership", wanted, init);
      assert.equal(refused.outcome, "not_applied");
      return refused.detail;
    };
    await refuse(json("{"), "400 bad_request");
    await refuse({ ...json(""), body: Uint8Array.of(0x22, 0xff, 0x22) }, "400 bad_request");
    for (const body of ["[]", "3", "null", '{"target":"2"}', '{"target":0}', '{"target":1.5}']) {
      await refuse(json(body), "400 validation_failed");
    }
    const near = await refuse(json('{"tagret":2}'), "400 validation_failed");
    assert.equal(near, '"tagret" is not a member of this body; did you mean target?');
    await refuse(json('{"target":4294967296}'), "400 validation_failed");
    const form = await refuse(
      json("{}", "application/x-www-form-urlencoded"),
      "415 unsupported_media_type",
    );
    assert.match(form, /send application\/json$/);
    await refuse({ body: "{}" }, "415 unsupported_media_type");
    const charset = json('{"target":2}', "Application/JSON; charset=utf-8");
    assert.equal((await probe.ask("POST /v1/cluster/leadership", charset)).status, 200);
    assert.equal(probe.cluster.transfers, 1);
  });

  it("a body above the limit is 413", async () => {
    const limits = { valueBytesMax: 4, requestBytesMax: 16, waitingRequestsMax: 9 };
    probe = new HttpProbe({ limits });
    const init = json('{"target":2, "x":1}');
    await probe.problem("POST /v1/cluster/leadership", "413 request_too_large", init);
  });

  it("knows no conditions, and says so", async () => {
    for (const header of ["If-Match", "If-None-Match"]) {
      const init = { headers: { [header]: '"c1"' } };
      await probe.problem("POST /v1/cluster/leadership", "400 validation_failed", init);
    }
  });

  it("an outcome that the service does not name is unknown", async () => {
    probe.cluster.before = () => {
      throw new ServiceError("timeout", "Not in time");
    };
    const late = await probe.problem("POST /v1/cluster/leadership", "504 timeout");
    assert.equal(late.outcome, "unknown");
  });
});
