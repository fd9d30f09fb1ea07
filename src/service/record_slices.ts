/**
 * Many keys are read in slices, with a rest after each, so that a large answer does not hold up
 * everything else that the node has to do. Later slices ask for the view of the first.
 */

import type { Answer, GetQuery, KvRecord } from "./contract.ts";
import { ServiceError } from "./errors.ts";

const sliceKeysMax = 256;
/** A slice ends after the record with which keys and values pass this. */
const sliceBytesMax = 1024 * 1024;

/**
 * The records of `query`; throws `range_too_large` where their keys and values have more than
 * `query.bytesMax` together, as soon as that is known.
 */
export async function readInSlices(query: GetQuery, node: {
  readonly read: (slice: GetQuery) => Promise<Answer>;
  readonly rest: () => Promise<void>;
}): Promise<Answer> {
  const { keys, bytesMax } = query;
  const records: (KvRecord | undefined)[] = [];
  let slice = { ...query, keys: keys.slice(0, sliceKeysMax) };
  let bytes = 0;
  for (;;) {
    const answer = await node.read({ ...slice, bytesMax: sliceBytesMax });
    if (answer.kind !== "records") return answer;
    const { revision } = answer;
    for (const record of answer.records) bytes += record === undefined ? 0 : bytesOf(record);
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    records.push(...answer.records);
    if (records.length >= keys.length) return { kind: "records", revision, records };
    await node.rest();
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
