/**
 * Requests that schemathesis makes from openapi/openapi.yaml, valid and not, against a real node:
 * no failure of the server, and no status, media type, header, body or frame that is not declared.
 * Every operation is called, those that change the cluster too, for the node is thrown away.
 *
 * It is used where the machine has it; SKEIN_FOREIGN=1 fetches it. What it needs to know of waiting
 * and streaming stands in programs/schemathesis/hooks.py. Left out is its check that valid requests
 * are accepted: no schema can tell which options go together. SKEIN_SCHEMATHESIS_EXAMPLES makes
 * more requests of each operation than the gate has time for.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { runToEnd } from "../harness/child.ts";
import { skipOf } from "../harness/foreign_tools.ts";
import { steadyLeader, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { schemathesis } from "../harness/schemathesis.ts";
import { assert, describe, it } from "../harness/test.ts";

const examples = process.env["SKEIN_SCHEMATHESIS_EXAMPLES"] ?? "6";
/** The same requests every time: a gate has no luck. */
const seed = process.env["SKEIN_SCHEMATHESIS_SEED"] ?? "1";
const leftOut = ["not_a_server_error", "positive_data_acceptance"];

describe("schemathesis", () => {
  const tool = schemathesis();
  const skip = skipOf(tool);
  if (tool.kind === "absent") {
    it(`finds no answer that is not declared (${skip})`, { skip }, () => {});
    return;
  }
  it("finds no answer that is not declared", { timeout: 600_000 }, async () => {
    await withCluster({ builds: [runtimeName], config: steadyLeader }, async (cluster) => {
      await cluster.start();
      const node = cluster.node(1);
      const { cluster_id: clusterId } = await (await fetch(`${node.url}/v1/cluster`)).json();
      const document = join(cluster.folder, "openapi.json");
      const served = await fetch(`${node.url}/openapi.json`);
      writeFileSync(document, await served.text());
      const { code, stdout, stderr } = await runToEnd([
        // It writes notes of its own to where it is started.
        ...[
          "env",
          "-C",
          cluster.folder,
          `SKEIN_CLUSTER_ID=${clusterId}`,
          `SKEIN_DOCUMENT=${document}`,
        ],
        ...[...tool.command, "run", document, "--url", node.url],
        ...["--checks", "all", "--exclude-checks", leftOut.join(",")],
        ...["--phases", "examples,fuzzing", "--max-examples", examples, "--seed", seed],
        // Nothing waits so long that the node does not answer first.
        ...["--request-timeout", "70", "--continue-on-failure"],
        ...["--generation-database", "none", "--no-color", "--report-dir", cluster.folder],
      ]);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /Tested: (?:5\d|[6-9]\d|\d{3,})\b/, "too few operations were tested");
      assert.equal((await fetch(`${node.url}/livez`)).status, 200, "the node lives on");
    });
  });
});
