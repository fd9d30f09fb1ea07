/** Probes: answered from this node alone, however busy it is, in lines that people read. */

import type { Check } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { firstRestoreCheck, identityCheck, storeCheckNames } from "../service/store_checks.ts";
import { textAnswer } from "./answer.ts";
import type { Call } from "./call.ts";

const plainText = "text/plain; charset=utf-8";

/**
 * The checks that a started node may still fail: an election may be under way, or a backup be
 * restored; and who is taken for another node, or has a store that differs from another one, is so
 * after a restart as well.
 */
const laterChecks: ReadonlySet<string> = new Set([
  ...["leader", "restored", firstRestoreCheck, identityCheck, storeCheckNames.stateHash],
]);

/** The process answers: that is all it promises. */
export function alive(call: Call): Response {
  return textAnswer(call, "ok\n", plainText);
}

/** Ready to serve: every check holds, a known leader included. */
export function ready(call: Call, options: { readonly verbose?: boolean }): Response {
  return checked(call, call.services.cluster.readiness(), options);
}

/** Started once and for all: a node must not be started again for what that cannot mend. */
export function started(call: Call, options: { readonly verbose?: boolean }): Response {
  const checks = call.services.cluster.readiness().filter(({ name }) => !laterChecks.has(name));
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
