/** What the OpenAPI document says of every stream of frames. */

import type { z } from "@hono/zod-openapi";
import { eventStreamMediaType, type FrameForm } from "./frames.ts";
import { ndjsonMediaType } from "./media_type.ts";
import type { Option } from "./options.ts";
import { acceptFormat, choiceOption } from "./option_schemas.ts";
import { type HeaderName, type ResponseDoc, storeResponse } from "./response_docs.ts";

/** `format`, or `Accept`. */
export const formatOption: Option<FrameForm> = choiceOption(
  "How the stream is written; sse when absent.",
  ["sse", "ndjson"],
  { twin: acceptFormat({ [eventStreamMediaType]: "sse", [ndjsonMediaType]: "ndjson" }) },
);

/** A stream of frames of that schema. */
export function streamResponse(
  description: string,
  schema: z.ZodType,
  headers: readonly HeaderName[] = [],
): ResponseDoc {
  const content = { [eventStreamMediaType]: { schema }, [ndjsonMediaType]: { schema } };
  return storeResponse(description, content, [...headers, "X-Accel-Buffering"]);
}
