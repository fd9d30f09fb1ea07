/**
 * Many keys are read in slices, so that what must not wait can come between them (read_turns.ts).
 * Later slices ask for the view of the first.
 */

import type { Answer, GetQuery, KvRecord } from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { bytesBetweenRests } from "./read_turns.ts";

const sliceKeysMax = 256;

type Read = (slice: GetQuery) => Promise<Answer>;

/**
 * The records of `query`, as `read` gives them slice by slice; throws `range_too_large` where their
 * keys and values have more than `query.bytesMax` together, as soon as that is known.
 */
export async function readInSlices(query: GetQuery, read: Read): Promise<Answer> {
  for (;;) {
    const answer = await readOneView(query, read);
    // Given up between two slices: who asked for no view is served from the newest one by now.
    if (answer.kind !== "compacted" || query.revision !== undefined) return answer;
  }
}

async function readOneView(query: GetQuery, read: Read): Promise<Answer> {
  const { keys, bytesMax } = query;
  const records: (KvRecord | undefined)[] = [];
  let slice = { ...query, keys: keys.slice(0, sliceKeysMax) };
  let bytes = 0;
  for (;;) {
    const answer = await read({ ...slice, bytesMax: bytesBetweenRests });
    if (answer.kind !== "records") return answer;
    const { revision } = answer;
    for (const record of answer.records) bytes += record === undefined ? 0 : bytesOf(record);
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    records.push(...answer.records);
    if (records.length >= keys.length) return { kind: "records", revision, records };
    slice = { ...slice, keys: keys.slice(records.length, records.length + sliceKeysMax), revision };
  }
}

function bytesOf({ key, value }: KvRecord): number {
  return key.length + value.length;
}

function tooLarge(bytesMax: number): ServiceError {
  return new ServiceError(
    "range_too_large",
    `These keys and their values have more than ${bytesMax} bytes, which one answer may have; ` +
      "ask for fewer keys",
  );
}
