/** Probes: answered from this node alone, however busy it is, in lines that people read. */

import type { Check } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { textAnswer } from "./answer.ts";
import type { Call } from "./call.ts";

const plainText = "text/plain; charset=utf-8";

/** The check that a started node may still fail: an election may be under way. */
const leaderCheck = "leader";

/** The process answers: that is all it promises. */
export function alive(call: Call): Response {
  return textAnswer(call, "ok\n", plainText);
}

/** Ready to serve: every check holds, a known leader included. */
export function ready(call: Call, options: { readonly verbose?: boolean }): Response {
  return checked(call, call.services.cluster.readiness(), options);
}

/**
 * Started once and for all: a node whose cluster has lost its leader must not be started again for
 * that.
 */
export function started(call: Call, options: { readonly verbose?: boolean }): Response {
  const checks = call.services.cluster.readiness().filter(({ name }) => name !== leaderCheck);
  return checked(call, checks, options);
}

function checked(
  call: Call,
  checks: readonly Check[],
  options: { readonly verbose?: boolean },
): Response {
  const verbose = options.verbose === true;
  const failing = checks.filter(({ ok }) => !ok);
  if (failing.length === 0) {
    const lines = verbose ? checks.map(({ name, detail }) => `[+] ${name}: ${detail}\n`) : [];
    return textAnswer(call, `${lines.join("")}ok\n`, plainText);
  }
  const said = failing.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  throw new ServiceError("not_ready", `Not ready: ${said}`, {
    retryable: true,
    extra: verbose ? { checks } : {},
  });
}
