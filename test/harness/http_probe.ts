/**
 * The HTTP application over fake services, asked without a socket. Every answer is held against the
 * OpenAPI document on the way, so that each test of a route is one of the document as well.
 */

import { createHttpApp } from "../../src/http/app.ts";
import { buildDocument, type OpenApiDocument } from "../../src/http/openapi.ts";
import { type HttpClock, type HttpServices, systemHttpClock } from "../../src/http/services.ts";
import type { HttpConnection } from "../../src/runtime/mod.ts";
import { ByteBudget } from "../../src/lib/byte_budget.ts";
import { allRoutes } from "../../routes/mod.ts";
import { deviations } from "../conformance/http_document.ts";
import {
  contestsOf,
  FakeClusterService,
  FakeKvService,
  fakeVersion,
  holdsOf,
  rangesOf,
  watchesOf,
} from "./fake_services.ts";
import { backupsOf } from "./fake_backups.ts";
import { FrameReader } from "./frame_reader.ts";
import { assert } from "./test.ts";

const routes = allRoutes(fakeVersion.version);
export const probeDocument: OpenApiDocument = buildDocument(routes, fakeVersion.version);

/** An answer with its body read. */
export interface Probed {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** A refusal, taken apart. */
export interface Problem {
  readonly detail: string;
  readonly outcome: string | undefined;
  readonly retryable: boolean;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  readonly body: JsonObject;
  readonly headers: Headers;
}

export class HttpProbe {
  readonly kv = new FakeKvService();
  readonly cluster = new FakeClusterService();
  readonly watches = watchesOf(this.kv, 1_000, this.cluster);
  readonly ranges = rangesOf(this.kv);
  readonly holds = holdsOf(this.kv);
  readonly contests = contestsOf(this.kv, this.watches);
  readonly backups = backupsOf(this.kv);
  readonly internalErrors: unknown[] = [];
  /** The connection of the requests that follow, where one is needed. */
  bindings: { readonly connection?: HttpConnection } = {};
  readonly services: HttpServices;
  readonly app: ReturnType<typeof createHttpApp>;
  /** The streams that were opened. */
  #followed: { target: string; response: Response; reader: FrameReader }[] = [];

  constructor(more: Partial<HttpServices> = {}) {
    this.services = {
      kv: this.kv,
      cluster: this.cluster,
      watches: this.watches,
      ranges: this.ranges,
      holds: this.holds,
      contests: this.contests,
      backups: this.backups,
      version: fakeVersion,
      limits: {
        valueBytesMax: 8 * 1024 * 1024,
        requestBytesMax: 16 * 1024 * 1024,
        waitingRequestsMax: 10_000,
      },
      memory: new ByteBudget(256 * 1024 * 1024),
      clock: systemHttpClock,
      hosts: { names: [], anyAddress: false },
      onInternalError: (error) => this.internalErrors.push(error),
      ...more,
    };
    this.app = createHttpApp(routes, this.services);
  }

  /** `line` is a method and a target, e.g. `GET /v1/kv/a?format=record`. */
  async ask(line: string, init: RequestInit = {}): Promise<Probed> {
    const [method = "", target = ""] = line.split(" ", 2);
    const url = target.startsWith("http") ? target : `http://127.0.0.1:7400${target}`;
    // As bytes: for a text the runtimes disagree on the Content-Type that nobody asked for.
    const body = typeof init.body === "string" ? new TextEncoder().encode(init.body) : init.body;
    const request = new Request(url, { ...init, method, ...(body === undefined ? {} : { body }) });
    const response = await this.app.fetch(request, this.bindings);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const sent = new URL(url);
    assert.deepEqual(
      deviations(probeDocument, {
        method,
        target: sent.pathname + sent.search,
        response,
        body: bytes,
      }),
      [],
    );
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return { status: response.status, headers: response.headers, bytes, text };
  }

  /** Opens a stream of frames, which {@link leave} ends. */
  async follow(target: string, init: RequestInit = {}): Promise<FrameReader> {
    const request = new Request(`http://127.0.0.1:7400${target}`, init);
    const response = await this.app.fetch(request, this.bindings);
    assert.equal(response.status, 200, target);
    const reader = new FrameReader(response);
    this.#followed.push({ target, response, reader });
    return reader;
  }

  /** Leaves all streams; what was read of each is held against the document. */
  async leave(): Promise<void> {
    for (const { target, response, reader } of this.#followed.splice(0)) {
      await reader.close();
      const body = new TextEncoder().encode(reader.text);
      const exchange = { method: "GET", target, response, body };
      assert.deepEqual(deviations(probeDocument, exchange), []);
    }
  }

  /** Asks, wants that status, and reads the JSON. */
  async json(line: string, status: number, init: RequestInit = {}): Promise<JsonObject> {
    const answer = await this.ask(line, init);
    assert.equal(answer.status, status, `${line}: ${answer.text}`);
    return JSON.parse(answer.text);
  }

  /** Asks, wants a problem of that status and code, and checks what every problem has. */
  async problem(
    line: string,
    wanted: `${number} ${string}`,
    init: RequestInit = {},
  ): Promise<Problem> {
    const answer = await this.ask(line, init);
    assert.match(answer.headers.get("Content-Type") ?? "", /^application\/problem\+json/, line);
    const body = JSON.parse(answer.text);
    assert.equal(`${answer.status} ${body.code}`, wanted, `${line}: ${answer.text}`);
    assert.equal(body.status, answer.status);
    assert.equal(body.type, `urn:skein:problem:${body.code}`);
    const isWrite = !/^(GET|HEAD|OPTIONS) /.test(line);
    assert.equal("outcome" in body, isWrite, `${line}: ${answer.text}`);
    assert.doesNotMatch(body.detail, /\.$/);
    const { detail, outcome, retryable, issues = [] } = body;
    return { detail, outcome, retryable, issues, body, headers: answer.headers };
  }

  async put(key: string, value: BodyInit, headers: HeadersInit = {}): Promise<number> {
    const answer = await this.ask(`PUT /v1/kv/${key}`, { body: value, headers });
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    return JSON.parse(answer.text).revision;
  }
}

/** A request with a body of JSON. */
export function jsonInit(
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RequestInit {
  return {
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  };
}

/** A clock whose timers fire when the test says so. */
export class HandClock implements HttpClock {
  nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(byMs: number): void {
    this.nowMs += byMs;
    const due = this.#timers.filter((timer) => timer.atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.nowMs);
    for (const timer of due) timer.run();
  }

  yield(): Promise<void> {
    return Promise.resolve();
  }
}
