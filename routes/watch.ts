/** What happens to the keys, as it happens: `/v1/watch`. */

import {
  bytesOption,
  choicesOption,
  countOption,
  everywhereOptions,
  flagOption,
  key64Option,
  keyOption,
  noConditions,
  twinned,
} from "../src/http/option_schemas.ts";
import { formatOption, streamResponse } from "../src/http/frame_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { watchKeys } from "../src/http/watch.ts";
import { WatchFrameSchema } from "../src/http/watch_schemas.ts";

const options = {
  ...everywhereOptions,
  ...noConditions,
  key: keyOption("This key alone."),
  key64: key64Option("This key alone, in base64url."),
  prefix: bytesOption("Keys that begin with these bytes."),
  start: bytesOption("The first key of the range, inclusive."),
  end: bytesOption("The end of the range, exclusive."),
  from_revision: countOption(
    "The first revision to be told of: 1 for all that was ever done; the next one when absent.",
    {
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    },
  ),
  after: twinned(
    countOption("The id of the frame that was seen last; wins over from_revision.", {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    }),
    // EventSource connects again under the old URL, with this header; at first it may be empty.
    { header: "Last-Event-ID", read: (value) => value === "" ? undefined : value, wins: true },
  ),
  filter: choicesOption("Nothing but these kinds of changes.", ["put", "delete"]),
  prev: flagOption("Each change carries the record before it."),
  format: formatOption,
};

const watch = defineRoute({
  method: "get",
  path: "/v1/watch",
  operationId: "watchKeys",
  tag: "watches",
  summary: "Follow the changes of a key, a prefix or a range",
  description: "Every change behind the asked revision, in order, without gap or repetition, at " +
    "any node; without any range those of all keys. One `change` frame per revision; its id is " +
    "the revision, and whoever goes on behind the last id that it has seen, here or at another " +
    "node, misses nothing. A client that is slow is told later, not less. 410 when the asked " +
    "revision is compacted.",
  isStream: true,
  options,
  success: {
    200: streamResponse(
      "A stream of frames, which ends only when the client goes, with the node, or with a " +
        "`compacted` frame.",
      WatchFrameSchema,
    ),
  },
  problems: [410, 429, 503, 504],
  handle: watchKeys,
});

export const watchRoutes: readonly Route[] = [watch];
