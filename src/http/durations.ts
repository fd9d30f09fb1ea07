/** Durations in requests: a number with a unit. Answers tell ms, in members that end in `_ms`. */

import { z } from "@hono/zod-openapi";

const durationPattern = /^([0-9]{1,15})(ms|s|m|h|d)$/;
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** From the text to ms. */
export function durationSchema(description: string, range: {
  readonly minMs: number;
  readonly maxMs: number;
  readonly allowed: string;
  readonly example?: string;
}): z.ZodType<number> {
  const { minMs, maxMs, allowed, example } = range;
  const message = `allowed is ${allowed}, written like 500ms, 5s, 1m`;
  return z.string({ error: message }).transform((given, context) => {
    const match = durationPattern.exec(given);
    const ms = match === null ? NaN : Number(match[1]) * unitMs[match[2]!]!;
    if (ms >= minMs && ms <= maxMs) return ms;
    context.addIssue(message);
    return z.NEVER;
  }).openapi({
    type: "string",
    pattern: "^[0-9]+(ms|s|m|h|d)$",
    description,
    ...(example === undefined ? {} : { example }),
  });
}

/** How long a lease may live, ms (kv/leases.ts). */
export const leaseTtlMsMin = 1_000;
export const leaseTtlMsMax = 366 * 86_400_000;

/** The time to live of a lease. */
export function ttlSchema(description: string): z.ZodType<number> {
  return durationSchema(description, {
    minMs: leaseTtlMsMin,
    maxMs: leaseTtlMsMax,
    allowed: "1s to 366d",
    example: "30s",
  });
}
