/** `txn`: several operations, whole, in one revision. */

import { parseJson } from "../client/records.ts";
import { type TxnBranch, type TxnOperationResult, txnResultOf } from "../client/txn.ts";
import type { Command } from "./command.ts";
import { shownKey } from "./keys.ts";
import { connect, onceOf, onceOptions, operandsOf, remoteOptions, writeJson } from "./remote.ts";
import { exitCode } from "./report.ts";
import { inputOf, shownValue } from "./values.ts";

export const txn: Command = {
  name: "txn",
  summary: "Do one of two lists of operations; the JSON of POST /v1/txn comes from standard input",
  operands: "",
  options: [
    { name: "file", value: "FILE", description: "take the JSON from this file instead" },
    ...onceOptions,
    ...remoteOptions,
  ],
  example: `echo '{"then": [{"put": {"key": "a", "value": "1"}}]}' | skein txn`,
  async run(context) {
    const { terminal } = context;
    const remote = connect(context);
    operandsOf(context, []);
    const once = onceOf(context);
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/txn",
      headers: { "content-type": "application/json" },
      body: await inputOf(context, context.args.text("file") ?? "-"),
      once,
    });
    if (remote.output === "json") await writeJson(answer, terminal);
    else {
      const result = txnResultOf(parseJson(answer.body));
      await terminal.write(`${branchLines(result, "").join("\n")}\n`);
      if (result.resultsOmitted) {
        terminal.warn("warning: the answer had to be asked for again, without what was read");
      }
    }
    // Which branch was done is no matter of success.
    return exitCode.ok;
  },
};

/** Which branch was done, and a line for each of its operations. */
function branchLines({ succeeded, revision, results }: TxnBranch, indent: string): string[] {
  const head = `${indent}${succeeded ? "then" : "else"}, at revision ${revision}`;
  return [head, ...results.flatMap((result) => resultLines(result, `${indent}  `))];
}

function resultLines(result: TxnOperationResult, indent: string): readonly string[] {
  switch (result.kind) {
    case "put": {
      const before = result.prev === undefined ? "" : `, before: ${shownValue(result.prev.value)}`;
      return [`${indent}put: version ${result.version}${before}`];
    }
    case "get": {
      const { record } = result;
      if (record === undefined) return [`${indent}get: absent`];
      return [`${indent}get: ${shownKey(record.key)} = ${shownValue(record.value)}`];
    }
    case "range": {
      const more = result.more ? ", more are left" : "";
      const items = result.items.map(({ key, value }) =>
        `${indent}  ${shownKey(key)} = ${shownValue(value)}`
      );
      return [`${indent}range: ${result.items.length}${more}`, ...items];
    }
    case "delete": {
      const before = result.prev.map(({ key, value }) =>
        `${indent}  ${shownKey(key)} before: ${shownValue(value)}`
      );
      return [`${indent}delete: ${result.deleted}`, ...before];
    }
    case "txn":
      return [`${indent}txn:`, ...branchLines(result.result, `${indent}  `)];
    case "omitted":
      return [`${indent}(not known any more)`];
  }
}
