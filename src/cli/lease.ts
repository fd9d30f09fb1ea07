/** `lease grant`, `keep-alive`, `info`, `list`, `revoke`. */

import type { RestAnswer } from "../client/connection.ts";
import { KeptLease } from "../client/kept_lease.ts";
import {
  type Lease,
  type LeaseGiven,
  leaseGivenOf,
  leaseInfoOf,
  leasePageOf,
  leasePath,
} from "../client/leases.ts";
import { queryString } from "../client/paths.ts";
import { parseJson } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { Command, CommandContext } from "./command.ts";
import { shownKey } from "./keys.ts";
import { pageOptions, showListing } from "./pages.ts";
import {
  connect,
  leaseId,
  onceOf,
  onceOptions,
  operandsOf,
  readLevels,
  readOptions,
  type Remote,
  remoteOptions,
  writeJson,
} from "./remote.ts";
import { exitCode } from "./report.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

export const leaseGrant: Command = {
  name: "lease grant",
  summary: "Begin a lease: keys that are put with its id go when it ends",
  operands: "TTL",
  options: [
    { name: "id", value: "ID", description: "its id (default: the store chooses one)" },
    ...onceOptions,
    ...remoteOptions,
  ],
  example: "skein lease grant 30s",
  async run(context) {
    const remote = connect(context);
    const [ttl = ""] = operandsOf(context, ["TTL"]);
    if (!/^\d{1,15}(?:ms|s|m|h|d)$/.test(ttl)) {
      const allowed = "a duration such as 30s, 5m or 1h";
      throw new UsageError(`TTL is ${JSON.stringify(ttl)}; allowed is ${allowed}`);
    }
    const text = context.args.text("id");
    const id = text === undefined ? {} : { id: leaseId(text, "--id") };
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/leases",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify({ ttl, ...id })),
      once: onceOf(context),
    });
    await showGiven(context, remote, answer);
    return exitCode.ok;
  },
};

async function showGiven(
  { terminal }: CommandContext,
  remote: Remote,
  answer: RestAnswer,
): Promise<void> {
  if (remote.output === "json") return await writeJson(answer, terminal);
  const { id, ttlMs } = leaseGivenOf(parseJson(answer.body));
  await terminal.write(`lease ${id} lives for ${ttlMs} ms from now on\n`);
}

export const leaseKeepAlive: Command = {
  name: "lease keep-alive",
  summary: "Keep a lease alive until Ctrl-C, or give it its whole time once",
  operands: "ID",
  options: [
    { name: "once", description: "only once" },
    ...remoteOptions,
  ],
  example: "skein lease keep-alive 7587862094736125953",
  async run(context) {
    const remote = connect(context);
    const id = idOf(context);
    const keepAlive = async (): Promise<LeaseGiven> => {
      const target = `${leasePath(id)}/keepalive`;
      const answer = await remote.ask({
        ...{ kind: "write", method: "POST", target, once: { key: undefined } },
      });
      await showGiven(context, remote, answer);
      return leaseGivenOf(parseJson(answer.body));
    };
    if (context.args.has("once")) await keepAlive();
    else await keepOn(context, keepAlive);
    return exitCode.ok;
  },
};

async function keepOn(
  context: CommandContext,
  keepAlive: () => Promise<LeaseGiven>,
): Promise<void> {
  const keeper = new KeptLease({
    keepAlive,
    onTrouble: (error) =>
      context.terminal.warn(`warning: ${error instanceof Error ? error.message : error}`),
  });
  const forget = context.runtime.onSignal(() => keeper.stop());
  keeper.start();
  try {
    await keeper.over;
  } finally {
    forget();
  }
}

export const leaseInfo: Command = {
  name: "lease info",
  summary: "Show what is left of a lease",
  operands: "ID",
  options: [
    { name: "keys", description: "show the keys that hang on it" },
    ...readOptions,
    ...remoteOptions,
  ],
  example: "skein lease info 7587862094736125953 --keys",
  async run(context) {
    const { args, terminal } = context;
    const remote = connect(context);
    const query = queryString({
      keys: args.has("keys"),
      consistency: args.oneOf("consistency", readLevels),
    });
    const target = leasePath(idOf(context)) + query;
    const answer = await remote.ask({ kind: "read", method: "GET", target });
    if (remote.output === "json") await writeJson(answer, terminal);
    else {
      const lease = leaseInfoOf(parseJson(answer.body));
      await terminal.write(renderTable(leaseHead, [leaseRow(lease)]));
      if (lease.keys.length > 0) {
        const more = lease.more ? ["..."] : [];
        const keys = [...lease.keys.map((key) => shownKey(key)), ...more];
        await terminal.write(`\n${keys.join("\n")}\n`);
      }
    }
    return exitCode.ok;
  },
};

const leaseHead = ["ID", "TTL_MS", "REMAINING_MS", "KEYS", "PRIVATE"];

function leaseRow({ id, ttlMs, remainingMs, keyCount, isPrivate }: Lease): string[] {
  return [id, String(ttlMs), String(remainingMs), String(keyCount), isPrivate ? "yes" : "no"];
}

export const leaseList: Command = {
  name: "lease list",
  summary: "List the leases that live, by their ids",
  operands: "",
  options: [
    ...pageOptions,
    ...readOptions,
    ...remoteOptions,
  ],
  example: "skein lease list --limit 10",
  async run(context) {
    const remote = connect(context);
    operandsOf(context, []);
    await showListing(context, remote, {
      path: "/v1/leases",
      query: { consistency: context.args.oneOf("consistency", readLevels) },
      head: leaseHead,
      rowsOf: (page) => leasePageOf(page).items.map(leaseRow),
    });
    return exitCode.ok;
  },
};

export const leaseRevoke: Command = {
  name: "lease revoke",
  summary: "End a lease; its keys go with it, in one revision",
  operands: "ID",
  options: [...onceOptions, ...remoteOptions],
  example: "skein lease revoke 7587862094736125953",
  async run(context) {
    const remote = connect(context);
    const id = idOf(context);
    const target = leasePath(id);
    await remote.ask({ kind: "write", method: "DELETE", target, once: onceOf(context) });
    // REST answers with no body, which is what -o json shows.
    if (remote.output === "table") await context.terminal.write(`lease ${id} has ended\n`);
    return exitCode.ok;
  },
};

function idOf(context: CommandContext): string {
  const [text = ""] = operandsOf(context, ["ID"]);
  return leaseId(text, "ID");
}
