/** The runtime on Bun: Bun.serve, web Workers, and bun:sqlite. */

import http from "node:http";
import { formatHostPort } from "../lib/host_port.ts";
import { LeavingAnswers } from "./bun/leaving_answers.ts";
import { BunDatabase } from "./bun/sqlite.ts";
import { ListenError } from "./listen_error.ts";
import {
  type HttpConnection,
  type HttpServeOptions,
  type HttpServer,
  requestHeadBytesMax,
  type Runtime,
  type RuntimeWorker,
} from "./mod.ts";
import { sqliteVersionOf } from "./sqlite_text.ts";

/** Longer than any bounded request (timeout 60 s and wait 60 s); Bun's own default is 10 s. */
const idleTimeoutSeconds = 180;

/** The runtime of this process. */
export function createRuntime(): Runtime {
  return {
    name: "bun",
    version: Bun.version,
    get sqliteVersion() {
      return sqliteVersionOf(new BunDatabase(":memory:", {}));
    },
    args: Bun.argv.slice(2),
    env: (name) => process.env[name],
    environment: () => definedOnly(process.env),
    selfCommand: isCompiled() ? [process.execPath] : [process.execPath, Bun.main],
    openSqlite: (path, options) => new BunDatabase(path, options ?? {}),
    serveHttp,
    fileBody: (path, { start, end }) => Bun.file(path).slice(start, end),
    spawnWorker,
    onSignal,
    exit: (code) => process.exit(code),
  };
}

/** A compiled program finds its modules in a file system of its own, under one of these roots. */
function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN[\\/]/.test(Bun.main);
}

function definedOnly(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  return defined;
}

function serveHttp(options: HttpServeOptions): Promise<HttpServer> {
  try {
    // Bun.serve has no option for it, and obeys this one (16 KiB when it is not set).
    Reflect.set(http, "maxHeaderSize", requestHeadBytesMax);
    const answers = new LeavingAnswers();
    const server = Bun.serve({
      hostname: options.hostname,
      port: options.port,
      idleTimeout: idleTimeoutSeconds,
      maxRequestBodySize: options.requestBytesMax,
      fetch: (request, bun) => options.fetch(request, new BunConnection(request, bun, answers)),
      error: (error) => options.onError(error),
    });
    return Promise.resolve({
      hostname: options.hostname,
      port: server.port ?? options.port,
      close: (graceMs) => close(server, graceMs),
    });
  } catch (error) {
    return Promise.reject(new ListenError({ host: options.hostname, port: options.port }, error));
  }
}

class BunConnection implements HttpConnection {
  readonly #request: Request;
  readonly #server: Bun.Server<undefined>;
  readonly #answers: LeavingAnswers;

  constructor(request: Request, server: Bun.Server<undefined>, answers: LeavingAnswers) {
    this.#request = request;
    this.#server = server;
    this.#answers = answers;
  }

  get remoteAddress(): string {
    const peer = this.#server.requestIP(this.#request);
    return peer === null ? "unknown" : formatHostPort({ host: peer.address, port: peer.port });
  }

  onAnswered(handler: () => void): void {
    // Bun forgets where the client is once it has nothing more to tell it.
    const hasLeft = (): boolean => this.#server.requestIP(this.#request) === null;
    this.#answers.watch({ hasLeft, handler });
  }

  keepOpen(): void {
    this.#server.timeout(this.#request, 0);
  }
}

async function close(server: Bun.Server<undefined>, graceMs: number): Promise<void> {
  const cut = setTimeout(() => void server.stop(true), graceMs);
  await server.stop(false);
  clearTimeout(cut);
}

function spawnWorker(): RuntimeWorker {
  const worker = new Worker(workerUrl());
  return {
    postMessage: (message, transfer) => worker.postMessage(message, [...(transfer ?? [])]),
    onMessage: (handler) => {
      worker.addEventListener("message", (event) => handler(event.data));
    },
    onError: (handler) => {
      worker.addEventListener("error", (event) => handler(new Error(event.message)));
    },
    terminate: () => worker.terminate(),
  };
}

/** In the compiled program the entry files lie side by side, beside no `runtime` folder. */
function workerUrl(): string {
  return isCompiled()
    ? new URL("./worker_bun.ts", import.meta.url).href
    : new URL("../worker_bun.ts", import.meta.url).href;
}

function onSignal(handler: (signal: "SIGINT" | "SIGTERM") => void): () => void {
  const interrupt = (): void => handler("SIGINT");
  const terminate = (): void => handler("SIGTERM");
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", terminate);
  return () => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", terminate);
  };
}
