/** Why there was no answer, and what that says of the request. */

import { UnreachableError } from "./errors.ts";

/** An endpoint that did not answer. */
export interface Silence {
  /** `notSent`: the request cannot have reached anybody. `lost`: it may have. */
  readonly kind: "notSent" | "lost";
  readonly url: string;
  readonly reason: string;
  readonly timedOut: boolean;
}

/** What is said where the time was over before anybody could be asked. */
export const noTimeLeft = "No time was left to ask";

/** A write is `unknown` when one of the attempts may have reached somebody. */
export function silenceError(
  kind: "read" | "write",
  silences: readonly Silence[],
): UnreachableError {
  const last = silences.at(-1);
  const detail = last === undefined
    ? noTimeLeft
    : silences.map(({ url, reason }) => `${url}: ${reason}`).join("; ");
  const isLost = silences.some((silence) => silence.kind === "lost");
  return new UnreachableError(detail, {
    code: last === undefined || last.timedOut ? "timeout" : "unreachable",
    outcome: kind === "read" ? undefined : isLost ? "unknown" : "not_applied",
  });
}

/** The runtime's error in the words of this client. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  const text = cause.message;
  if (("code" in cause && cause.code === "ENOTFOUND") || text.includes("dns error")) {
    return "the host name is not known";
  }
  if (noTls.test(text)) return "what listens there does not speak TLS; is it http://?";
  if (cannotHaveLeft(error)) return "no connection";
  if (/Malformed_HTTP|invalid HTTP version|unexpected message from connection/.test(text)) {
    return "what listens there does not speak HTTP/1.1; is it the gRPC port?";
  }
  // What the runtimes add for those who program with them.
  return text.replace(/^.*client error \(\w+\): /s, "").replace(/\. For more information.*$/s, "");
}

/** Bun's words, and Deno's. */
const noTls = /TLS handshake failed|InvalidContentType/;

const connectCodes: ReadonlySet<unknown> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ConnectionRefused", "FailedToOpenSocket", "UND_ERR_CONNECT_TIMEOUT"],
]);

/** True only for errors of connecting, by which Bun, Deno and Node tell them. */
export function cannotHaveLeft(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && connectCodes.has(error.code)) return true;
  if (noTls.test(error.message)) return true;
  if (/client error \(Connect\)|Requests to port \d+ are blocked/.test(error.message)) return true;
  return error.cause !== undefined && cannotHaveLeft(error.cause);
}
