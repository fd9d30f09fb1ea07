/** The runtime on Deno: node:sqlite, Deno.serve, web Workers. */

import { formatHostPort } from "../lib/host_port.ts";
import { fileBody } from "./deno/file_body.ts";
import { inPieces, untaken } from "./deno/in_pieces.ts";
import runFlags from "./deno/run_flags.json" with { type: "json" };
import { DenoDatabase } from "./deno/sqlite.ts";
import { ListenError } from "./listen_error.ts";
import type {
  HttpConnection,
  HttpServeOptions,
  HttpServer,
  Runtime,
  RuntimeWorker,
} from "./mod.ts";
import { sqliteVersionOf } from "./sqlite_text.ts";

/**
 * The runtime of this process. Of the flags it starts others with, the one about aborts is for Deno
 * 2.9.3, which aborts a request's signal after every answer and says so on stderr: {@link
 * serveRequest} hides the abort, the flag also silences the line. The last one is decision 28.
 */
export function createRuntime(): Runtime {
  return {
    name: "deno",
    version: Deno.version.deno,
    get sqliteVersion() {
      return sqliteVersionOf(new DenoDatabase(":memory:", {}));
    },
    args: Deno.args,
    env: (name) => Deno.env.get(name),
    environment: () => Deno.env.toObject(),
    selfCommand: Deno.build.standalone
      ? [Deno.execPath()]
      : [Deno.execPath(), "run", ...runFlags, Deno.mainModule],
    openSqlite: (path, options) => new DenoDatabase(path, options ?? {}),
    serveHttp,
    fileBody,
    spawnWorker,
    onSignal,
    exit: (code) => Deno.exit(code),
  };
}

async function serveHttp(options: HttpServeOptions): Promise<HttpServer> {
  const requests = new Requests();
  const cut = new AbortController();
  const at = { hostname: options.hostname, port: options.port };
  const listening = Promise.withResolvers<number>();
  try {
    const server = Deno.serve(
      {
        ...at,
        signal: cut.signal,
        onListen: (address) => listening.resolve(address.port),
        onError: (error) =>
          error === endOfConnection || error === untaken ? refusal(500) : options.onError(error),
      },
      (request, info) => requests.serve(request, info, options),
    );
    server.finished.catch((error) => listening.reject(error));
    const port = await listening.promise;
    return {
      hostname: options.hostname,
      port,
      close: async (graceMs) => {
        // The last answer may still be on its way out of a drained server; abort would cut it off.
        if (await requests.drained(graceMs)) return server.shutdown();
        cut.abort();
        await server.finished;
      },
    };
  } catch (error) {
    throw new ListenError({ host: options.hostname, port: options.port }, error);
  }
}

/**
 * The requests under way. Deno's own graceful shutdown cannot be cut short once begun, so the
 * waiting is done here: while draining, new requests are turned away and told to close.
 */
class Requests {
  #underWay = 0;
  #draining = false;
  #onEmpty: (() => void) | undefined;

  serve(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
    options: HttpServeOptions,
  ): Response | Promise<Response> {
    if (this.#draining) return closing(request, refusal(503));
    this.#underWay++;
    const finished = (): void => {
      this.#underWay--;
      if (this.#underWay === 0) this.#onEmpty?.();
    };
    info.completed.then(finished, finished);
    return serveRequest(request, info, options);
  }

  /** True once none is under way, false when that takes longer than `graceMs`. */
  async drained(graceMs: number): Promise<boolean> {
    this.#draining = true;
    if (this.#underWay === 0) return true;
    const empty = Promise.withResolvers<void>();
    const overdue = setTimeout(empty.resolve, graceMs);
    this.#onEmpty = empty.resolve;
    await empty.promise;
    clearTimeout(overdue);
    return this.#underWay === 0;
  }
}

function refusal(status: number): Response {
  return new Response(null, { status, headers: { connection: "close" } });
}

async function serveRequest(
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  options: HttpServeOptions,
): Promise<Response> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > options.requestBytesMax) {
    return closing(request, refusal(413));
  }
  const tooLarge = Promise.withResolvers<Response>();
  const bounded = length === null && request.body !== null
    ? boundedBody(request, options.requestBytesMax, () => tooLarge.resolve(refusal(413)))
    : request;
  const answered = watchGone(request, bounded);
  const connection = new DenoConnection(info);
  const handled = options.fetch(bounded, connection);
  try {
    const answer =
      await (bounded === request ? handled : Promise.race([handled, tooLarge.promise]));
    if (answer.headers.get("connection") === "close") return closing(request, answer);
    return connection.isWatched ? await inPieces(answer) : answer;
  } finally {
    answered();
  }
}

/** What {@link closing} ends an answer with. */
const endOfConnection = new Error("The answer was the last one on its connection");

/**
 * Deno 2.9.3 sends `Connection: close` and keeps the connection. It does close one whose answer
 * fails while it is sent: this one fails behind its last byte, which Content-Length has announced,
 * so that the client misses nothing. Where a body is still on its way, or the client asked for it,
 * Deno says `close` itself, and need not say it twice.
 */
async function closing(request: Request, answer: Response): Promise<Response> {
  const { status, headers } = answer;
  const isWanted = /\bclose\b/i.test(request.headers.get("connection") ?? "");
  if (isWanted || request.body !== null) headers.delete("connection");
  if (isWanted || request.method === "HEAD") return answer;
  const content = await answer.bytes();
  headers.set("content-length", String(content.length));
  let isSent = content.length === 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (isSent) return controller.error(endOfConnection);
      isSent = true;
      controller.enqueue(content);
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status, headers });
}

/** A chunked body announces no length: it is counted while it is read. */
function boundedBody(request: Request, bytesMax: number, onTooLarge: () => void): Request {
  let bytes = 0;
  const counted = request.body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        bytes += chunk.length;
        if (bytes <= bytesMax) return controller.enqueue(chunk);
        onTooLarge();
        controller.error(new Error(`The request body is larger than ${bytesMax} bytes`));
      },
    }),
  );
  return new Request(request, { body: counted ?? null });
}

/**
 * Gives `shown` a signal that aborts only when the client went away before the answer: Deno's own
 * one also aborts after every successful answer, unless told otherwise by a flag. It is made when
 * it is first asked for, because most handlers never look. Returns what marks the answer as given.
 */
function watchGone(original: Request, shown: Request): () => void {
  let answered = false;
  let gone: AbortController | undefined;
  const watch = (): AbortController => {
    const controller = new AbortController();
    const native: AbortSignal = Reflect.get(Request.prototype, "signal", original);
    const forward = (): void => {
      if (!answered) controller.abort(native.reason);
    };
    if (native.aborted) forward();
    else native.addEventListener("abort", forward, { once: true });
    return controller;
  };
  Object.defineProperty(shown, "signal", { get: () => (gone ??= watch()).signal });
  return () => {
    answered = true;
  };
}

class DenoConnection implements HttpConnection {
  /** Somebody wants to know when the answer has left. */
  isWatched = false;
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;

  constructor(info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.#info = info;
  }

  get remoteAddress(): string {
    const { hostname, port } = this.#info.remoteAddr;
    return formatHostPort({ host: hostname, port });
  }

  onAnswered(handler: () => void): void {
    this.isWatched = true;
    this.#info.completed.then(handler, handler);
  }

  /** Deno closes no connection for being idle. */
  keepOpen(): void {}
}

function spawnWorker(): RuntimeWorker {
  const worker = new Worker(new URL("../worker_deno.ts", import.meta.url), { type: "module" });
  return {
    postMessage: (message, transfer) => worker.postMessage(message, [...(transfer ?? [])]),
    onMessage: (handler) => {
      worker.addEventListener("message", (event) => handler(event.data));
    },
    onError: (handler) => {
      worker.addEventListener("error", (event) => {
        // Unhandled, a worker's error would end the whole program.
        event.preventDefault();
        handler(new Error(event.message));
      });
    },
    terminate: () => worker.terminate(),
  };
}

function onSignal(handler: (signal: "SIGINT" | "SIGTERM") => void): () => void {
  const interrupt = (): void => handler("SIGINT");
  const terminate = (): void => handler("SIGTERM");
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", terminate);
  return () => {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", terminate);
  };
}
