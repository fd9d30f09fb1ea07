/** Members that the bodies of requests share, as zod checks them one by one. */

import { z } from "@hono/zod-openapi";
import { ttlSchema } from "./durations.ts";
import { isLeaseId, leaseIdAllowed } from "./int64.ts";
import { mediaTypeOption } from "./media_type.ts";

const maxSafe = Number.MAX_SAFE_INTEGER;

/** An integer that a JSON number can carry exactly. */
export function integer(description: string, range: {
  readonly min: number;
  readonly max?: number;
  /** Where more is allowed than such an integer. */
  readonly error?: string;
}): z.ZodType<number> {
  const { min, max = maxSafe } = range;
  const error = range.error ?? `allowed is an integer from ${min} to ${max}`;
  // What is no safe integer is none at all.
  const whole = z.int({ error }).min(min, { error });
  return (max < maxSafe ? whole.max(max, { error }) : whole).openapi({
    format: "int64",
    maximum: max,
    description,
  });
}

/** Text, or its bytes in base64url under the name with 64. */
export const keyMembers = {
  key: z.string().optional().openapi({ description: "The key, as text.", example: "t/a" }),
  key64: z.string().optional().openapi({ description: "Or the key in base64url." }),
};

/** A key, checked. */
export interface KeyJson {
  readonly key?: string | undefined;
  readonly key64?: string | undefined;
}

export const valueMembers = {
  value: z.string().optional().openapi({ description: "The value, as text.", example: "5" }),
  value64: z.string().optional().openapi({ description: "Or the value in base64url." }),
};

/** A value, checked. */
export interface ValueJson {
  readonly value?: string | undefined;
  readonly value64?: string | undefined;
}

export const rangeMembers = {
  prefix: z.string().optional().openapi({ description: "Keys that begin with it." }),
  prefix64: z.string().optional().openapi({ description: "Or the prefix in base64url." }),
  start: z.string().optional().openapi({ description: "The first key, inclusive." }),
  start64: z.string().optional().openapi({ description: "Or the start in base64url." }),
  end: z.string().optional().openapi({ description: "The end, exclusive." }),
  end64: z.string().optional().openapi({ description: "Or the end in base64url." }),
};

/** A range, checked member by member. */
export interface RangeJson {
  readonly prefix?: string | undefined;
  readonly prefix64?: string | undefined;
  readonly start?: string | undefined;
  readonly start64?: string | undefined;
  readonly end?: string | undefined;
  readonly end64?: string | undefined;
}

export const prevMember = z.boolean().optional().openapi({
  description: "The result carries the record before.",
});

/** What comes with a value wherever one is put. */
export const putMembers = {
  ...keyMembers,
  ...valueMembers,
  content_type: mediaTypeOption.optional().openapi({
    description: "Stored with the value; application/octet-stream when absent.",
  }),
  ttl: ttlSchema("The key lives so long. Not together with `lease`.").optional(),
  lease: z.string().refine(isLeaseId, { error: leaseIdAllowed }).optional().openapi({
    type: "string",
    description: "The key goes when this lease ends.",
  }),
  prev: prevMember,
};

/** A put, checked member by member; `ttl` is in ms. */
export interface PutJson extends KeyJson, ValueJson {
  readonly content_type?: string | undefined;
  readonly ttl?: number | undefined;
  readonly lease?: string | undefined;
  readonly prev?: boolean | undefined;
}
