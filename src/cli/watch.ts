/** `watch`: what happens to keys, line by line, until Ctrl-C. */

import { AnswerError } from "../client/errors.ts";
import type { JsonObject } from "../client/members.ts";
import type { KeyRange } from "../client/options.ts";
import { WatchLines, type WatchOptions } from "../client/watch_lines.ts";
import { changeOf, type WatchEvent } from "../client/watch.ts";
import { concatBytes, utf8 } from "../lib/bytes.ts";
import type { Command, CommandContext } from "./command.ts";
import { boundOf, key64Option, keyOf, shownKey } from "./keys.ts";
import { connect, type Remote, remoteOptions, withHint } from "./remote.ts";
import { exitCode } from "./report.ts";
import { UsageError } from "./usage_error.ts";
import { shownValue } from "./values.ts";

export const watch: Command = {
  name: "watch",
  summary: "Follow the changes of a key, a prefix or a range until Ctrl-C; all keys without any",
  operands: "[KEY | --prefix P | --start KEY --end KEY]",
  options: [
    { name: "prefix", value: "P", description: "keys that start with it" },
    { name: "start", value: "KEY", description: "from this key on" },
    { name: "end", value: "KEY", description: "up to this key, which is left out" },
    {
      name: "from-revision",
      value: "N",
      description: "the first revision to be told of (default: the next one)",
    },
    { name: "filter", value: "put,delete", description: "nothing but these kinds of changes" },
    { name: "prev", description: "show what was there before", variable: true },
    key64Option("key", "KEY"),
    key64Option("prefix", "--prefix"),
    key64Option("start", "--start"),
    key64Option("end", "--end"),
    ...remoteOptions,
  ],
  example: "skein watch --prefix config/ --from-revision 1842",
  async run(context) {
    const remote = connect(context);
    const lines = new WatchLines(remote.connection, watchOptions(context, remote));
    const forget = context.runtime.onSignal(() => lines.close());
    try {
      await follow(context, remote, lines);
      return exitCode.ok;
    } catch (error) {
      if (remote.output === "json" && error instanceof AnswerError) {
        await writeLine(context, error.body);
      }
      throw context.args.has("endpoints") ? error : withHint(error);
    } finally {
      forget();
      lines.close();
    }
  },
};

function watchOptions(context: CommandContext, remote: Remote): WatchOptions {
  const { args, terminal } = context;
  const from = args.integer("from-revision", { min: 1, max: Number.MAX_SAFE_INTEGER });
  const filter = filterOf(context);
  const { timeoutMs } = remote;
  return {
    ...targetOf(context),
    ...(from === undefined ? {} : { fromRevision: from }),
    ...(filter === undefined ? {} : { filter }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    prev: args.has("prev"),
    onInterrupted: (reason) => terminal.warn(`warning: ${reason}; watching on at another node`),
  };
}

function targetOf(context: CommandContext): KeyRange & { readonly key?: Uint8Array } {
  const { args } = context;
  const bounds = (["prefix", "start", "end"] as const).flatMap((name) => {
    const bytes = boundOf(args, name);
    return bytes === undefined ? [] : [[name, bytes] as const];
  });
  const range: KeyRange = Object.fromEntries(bounds);
  if (range.prefix !== undefined && bounds.length > 1) {
    throw new UsageError("--prefix contradicts --start and --end");
  }
  if (args.operands.length === 0 && !args.has("key64")) return range;
  if (bounds.length === 0) return { key: keyOf(context).key };
  throw new UsageError("KEY contradicts --prefix, --start and --end");
}

/** Undefined where both kinds are wanted. */
function filterOf({ args }: CommandContext): "put" | "delete" | undefined {
  const text = args.text("filter");
  if (text === undefined) return undefined;
  const words = new Set(text.split(","));
  const kinds = (["put", "delete"] as const).filter((kind) => words.delete(kind));
  if (words.size > 0) {
    throw new UsageError(
      `--filter is ${JSON.stringify(text)}; allowed are put and delete, separated by a comma`,
    );
  }
  return kinds.length === 1 ? kinds[0] : undefined;
}

async function follow(
  context: CommandContext,
  remote: Remote,
  lines: WatchLines,
): Promise<void> {
  for (;;) {
    const line = await lines.next();
    if (line === undefined) return;
    if (remote.output === "json") await writeLine(context, line.bytes);
    else await context.terminal.write(changeLines(line.frame));
    // Nobody takes it any more: `skein watch | head -1` has what it wanted.
    if (context.terminal.isReaderGone) return;
  }
}

async function writeLine({ terminal }: CommandContext, line: Uint8Array): Promise<void> {
  await terminal.write(concatBytes([line, utf8("\n")]));
}

/** One line a change. */
function changeLines(frame: JsonObject): string {
  if (frame["event"] !== "change") return "";
  const { revision, events } = changeOf(frame);
  return events.map((event) => `${revision}  ${eventText(event)}\n`).join("");
}

function eventText(event: WatchEvent): string {
  const before = event.prev === undefined ? "" : `  (before: ${shownValue(event.prev.value)})`;
  return event.kind === "put"
    ? `put     ${shownKey(event.record.key)}  ${shownValue(event.record.value)}${before}`
    : `delete  ${shownKey(event.key)}${before}`;
}
