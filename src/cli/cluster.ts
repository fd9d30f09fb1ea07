/** `status`, `member list`, `leader transfer`: the cluster, over REST. */

import { nodeIdMax } from "../config/key.ts";
import { listMember, parseJson } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { Command } from "./command.ts";
import { connect, operandsOf, remoteOptions, writeJson } from "./remote.ts";
import { exitCode } from "./report.ts";
import { cell, renderTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

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
    if (objectOf(json["leader"])["id"] !== undefined) return exitCode.ok;
    // Scripts ask whether the cluster serves, and without a leader it takes no write.
    context.terminal.warn("error: The cluster has no leader");
    return exitCode.failed;
  },
};

function statusText(json: Json): string {
  const leader = objectOf(json["leader"]);
  const configuration = objectOf(json["configuration"]);
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
    `members  ${length}, configuration ${cell(configuration["index"])}${joint}\n\n`,
    memberTable(json),
  ].join("");
}

type Json = Readonly<Record<string, unknown>>;

function objectOf(json: unknown): Json {
  return typeof json === "object" && json !== null ? { ...json } : {};
}

function memberTable(json: Json): string {
  const columns = ["id", "role", "suffrage", "healthy", "match", "applied", "lag_ms"];
  const places = ["http", "rpc", "version"];
  const names = [...columns, ...places];
  const rows = listMember(json, "members").map((member) => {
    const members = objectOf(member);
    return names.map((name) => cell(members[name]));
  });
  return renderTable(names.map((name) => name.toUpperCase()), rows);
}

export const memberList: Command = {
  name: "member list",
  summary: "List the members of the cluster",
  operands: "",
  options: remoteOptions,
  example: "skein member list -o json",
  async run(context) {
    const remote = connect(context);
    operandsOf(context, []);
    const answer = await remote.ask({
      kind: "read",
      method: "GET",
      target: "/v1/cluster/members",
    });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else await context.terminal.write(memberTable(parseJson(answer.body)));
    return exitCode.ok;
  },
};

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
    if (target !== undefined && !(/^[1-9]\d{0,9}$/.test(target) && Number(target) <= nodeIdMax)) {
      const allowed = `an integer from 1 to ${nodeIdMax}`;
      throw new UsageError(`NODE_ID is ${JSON.stringify(target)}; allowed is ${allowed}`);
    }
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/cluster/leadership",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify(target === undefined ? {} : { target: Number(target) })),
    });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else {
      const leader = cell(parseJson(answer.body)["leader"]);
      await context.terminal.write(`node ${leader} leads\n`);
    }
    return exitCode.ok;
  },
};
