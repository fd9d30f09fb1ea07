/** The JSON of watches, as named components of the document. */

import { z } from "@hono/zod-openapi";
import { count, keyMembers, RecordSchema } from "./schemas.ts";

const ChangeEventSchema = z.object({
  type: z.string().openapi({ example: "put", description: "put or delete." }),
  ...RecordSchema.partial().shape,
  ...keyMembers,
  mod: count("The revision of this change."),
  prev: RecordSchema.optional(),
}).openapi("ChangeEvent", {
  description: "Of `put` the whole record, of `delete` the key. With `prev` the record " +
    "before, where there was one that is not compacted.",
});

export const WatchFrameSchema = z.object({
  event: z.string().optional().openapi({
    example: "change",
    description: "ready, change, progress, lagging, compacted or closing; of server-sent events " +
      "it stands beside the data.",
  }),
  id: count("What to go on behind (`after`); beside the data as well.").optional(),
  revision: count(
    "Of change its revision; of ready and lagging the store's; of progress how far " +
      "everything has been told.",
  ).optional(),
  time: z.string().optional().openapi({
    format: "date-time",
    description: "Of change: when, by the clock of the node that led then.",
  }),
  events: z.array(ChangeEventSchema).optional().openapi({
    description: "Of change: all that the revision did to the range, in its order.",
  }),
  partial: z.boolean().optional().openapi({
    description: "Of change: true where the next frame goes on with the same revision. It has no " +
      "id, so that nobody goes on in the middle.",
  }),
  from: count("Of ready: the first revision that may be told of.").optional(),
  compacted: count("Of ready: the oldest revision that can be read.").optional(),
  at: count("Of lagging: how far this watch has come, far behind the store.").optional(),
  oldest: count("Of compacted, the last frame: the oldest revision that can be read.").optional(),
}).openapi("WatchFrame", {
  description: "One frame of a watch. An id is the position behind everything that was told.",
});
