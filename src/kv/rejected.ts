/** Making refusals that are decided in apply. */

import type { Revision } from "./record.ts";
import type { Rejected, RejectedCode } from "./result.ts";

/** `reason`: for people. */
export function rejected(
  store: { readonly revision: Revision },
  code: RejectedCode,
  reason: string,
): Rejected {
  return { kind: "rejected", revision: store.revision, code, reason };
}
