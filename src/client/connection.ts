/**
 * Asks a cluster over REST: chooses the endpoint, bounds the time, and repeats exactly what is
 * proven harmless. A read may be asked again anywhere. A write is asked again only when it cannot
 * have left this machine, or when the server's answer says `retryable`; a write whose answer was
 * lost is `unknown`, and only the caller can decide what that means.
 */

import { Endpoints } from "./endpoints.ts";
import { AnswerError, type ClientError, UnreachableError } from "./errors.ts";
import { onceBody } from "./once_body.ts";
import { readAnswer } from "./problem.ts";

/** Which cluster, and how patiently. */
export interface ConnectionOptions {
  /** `http://host:port` each, at least one. */
  readonly endpoints: readonly string[];
  /** How long a request may take, retries included; 5 s unless given. */
  readonly timeoutMs?: number;
  /** The program's own by default. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** One request, without its endpoint and its time-out. */
export interface RestRequest {
  readonly kind: "read" | "write";
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "PATCH";
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a write. */
  readonly body?: Uint8Array;
  readonly timeoutMs?: number;
}

/** A good answer, its body read. */
export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Who answered. */
  readonly endpoint: string;
}

const defaultTimeoutMs = 5000;
/** The server is told the time-out; its own word about the outcome gets this long to arrive. */
const answerGraceMs = 500;
/** No request may ask a node to wait for longer; who has more time asks again. */
const requestTimeoutMsMax = 60_000;
const pauseFirstMs = 50;
const pauseMaxMs = 1000;

type Attempt =
  | { readonly kind: "answered"; readonly answer: RestAnswer }
  | { readonly kind: "refused"; readonly error: AnswerError }
  | NoAnswer;

interface NoAnswer {
  /** `notSent`: the request cannot have reached anybody. `lost`: it may have. */
  readonly kind: "notSent" | "lost";
  readonly reason: string;
  readonly timedOut: boolean;
}

interface Silence extends NoAnswer {
  readonly url: string;
}

type Round =
  | { readonly kind: "answered"; readonly answer: RestAnswer }
  | { readonly kind: "failed"; readonly error: ClientError; readonly again: boolean };

/** Requests may overlap; what one learns of the endpoints helps the next. */
export class Connection {
  readonly #endpoints: Endpoints;
  readonly #timeoutMs: number;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;

  constructor(options: ConnectionOptions) {
    this.#endpoints = new Endpoints(options.endpoints);
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Resolves with an answer below 400; rejects with a {@link ClientError}. */
  async request(request: RestRequest): Promise<RestAnswer> {
    const endMs = performance.now() + (request.timeoutMs ?? this.#timeoutMs);
    let pauseMs = pauseFirstMs;
    for (;;) {
      const round = await this.#askRound(request, endMs);
      if (round.kind === "answered") return round.answer;
      if (!round.again) throw round.error;
      const askedMs = round.error instanceof AnswerError ? round.error.retryAfterMs : undefined;
      const waitMs = askedMs ?? pauseMs * (0.5 + Math.random() / 2);
      if (performance.now() + waitMs >= endMs) throw round.error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    }
  }

  /** Asks every endpoint at most once. */
  async #askRound(request: RestRequest, endMs: number): Promise<Round> {
    const urls = this.#endpoints.inOrder(request.kind);
    const silences: Silence[] = [];
    let refusal: AnswerError | undefined;
    for (const [at, url] of urls.entries()) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) break;
      // A read that a frozen node does not answer must leave time for the others.
      const shareMs = request.kind === "read" ? leftMs / (urls.length - at) : leftMs;
      const attempt = await this.#ask(request, url, shareMs);
      if (attempt.kind === "answered") return attempt;
      if (attempt.kind === "refused") {
        if (!attempt.error.retryable) return { kind: "failed", error: attempt.error, again: false };
        refusal = attempt.error;
        continue;
      }
      this.#endpoints.failed(url);
      silences.push({ ...attempt, url });
      // It may have been applied: asking anybody else could apply it twice.
      if (attempt.kind === "lost" && request.kind === "write") {
        return { kind: "failed", error: silenceError(request, silences), again: false };
      }
    }
    return refusal === undefined
      ? { kind: "failed", error: silenceError(request, silences), again: false }
      : { kind: "failed", error: refusal, again: true };
  }

  async #ask(request: RestRequest, url: string, withinMs: number): Promise<Attempt> {
    const timeoutMs = Math.min(Math.max(1, Math.floor(withinMs)), requestTimeoutMsMax);
    const limit = AbortSignal.timeout(timeoutMs + answerGraceMs);
    const joint = request.target.includes("?") ? "&" : "?";
    const target = `${url}${request.target}${joint}timeout=${timeoutMs}ms`;
    const { method } = request;
    const headers = { ...request.headers };
    const flaw = flawOf(target, headers);
    if (flaw !== undefined) return { kind: "notSent", reason: flaw, timedOut: false };
    try {
      const response = await this.#fetch(target, {
        ...{ method, headers, redirect: "manual", signal: limit },
        ...bodyOf(request),
      });
      const answer = await readAnswer(response, { kind: request.kind, url });
      this.#endpoints.answered(url);
      this.#learn(url, response.headers);
      return answer instanceof AnswerError
        ? { kind: "refused", error: answer }
        : { kind: "answered", answer: { ...answer, endpoint: url } };
    } catch (error) {
      if (limit.aborted) {
        return { kind: "lost", reason: `no answer within ${timeoutMs} ms`, timedOut: true };
      }
      const kind = cannotHaveLeft(error) ? "notSent" : "lost";
      return { kind, reason: reasonOf(error), timedOut: false };
    }
  }

  #learn(url: string, headers: Headers): void {
    const servedBy = headers.get("kv-served-by");
    if (servedBy === null) return;
    this.#endpoints.learned(url, { servedBy, leader: headers.get("kv-leader") });
  }
}

/** The bytes of a write go out as a body that cannot be repeated behind our back. */
function bodyOf(request: RestRequest): RequestInit {
  if (request.kind === "read") return {};
  const init: RequestInit & { readonly duplex: "half" } = {
    body: onceBody(request.body ?? new Uint8Array(0)),
    duplex: "half",
  };
  return init;
}

/** Why a request cannot be written at all; fetch would say it as if it had been lost. */
function flawOf(target: string, headers: Readonly<Record<string, string>>): string | undefined {
  try {
    new Request(target, { headers });
    return undefined;
  } catch {
    return `a request with a URL of ${target.length} characters and these headers cannot be sent`;
  }
}

/** The last silence decides: the ones before it were harmless, or nobody would have gone on. */
function silenceError(request: RestRequest, silences: readonly Silence[]): UnreachableError {
  const last = silences.at(-1);
  const detail = last === undefined
    ? "No time was left to ask"
    : silences.map(({ url, reason }) => `${url}: ${reason}`).join("; ");
  return new UnreachableError(detail, {
    code: last === undefined || last.timedOut ? "timeout" : "unreachable",
    outcome: request.kind === "read"
      ? undefined
      : last?.kind === "lost"
      ? "unknown"
      : "not_applied",
  });
}

function reasonOf(error: unknown): string {
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
function cannotHaveLeft(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && connectCodes.has(error.code)) return true;
  if (noTls.test(error.message)) return true;
  if (/client error \(Connect\)|Requests to port \d+ are blocked/.test(error.message)) return true;
  return error.cause !== undefined && cannotHaveLeft(error.cause);
}
