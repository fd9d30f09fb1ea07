/** Lists, page after page or as the JSON of one page. */

import type { JsonObject } from "../client/members.ts";
import { queryString } from "../client/paths.ts";
import { optionalText, parseJson } from "../client/records.ts";
import type { RestAnswer } from "../client/connection.ts";
import type { CommandContext } from "./command.ts";
import type { Option } from "./option.ts";
import { type Remote, writeJson } from "./remote.ts";
import { renderTable } from "./table.ts";

/** The largest page that the server gives. */
const pageItemsMax = 10_000;

export const pageOptions: readonly Option[] = [
  { name: "limit", value: "N", description: "at most so many" },
  { name: "cursor", value: "CURSOR", description: "go on where a page of -o json ended" },
];

type Query = Parameters<typeof queryString>[0];

/** What is listed. */
export interface Listing {
  readonly path: string;
  /** Without `limit` and `cursor`. */
  readonly query: Query;
  readonly head: readonly string[];
  /** The rows of one page. */
  rowsOf(page: JsonObject): readonly (readonly string[])[];
}

/** A table of as many as are asked for, of one view: the cursor pins it; or one page of JSON. */
export async function showListing(
  { args, terminal }: CommandContext,
  remote: Remote,
  { path, query, head, rowsOf }: Listing,
): Promise<void> {
  const wanted = args.integer("limit", { min: 1, max: Number.MAX_SAFE_INTEGER });
  let cursor = args.text("cursor");
  const ask = async (limit: number | undefined): Promise<RestAnswer> => {
    const target = path + queryString({ ...query, limit, cursor });
    return await remote.ask({ kind: "read", method: "GET", target });
  };
  if (remote.output === "json") return await writeJson(await ask(wanted), terminal);
  // The cursor is bound to its query, so that every page asks for the same.
  const limit = Math.min(wanted ?? Infinity, pageItemsMax);
  const rows: (readonly string[])[] = [];
  do {
    const page = parseJson((await ask(limit)).body);
    for (const row of rowsOf(page)) rows.push(row);
    cursor = optionalText(page, "cursor");
  } while (cursor !== undefined && rows.length < (wanted ?? Infinity));
  await terminal.write(renderTable(head, rows.slice(0, wanted)));
}
