/**
 * Asks a cluster over REST: chooses the endpoint, bounds the time, and repeats exactly what is
 * proven harmless. A read may be asked again anywhere. So may a write that carries a key, or that
 * changes nothing more when it is asked again, because it is applied once however often it is sent;
 * whatever became of an attempt, another node is asked until the time is over. Any other write is
 * asked again only when it cannot have left this machine, or when the server's answer says
 * `retryable`; where its answer was lost it is `unknown`, and only the caller can decide what that
 * means.
 */

import { Doubt } from "./doubt.ts";
import { Endpoints } from "./endpoints.ts";
import { AnswerError, type ClientError, UnreachableError } from "./errors.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { onceBody } from "./once_body.ts";
import { isGood, type PlainAnswer, readAnswer } from "./problem.ts";
import { cannotHaveLeft, reasonOf, type Silence, silenceError } from "./silence.ts";

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
  /**
   * Of a write of the store, which then is applied once and may be sent again: the caller's own
   * key, or undefined for one of this connection's.
   */
  readonly once?: { readonly key: string | undefined };
  /** Of a write that is known by what it asks for: asked again, it changes nothing more. */
  readonly repeatable?: true;
}

/** A good answer, its body read. */
export interface RestAnswer extends PlainAnswer {
  /** Who answered. */
  readonly endpoint: string;
}

/** A good answer whose body goes on for as long as the reader wants. */
export interface RestStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Who answers. */
  readonly endpoint: string;
}

const defaultTimeoutMs = 5000;
/** The server is told the time-out; its own word about the outcome gets this long to arrive. */
const answerGraceMs = 500;
/** No request may ask a node to wait for longer; who has more time asks again. */
const requestTimeoutMsMax = 60_000;
const pauseFirstMs = 50;
/** Locked, or not elected. */
const heldStatus = 423;
const pauseMaxMs = 1000;

type Attempt<T> =
  | { readonly kind: "answered"; readonly answer: T }
  | { readonly kind: "refused"; readonly error: AnswerError }
  | { readonly kind: "silent"; readonly silence: Silence };

type Round<T> =
  | { readonly kind: "answered"; readonly answer: T }
  | { readonly kind: "failed"; readonly error: ClientError; readonly again: boolean };

/** What is asked of one endpoint after the other. */
interface Question<T> {
  readonly request: RestRequest;
  readonly endMs: number;
  /** Of a write that may be sent again. */
  readonly doubt: Doubt | undefined;
  /** Makes an answer of a response; what it throws has broken the connection. */
  readonly take: (response: Response, url: string) => Promise<T | AnswerError>;
  /** Ends the request, and the stream that it opens. */
  readonly signal?: AbortSignal;
}

/** Requests may overlap; what one learns of the endpoints helps the next. */
export class Connection {
  readonly #endpoints: Endpoints;
  readonly #keys = new IdempotencyKeys();
  readonly #timeoutMs: number;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;

  constructor(options: ConnectionOptions) {
    this.#endpoints = new Endpoints(options.endpoints);
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Resolves with a good answer; rejects with a {@link ClientError}. */
  async request(request: RestRequest): Promise<RestAnswer> {
    const endMs = this.#endMs(request);
    if (request.once === undefined) return await this.#answer(request, endMs);
    const { key } = request.once;
    if (key !== undefined) return await this.#answer(keyed(request, key), endMs);
    const held = await this.#keys.take(endMs - performance.now());
    if (held === undefined) throw tooManyUnderWay();
    try {
      return await this.#answer(keyed(request, held.key), endMs);
    } finally {
      held.release();
    }
  }

  /** As {@link request}, for an answer that goes on until it ends or `signal` ends it. */
  async open(request: RestRequest, signal: AbortSignal): Promise<RestStream> {
    return await this.#ask({
      ...{ request, signal, endMs: this.#endMs(request), doubt: undefined },
      take: async (response, url) => {
        const { body } = response;
        if (isGood(response.status) && body !== null) return { body, endpoint: url };
        const answer = await readAnswer(response, { kind: request.kind, url });
        if (answer instanceof AnswerError) return answer;
        throw new Error("the answer has no body");
      },
    });
  }

  /** A stream of that endpoint broke off: others are asked before it for a while. */
  failed(endpoint: string): void {
    this.#endpoints.failed(endpoint);
  }

  #endMs(request: RestRequest): number {
    return performance.now() + (request.timeoutMs ?? this.#timeoutMs);
  }

  async #answer(request: RestRequest, endMs: number): Promise<RestAnswer> {
    return await this.#ask({
      ...{ request, endMs, doubt: mayRepeat(request) ? new Doubt() : undefined },
      take: async (response, url) => {
        const answer = await readAnswer(response, { kind: request.kind, url });
        return answer instanceof AnswerError ? answer : { ...answer, endpoint: url };
      },
    });
  }

  /** Round after round, until there is an answer or no sense or time in another one. */
  async #ask<T>(question: Question<T>): Promise<T> {
    const { doubt } = question;
    let pauseMs = pauseFirstMs;
    for (;;) {
      const endMs = Math.min(question.endMs, doubt?.repeatUntilMs ?? Infinity);
      const round = await this.#askRound({ ...question, endMs });
      if (round.kind === "answered") return round.answer;
      const error = doubt?.told(round.error) ?? round.error;
      if (!round.again || isGivenUp(question)) throw error;
      const askedMs = round.error instanceof AnswerError ? round.error.retryAfterMs : undefined;
      const waitMs = askedMs ?? pauseMs * (0.5 + Math.random() / 2);
      if (performance.now() + waitMs >= endMs) throw error;
      await pause(waitMs, question.signal);
      pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    }
  }

  /** Asks every endpoint at most once. */
  async #askRound<T>(question: Question<T>): Promise<Round<T>> {
    const { request, doubt } = question;
    const urls = this.#endpoints.inOrder(request.kind);
    const silences: Silence[] = [];
    let refusal: AnswerError | undefined;
    for (const [at, url] of urls.entries()) {
      const nowMs = performance.now();
      const leftMs = question.endMs - nowMs;
      if (leftMs <= 0 || isGivenUp(question)) break;
      const attempt = await this.#askOne(
        question,
        url,
        shareOf(question, leftMs, urls.length - at),
      );
      if (attempt.kind === "answered") return attempt;
      if (attempt.kind === "refused") {
        const { error } = attempt;
        // How long to wait for what others hold is for the caller to say (`wait`).
        const again = error.status !== heldStatus &&
          (doubt?.refused(error, nowMs) ?? error.retryable);
        if (!again) return { kind: "failed", error, again: false };
        refusal = error;
        continue;
      }
      silences.push(attempt.silence);
      if (isGivenUp(question)) break;
      this.#endpoints.failed(url);
      if (attempt.silence.kind === "notSent" || request.kind === "read") continue;
      const lost = silenceError(request.kind, silences);
      // Without a key, asking anybody else could apply it twice.
      if (doubt === undefined) return { kind: "failed", error: lost, again: false };
      doubt.lost(lost, nowMs);
    }
    return refusal === undefined
      ? {
        ...{ kind: "failed", error: silenceError(request.kind, silences) },
        // Whether it was applied, only who comes back can tell.
        again: doubt?.isOpen ?? false,
      }
      : { kind: "failed", error: refusal, again: true };
  }

  async #askOne<T>(question: Question<T>, url: string, withinMs: number): Promise<Attempt<T>> {
    const { request, take } = question;
    const timeoutMs = Math.min(Math.max(1, Math.floor(withinMs)), requestTimeoutMsMax);
    const joint = request.target.includes("?") ? "&" : "?";
    const target = `${url}${request.target}${joint}timeout=${timeoutMs}ms`;
    const { method } = request;
    const headers = { ...request.headers };
    const flaw = flawOf(target, headers);
    if (flaw !== undefined) return silent("notSent", url, flaw);
    const limit = new Limit(timeoutMs + answerGraceMs, question.signal);
    try {
      const response = await this.#fetch(target, {
        ...{ method, headers, redirect: "manual", signal: limit.signal },
        ...bodyOf(request),
      });
      const answer = await take(response, url);
      this.#endpoints.answered(url);
      this.#learn(url, response.headers);
      return answer instanceof AnswerError
        ? { kind: "refused", error: answer }
        : { kind: "answered", answer };
    } catch (error) {
      if (limit.isPast) {
        const reason = `no answer within ${timeoutMs} ms`;
        return { kind: "silent", silence: { kind: "lost", url, reason, timedOut: true } };
      }
      return silent(cannotHaveLeft(error) ? "notSent" : "lost", url, reasonOf(error));
    } finally {
      limit.lift();
    }
  }

  #learn(url: string, headers: Headers): void {
    const servedBy = headers.get("kv-served-by");
    if (servedBy === null) return;
    this.#endpoints.learned(url, { servedBy, leader: headers.get("kv-leader") });
  }
}

/** Ends a request that takes too long, and once it is lifted only whoever holds the other end. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  isPast = false;

  constructor(ms: number, other: AbortSignal | undefined) {
    this.#timer = setTimeout(() => {
      this.isPast = true;
      this.#controller.abort();
    }, ms);
    if (other?.aborted === true) this.#controller.abort();
    else other?.addEventListener("abort", () => this.#controller.abort(), { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  lift(): void {
    clearTimeout(this.#timer);
  }
}

/** However often it is sent, it is applied once. */
function mayRepeat({ once, repeatable }: RestRequest): boolean {
  return once !== undefined || repeatable === true;
}

/** Nobody wants an answer any more. */
function isGivenUp({ signal }: { readonly signal?: AbortSignal }): boolean {
  return signal?.aborted === true;
}

/** Ends early when `signal` says so. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}

function silent(kind: Silence["kind"], url: string, reason: string): Attempt<never> {
  return { kind: "silent", silence: { kind, url, reason, timedOut: false } };
}

/** The same request under a key. */
function keyed(request: RestRequest, key: string): RestRequest {
  return { ...request, headers: { ...request.headers, "idempotency-key": key } };
}

/** How long one endpoint may take: one that is frozen must leave time for the others. */
function shareOf<T>(question: Question<T>, leftMs: number, endpointsLeft: number): number {
  if (question.request.kind === "read") return leftMs / endpointsLeft;
  // Whoever leads gets most of it, so that a busy leader is not asked again too soon.
  return question.doubt === undefined || endpointsLeft === 1 ? leftMs : leftMs / 2;
}

function tooManyUnderWay(): UnreachableError {
  return new UnreachableError("Too many writes of this client are under way", {
    code: "timeout",
    outcome: "not_applied",
  });
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
