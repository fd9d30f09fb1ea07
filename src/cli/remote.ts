/** What all commands share that speak to a running cluster. */

import { Connection, type RestAnswer, type RestRequest } from "../client/connection.ts";
import { AnswerError, UnreachableError } from "../client/errors.ts";
import { concatBytes, utf8 } from "../lib/bytes.ts";
import type { CommandContext } from "./command.ts";
import type { Option } from "./option.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

export const defaultEndpoint = "http://127.0.0.1:7400";

/** Of every such command. */
export const remoteOptions: readonly Option[] = [
  {
    name: "endpoints",
    value: "URL,URL",
    description: `nodes to ask (default ${defaultEndpoint})`,
    variable: true,
  },
  {
    name: "timeout",
    value: "DURATION",
    description: "how long to wait, repetitions included (default 5s)",
    variable: true,
  },
  {
    name: "output",
    short: "o",
    value: "table|json",
    description: "json is what REST answers",
    variable: true,
  },
];

export const readLevels = ["linearizable", "lease", "eventual"] as const;

export const readOptions: readonly Option[] = [
  {
    name: "consistency",
    value: "LEVEL",
    description: "linearizable (default), lease or eventual",
    variable: true,
  },
];

export const writeOptions: readonly Option[] = [
  {
    name: "if-match",
    value: "REVISION|*",
    description: "only if the key was last written at this revision; *: only if it exists",
    variable: true,
  },
  { name: "if-absent", description: "only if the key does not exist", variable: true },
  { name: "prev", description: "show what was there before", variable: true },
];

/** Of every write of the store. */
export const onceOptions: readonly Option[] = [
  {
    name: "idempotency-key",
    value: "KEY",
    description: "apply it once, however often it is asked for under this key (for 10 minutes)",
    variable: true,
  },
];

/** Where a key that is put hangs. */
export const lifeOptions: readonly Option[] = [
  {
    name: "ttl",
    value: "DURATION",
    description: "the key lives so long, from 1s on",
    variable: true,
  },
  { name: "lease", value: "ID", description: "the key goes when this lease ends", variable: true },
];

export type Output = "table" | "json";

/** A cluster, as the options describe it. */
export interface Remote {
  readonly output: Output;
  readonly connection: Connection;
  readonly timeoutMs: number | undefined;
  /** Rejects as {@link Connection.request} does; with `-o json` a problem is printed, too. */
  ask(request: RestRequest): Promise<RestAnswer>;
}

/** Asks nobody yet. Throws a {@link UsageError} where the options make no sense. */
export function connect({ args, terminal }: CommandContext): Remote {
  const output = args.oneOf("output", ["table", "json"]) ?? "table";
  const timeoutMs = args.duration("timeout");
  const endpoints = args.text("endpoints");
  const connection = connectionTo((endpoints ?? defaultEndpoint).split(","), timeoutMs);
  return {
    ...{ output, connection, timeoutMs },
    async ask(request) {
      try {
        return await connection.request(request);
      } catch (error) {
        if (output === "json" && error instanceof AnswerError) await writeJson(error, terminal);
        throw endpoints === undefined ? withHint(error) : error;
      }
    },
  };
}

/** What REST answered, as a line of its own. */
export async function writeJson(
  { body }: { readonly body: Uint8Array },
  terminal: Terminal,
): Promise<void> {
  await terminal.write(concatBytes([body, utf8("\n")]));
}

/** Nobody said whom to ask, and nobody is there. */
export function withHint(error: unknown): unknown {
  if (!(error instanceof UnreachableError) || error.code !== "unreachable") return error;
  const hint = "is a node running there? --endpoints or SKEIN_ENDPOINTS name others";
  return new UnreachableError(`${error.message}; ${hint}`, error);
}

function connectionTo(endpoints: readonly string[], timeoutMs: number | undefined): Connection {
  try {
    return new Connection({ endpoints, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** The conditions of a write, as headers. */
export function writeHeaders({ args }: CommandContext): Readonly<Record<string, string>> {
  const ifMatch = args.text("if-match");
  if (ifMatch !== undefined && !/^(?:\*|"?\d{1,16}"?)$/.test(ifMatch)) {
    throw new UsageError(`--if-match is ${JSON.stringify(ifMatch)}; allowed is a revision or *`);
  }
  if (ifMatch !== undefined && args.has("if-absent")) {
    throw new UsageError("--if-match and --if-absent contradict each other");
  }
  return {
    ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
    ...(args.has("if-absent") ? { "if-none-match": "*" } : {}),
  };
}

/** What makes a write one that is applied once: the key given, or one that the client draws. */
export function onceOf({ args }: CommandContext): NonNullable<RestRequest["once"]> {
  const key = args.text("idempotency-key");
  // White space around it would be lost on the way.
  if (key === undefined || /^(?=[!-~])[ -~]{0,254}[!-~]$/.test(key)) return { key };
  throw new UsageError(
    `--idempotency-key is ${JSON.stringify(key)}; allowed are 1 to 255 printable characters of ` +
      "ASCII",
  );
}

/** `--ttl` or `--lease`, as options of a URL. */
export function lifeQuery(
  { args }: CommandContext,
): { readonly ttl: string | undefined; readonly lease: string | undefined } {
  const [ttl, lease] = [args.text("ttl"), args.text("lease")];
  // Its limits are the server's to say.
  args.duration("ttl");
  if (ttl !== undefined && lease !== undefined) {
    throw new UsageError("--ttl and --lease contradict each other");
  }
  return { ttl, lease: lease === undefined ? undefined : leaseId(lease, "--lease") };
}

/** The id of a lease; which numbers it may be is the server's to say. */
export function leaseId(text: string, place: string): string {
  if (/^-?\d{1,19}$/.test(text)) return text;
  throw new UsageError(
    `${place} is ${JSON.stringify(text)}; allowed is the id of a lease, an integer`,
  );
}

/** Exactly `count` operands, named in the error. */
export function operandsOf({ args }: CommandContext, names: readonly string[]): readonly string[] {
  const { operands } = args;
  const missing = names[operands.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  if (operands.length > names.length) {
    throw new UsageError(`${JSON.stringify(operands[names.length])} is one argument too many`);
  }
  return operands;
}
