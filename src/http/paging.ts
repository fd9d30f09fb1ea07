/** How an answer leads to the next one. */

import type { Call } from "./call.ts";

/** Items of one page, unless the request says otherwise, and at most. */
export const pageLimitDefault = 1000;
export const pageLimitMax = 10_000;

/** Names the next page, if there is one, in the Link header: this request with another cursor. */
export function linkToNext(call: Call, cursor: string | undefined): void {
  if (cursor === undefined) return;
  const kept = call.query.split("&").filter((pair) => pair !== "" && !/^cursor(=|$)/.test(pair));
  const query = [...kept, `cursor=${cursor}`].join("&");
  call.extraHeaders["Link"] = `<${call.path}?${query}>; rel="next"`;
}
