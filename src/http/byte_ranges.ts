/** Parts of an answer, as clients ask for them that go on with a download (RFC 9110 §14). */

/** One range: `from` to `to`, or without `from` the last `to` bytes. */
export interface RangeAsked {
  readonly from: number | undefined;
  /** Inclusive; undefined up to the end. */
  readonly to: number | undefined;
  /** What the rest must be of; undefined where the client does not say. */
  readonly tag: string | undefined;
}

/**
 * Undefined where none is asked for, or several, or in a form that may be passed over: then all of
 * it is sent. A weak tag, and a date, are of nothing that is sent here.
 */
export function rangeAsked({ headers }: Request): RangeAsked | undefined {
  const range = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(headers.get("Range")?.trim() ?? "");
  if (range === null) return undefined;
  const [, first = "", last = ""] = range;
  const [from, to] = [first, last].map((text) => text === "" ? undefined : Number(text));
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && to < from) return undefined;
  const ifRange = headers.get("If-Range");
  if (ifRange === null) return { from, to, tag: undefined };
  const tag = /^"([!#-~]*)"$/.exec(ifRange.trim())?.[1];
  return tag === undefined ? undefined : { from, to, tag };
}
