/** The JSON of streamed ranges, as a named component of the document. */

import { z } from "@hono/zod-openapi";
import { count, ProblemSchema, RecordSchema } from "./schemas.ts";

export const RangeLineSchema = z.object({
  ...RecordSchema.partial().shape,
  prefix: z.string().optional().openapi({
    description: "With `delimiter`: a folder, up to and with the delimiter, where it is UTF-8.",
  }),
  prefix64: z.string().optional().openapi({
    description: "A folder in base64url, where it is not UTF-8.",
  }),
  end: z.boolean().optional().openapi({
    description: "True in the last line alone, which the stream lacks where it was cut.",
  }),
  count: count("Of the last line: the lines before it.").optional(),
  revision: count("Of the last line: the revision of the view.").optional(),
  error: ProblemSchema.optional(),
}).openapi("RangeLine", {
  description: "One line of a streamed range: a record, a folder, or the end; where the server " +
    "cuts the stream, `error` says why in the last line.",
});
