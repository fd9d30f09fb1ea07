/** `status` and `leader transfer`: the cluster, over REST. */

import { listMember, parseJson } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { Command } from "./command.ts";
import { membersIn, memberTable, pendingText } from "./member_table.ts";
import { nodeIdOf } from "./members.ts";
import { connect, operandsOf, remoteOptions, writeJson } from "./remote.ts";
import { exitCode } from "./report.ts";
import { cell } from "./table.ts";

export const status: Command = {
  name: "status",
  summary: "Show the cluster and how far its members are; fails where it has no leader",
  operands: "",
  options: remoteOptions,
  example: "skein status --endpoints http://127.0.0.1:7410",
  async run(context) {
    const remote = connect(context);
    operandsOf(context, []);
    const answer = await remote.ask({ kind: "read", method: "GET", target: "/v1/cluster" });
    const json = parseJson(answer.body);
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else await context.terminal.write(statusText(json));
    if (membersIn(json["leader"])["id"] !== undefined) return exitCode.ok;
    // Scripts ask whether the cluster serves, and without a leader it takes no write.
    context.terminal.warn("error: The cluster has no leader");
    return exitCode.failed;
  },
};

function statusText(json: Readonly<Record<string, unknown>>): string {
  const leader = membersIn(json["leader"]);
  const configuration = membersIn(json["configuration"]);
  const joint = configuration["joint"] === true ? ", a change of members is under way" : "";
  const { length } = listMember(json, "members");
  if (length === 0) {
    return `cluster  ${cell(json["cluster_id"])}\n` +
      "members  none: the cluster is not formed yet, /readyz says what it waits for\n";
  }
  return [
    `cluster  ${cell(json["cluster_id"])}\n`,
    `term     ${cell(json["term"])}\n`,
    `leader   ${leader["id"] === undefined ? "none" : `node ${cell(leader["id"])}`}\n`,
    `data     version ${cell(json["data_version"])}\n`,
    `members  ${length}, configuration ${cell(configuration["index"])}${joint}\n`,
    `${pendingText(json)}\n`,
    memberTable(json),
  ].join("");
}

export const leaderTransfer: Command = {
  name: "leader transfer",
  summary: "Hand leadership to another voter, the most advanced one unless named",
  operands: "[NODE_ID]",
  options: remoteOptions,
  example: "skein leader transfer 2",
  async run(context) {
    const remote = connect(context);
    if (context.args.operands.length > 0) operandsOf(context, ["NODE_ID"]);
    const [target] = context.args.operands;
    const wanted = target === undefined ? {} : { target: nodeIdOf(target) };
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/cluster/leadership",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify(wanted)),
    });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else {
      const leader = cell(parseJson(answer.body)["leader"]);
      await context.terminal.write(`node ${leader} leads\n`);
    }
    return exitCode.ok;
  },
};
