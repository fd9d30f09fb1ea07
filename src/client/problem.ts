/** Reads answers: problem documents become errors, everything else stays bytes. */

import { lossyText, utf8 } from "../lib/bytes.ts";
import { AnswerError, type Outcome } from "./errors.ts";
import { objectOf } from "./records.ts";

/** An answer of any status. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Rejects when the connection breaks before the body is complete. */
export async function readAnswer(
  response: Response,
  asked: Asked,
): Promise<PlainAnswer | AnswerError> {
  const body = new Uint8Array(await response.arrayBuffer());
  const { status, headers } = response;
  return isGood(status) ? { status, headers, body } : answerError({ status, headers, body }, asked);
}

/** A redirect is none: it is not followed. */
export function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

/** What a proxy says where the node behind it does not answer: it may have done what was asked. */
export const passingStatus: ReadonlySet<number> = new Set([502, 503, 504]);

/** What was asked, and of whom. */
interface Asked {
  readonly kind: "read" | "write";
  readonly url: string;
}

function answerError(answer: PlainAnswer, { kind, url }: Asked): AnswerError {
  const problem = problemOf(answer);
  const code = problem["code"];
  const detail = problem["detail"] ?? problem["title"];
  return new AnswerError(
    typeof detail === "string"
      ? detail
      : `${url} answered with status ${answer.status}, and not as a node does`,
    {
      status: answer.status,
      code: typeof code === "string" ? code : `http_${answer.status}`,
      outcome: outcomeOf(problem, kind),
      // Of a proxy, which may find another node the next time. A read does no harm.
      retryable: problem["retryable"] === true ||
        (kind === "read" && code === undefined && passingStatus.has(answer.status)),
      retryAfterMs: retryAfterMsOf(answer.headers),
      problem,
      body: answer.body,
    },
  );
}

/** The problem document of a part of an answer, e.g. of an item of a batch. */
export function problemError(
  problem: Readonly<Record<string, unknown>>,
  status: number,
): AnswerError {
  const { code, detail, outcome } = problem;
  return new AnswerError(typeof detail === "string" ? detail : `Status ${status}`, {
    status,
    code: typeof code === "string" ? code : `http_${status}`,
    outcome: isOutcome(outcome) ? outcome : undefined,
    retryable: problem["retryable"] === true,
    retryAfterMs: undefined,
    problem,
    body: utf8(JSON.stringify(problem)),
  });
}

/** An empty object where no node says it: a proxy's page, a cut-off body. */
function problemOf({ body }: PlainAnswer): Readonly<Record<string, unknown>> {
  try {
    const problem = objectOf(JSON.parse(lossyText(body)));
    return String(problem["type"]).startsWith("urn:skein:problem:") ? problem : {};
  } catch {
    return {};
  }
}

function outcomeOf(
  problem: Readonly<Record<string, unknown>>,
  kind: "read" | "write",
): Outcome | undefined {
  const outcome = problem["outcome"];
  if (isOutcome(outcome)) return outcome;
  if (kind === "read") return undefined;
  // A problem document without an outcome was refused before it was a write at all.
  return typeof problem["code"] === "string" ? "not_applied" : "unknown";
}

function isOutcome(text: unknown): text is Outcome {
  return text === "not_applied" || text === "applied" || text === "unknown";
}

/** Only the form in seconds: the servers of this project send no other. */
function retryAfterMsOf(headers: Headers): number | undefined {
  const seconds = headers.get("retry-after");
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}
