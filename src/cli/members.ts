/** `member …`: who belongs to the cluster, and changing that, over REST. */

import { type MembershipAsked, membershipRequest, offerJson } from "../client/cluster_members.ts";
import type { RestAnswer } from "../client/connection.ts";
import { parseJson } from "../client/records.ts";
import { nodeIdMax } from "../config/key.ts";
import type { Command, CommandContext } from "./command.ts";
import { membersIn, memberTable, pendingText } from "./member_table.ts";
import type { Option } from "./option.ts";
import { connect, operandsOf, remoteOptions, writeJson } from "./remote.ts";
import { exitCode } from "./report.ts";
import { cell } from "./table.ts";
import { UsageError } from "./usage_error.ts";

type Json = Readonly<Record<string, unknown>>;

const path = "/v1/cluster/members";

/** As long as REST waits for one request. */
const replacementTimeoutMs = 60_000;

const changeOptions: readonly Option[] = [
  ...remoteOptions,
  {
    name: "if-match",
    value: "cINDEX",
    description: "only if the configuration is still this one",
  },
  { name: "dry-run", description: "change nothing; show what would be, or why it cannot be" },
];

const offerOptions: readonly Option[] = [
  { name: "id", value: "NODE_ID", description: "its id, above all that were ever used" },
  {
    name: "incarnation",
    value: "HEX",
    description: "of its file incarnation, or identity.json; without it the node at RPC is asked",
  },
  {
    name: "client-rpc",
    value: "HOST:PORT",
    description: "where gRPC clients reach it, if that is not RPC",
  },
];

export const memberList: Command = {
  name: "member list",
  summary: "List the members of the cluster",
  operands: "",
  options: remoteOptions,
  example: "skein member list -o json",
  async run(context) {
    const remote = connect(context);
    operandsOf(context, []);
    const answer = await remote.ask({ kind: "read", method: "GET", target: path });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else {
      const json = parseJson(answer.body);
      const pending = pendingText(json);
      await context.terminal.write(memberTable(json) + (pending === "" ? "" : `\n${pending}`));
    }
    return exitCode.ok;
  },
};

export const memberAdd: Command = {
  name: "member add",
  summary: "Add a node, which gets everything and decides nothing until it is promoted",
  operands: "RPC HTTP",
  options: [
    ...changeOptions,
    ...offerOptions,
    { name: "read-only", description: "it shall never be promoted" },
  ],
  example: "skein member add node4:9081 http://node4:8081",
  async run(context) {
    const [rpc = "", http = ""] = operandsOf(context, ["RPC", "HTTP"]);
    const suffrage = context.args.has("read-only") ? "read_only" : "learner";
    const json = { ...offerOf(context, rpc, http), suffrage };
    return await change(
      context,
      { method: "POST", path, json },
      ({ status }, { id }) =>
        status === 201
          ? `node ${cell(id)} is a member now, as ${suffrage}`
          : `node ${cell(id)} is a member already`,
    );
  },
};

export const memberPromote: Command = {
  name: "member promote",
  summary: "Make a learner a voter, once it has caught up",
  operands: "NODE_ID",
  options: changeOptions,
  example: "skein member promote 4",
  run: (context) => setSuffrage(context, "voter"),
};

export const memberDemote: Command = {
  name: "member demote",
  summary: "Make a voter a learner until it is promoted again, or read-only, for good",
  operands: "NODE_ID",
  options: [
    ...changeOptions,
    {
      name: "read-only",
      description: "it shall never be promoted again; without it the cluster does so by itself, " +
        "once the node has caught up (raft.promote_learners)",
    },
  ],
  example: "skein member demote 4 --read-only",
  run: (context) => setSuffrage(context, context.args.has("read-only") ? "read_only" : "learner"),
};

export const memberReplace: Command = {
  name: "member replace",
  summary: "Put another node in the place of a member, without ever fewer voters at work",
  operands: "NODE_ID RPC HTTP",
  options: [...changeOptions, ...offerOptions],
  example: "skein member replace 3 node5:9081 http://node5:8081 --timeout 10m",
  async run(context) {
    const [old = "", rpc = "", http = ""] = operandsOf(context, ["NODE_ID", "RPC", "HTTP"]);
    const id = nodeIdOf(old);
    const json = offerOf(context, rpc, http);
    const asked = { method: "POST", path: `${path}/${id}/replacement`, json } as const;
    return await change(
      context,
      asked,
      (_answer, { id: newcomer }) => `node ${cell(newcomer)} is in the place of node ${id}`,
      { timeoutMs: replacementTimeoutMs },
    );
  },
};

export const memberRemove: Command = {
  name: "member remove",
  summary: "Remove a node from the cluster; its id is never used again",
  operands: "NODE_ID",
  options: changeOptions,
  example: "skein member remove 3 --dry-run",
  async run(context) {
    const [text = ""] = operandsOf(context, ["NODE_ID"]);
    const id = nodeIdOf(text);
    const asked = { method: "DELETE", path: `${path}/${id}` } as const;
    return await change(context, asked, () => `node ${id} is no member any more`);
  },
};

async function setSuffrage(context: CommandContext, suffrage: string): Promise<number> {
  const [text = ""] = operandsOf(context, ["NODE_ID"]);
  const id = nodeIdOf(text);
  const asked = { method: "PATCH", path: `${path}/${id}`, json: { suffrage } } as const;
  const become = suffrage === "read_only" ? "read-only" : `a ${suffrage}`;
  return await change(context, asked, () => `node ${id} is ${become} now`, {
    ...(suffrage === "learner" && { advice: promotedAgain }),
  });
}

function offerOf({ args }: CommandContext, rpc: string, http: string): Json {
  const id = args.integer("id", { min: 1, max: nodeIdMax });
  const [incarnation, clientRpc] = [args.text("incarnation"), args.text("client-rpc")];
  return offerJson({
    ...{ rpc, http },
    ...(id === undefined ? {} : { id }),
    ...(incarnation === undefined ? {} : { incarnation }),
    ...(clientRpc === undefined ? {} : { clientRpc }),
  });
}

/** What a person who demotes a node may not expect. */
const promotedAgain =
  "the cluster promotes it again once it has caught up, unless raft.promote_learners is off; " +
  "--read-only keeps it a learner\n";

/** `said` is what has happened, in a line; `advice` stands below it. */
async function change(
  context: CommandContext,
  asked: MembershipAsked,
  said: (answer: RestAnswer, json: Json) => string,
  { timeoutMs, advice = "" }: { readonly timeoutMs?: number; readonly advice?: string } = {},
): Promise<number> {
  const remote = connect(context);
  const ifConfiguration = configurationOf(context);
  const dryRun = context.args.has("dry-run");
  const answer = await remote.ask({
    ...membershipRequest({
      ...{ ...asked, dryRun },
      ...(ifConfiguration === undefined ? {} : { ifConfiguration }),
    }),
    ...(timeoutMs === undefined || remote.timeoutMs !== undefined ? {} : { timeoutMs }),
  });
  if (remote.output === "json") await writeJson(answer, context.terminal);
  else {
    const json = parseJson(answer.body);
    const { index } = membersIn(json["configuration"]);
    const done = dryRun
      ? `nothing is changed, configuration c${cell(index)}; so it would be:`
      : `${said(answer, json)}, configuration c${cell(index)}`;
    await context.terminal.write(`${done}\n${advice}${quorumText(json)}\n\n${memberTable(json)}`);
  }
  return exitCode.ok;
}

function quorumText({ quorum, voters, healthy_voters: healthy }: Json): string {
  return `${cell(quorum)} of ${cell(voters)} voters decide, ${cell(healthy)} are healthy`;
}

function configurationOf({ args }: CommandContext): number | undefined {
  const text = args.text("if-match");
  if (text === undefined) return undefined;
  const [, index] = /^"?c(\d{1,16})"?$/.exec(text) ?? [];
  if (index !== undefined) return Number(index);
  const allowed = "allowed is the tag of a configuration, such as c17";
  throw new UsageError(`--if-match is ${JSON.stringify(text)}; ${allowed}`);
}

/** The id of a node as a command takes it. */
export function nodeIdOf(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= nodeIdMax) return Number(text);
  const allowed = `an integer from 1 to ${nodeIdMax}`;
  throw new UsageError(`NODE_ID is ${JSON.stringify(text)}; allowed is ${allowed}`);
}
