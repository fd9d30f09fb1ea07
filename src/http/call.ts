/** One request on its way through: what is known of it, and what its answer must carry. */

import { type ByteBudget, ByteShare } from "../lib/byte_budget.ts";
import { emptyBytes } from "../lib/bytes.ts";
import type { HttpConnection } from "../runtime/mod.ts";
import type { Header } from "../service/contract.ts";
import { type Outcome, ServiceError } from "../service/errors.ts";
import { rawTarget } from "./target.ts";
import type { HttpServices } from "./services.ts";

/** How long a request may take unless it says otherwise (option `timeout`). */
export const timeoutDefaultMs = 5000;

/** Of one among the requests that are under way. */
export interface Place {
  /** Others may take it. */
  leave(): void;
  /** Whether there is room or not: whoever was let in is not sent away. */
  comeBack(): void;
}

/** Made when the request arrives; its handler fills in what becomes known. */
export class Call {
  readonly request: Request;
  readonly services: HttpServices;
  readonly requestId: string;
  /** Not decoded. */
  readonly path: string;
  /** Not decoded, without the question mark. */
  readonly query: string;
  /** The request may change something: its errors promise an outcome. */
  readonly isWrite: boolean;
  /** Checked, from query and headers, once they have been read. */
  options: Readonly<Record<string, unknown>> = {};
  /** As it came, once it has been read; empty where there is none. */
  body: Uint8Array = emptyBytes;
  /** Of the body, without parameters, where it has decided how the body is read. */
  mediaType = "";
  timeoutMs: number = timeoutDefaultMs;
  /** What an error that does not know better says of the write. */
  outcome: Outcome | undefined;
  /** Of the store's answer, once there is one. */
  header: Header | undefined;
  /** Headers that the answer carries whatever becomes of it, a refusal included. */
  readonly extraHeaders: Record<string, string> = {};
  /** What its body holds; whoever lets the request in releases it after the answer. */
  readonly memory: ByteShare;
  /** Undefined where there is no socket below. */
  connection: HttpConnection | undefined;
  /** Among the requests under way, where they are counted. */
  place: Place | undefined;
  /** What answers hold that have not left: of all requests. */
  answers: ByteBudget | undefined;
  /** Of the answer's body, once there is one; letters count as bytes. */
  answerBytes = 0;
  readonly #startedMs: number;

  constructor(request: Request, services: HttpServices) {
    const target = rawTarget(request.url);
    const method = request.method;
    this.request = request;
    this.services = services;
    this.memory = new ByteShare(services.memory);
    this.path = target.path;
    this.query = target.query;
    this.isWrite = method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
    this.outcome = this.isWrite ? "not_applied" : undefined;
    this.requestId = requestIdOf(request);
    this.#startedMs = services.clock.monotonicMs();
  }

  /** What only waits for something to happen: it takes no time and no place of other requests. */
  async whileWaiting<T>(wait: () => Promise<T>): Promise<T> {
    const sinceMs = this.services.clock.monotonicMs();
    this.place?.leave();
    try {
      return await wait();
    } finally {
      this.place?.comeBack();
      this.timeoutMs += this.services.clock.monotonicMs() - sinceMs;
    }
  }

  /** What is left of the time-out, at least 1 ms: the service must be able to answer at all. */
  remainingMs(): number {
    return Math.max(1, this.timeoutMs - this.#spentMs());
  }

  isLate(): boolean {
    return this.#spentMs() >= this.timeoutMs;
  }

  #spentMs(): number {
    return this.services.clock.monotonicMs() - this.#startedMs;
  }

  /** The outcome of `work`, or 408 when the time-out passes before it has ended. */
  beforeDeadline<T>(work: Promise<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.services.clock.after(this.remainingMs(), () => {
        const detail = `${what} within ${this.timeoutMs} ms`;
        reject(new ServiceError("request_timeout", detail, { retryable: true }));
      });
      work.then((done) => {
        cancel();
        resolve(done);
      }, (error) => {
        cancel();
        reject(error);
      });
    });
  }
}

const idPattern = /^[\x21-\x7e]{1,128}$/;
const idPrefix = Math.floor(Math.random() * 36 ** 8).toString(36).padStart(8, "0");
let idCounter = 0;

/** The client's own id where it sent a sensible one, so that its logs and ours meet. */
function requestIdOf(request: Request): string {
  const given = request.headers.get("X-Request-Id");
  if (given !== null && idPattern.test(given)) return given;
  return `${idPrefix}-${++idCounter}`;
}
