/**
 * What Bun and Deno do differently, and nothing else: whatever a web standard or a shared `node:`
 * module covers is used directly. runtime/bun.ts and runtime/deno.ts implement this; the entry file
 * (main_bun.ts, main_deno.ts) picks one.
 */

/** The process and the machine around the program. */
export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  /** SQLite's own version, e.g. "3.54.1". */
  readonly sqliteVersion: string;
  /** Command-line arguments behind the program's name. */
  readonly args: readonly string[];
  env(name: string): string | undefined;
  environment(): Readonly<Record<string, string>>;
  /** How this very program is started again, for child processes: executable first. */
  readonly selfCommand: readonly string[];
  openSqlite(path: string, options?: SqliteOptions): SqliteDatabase;
  serveHttp(options: HttpServeOptions): Promise<HttpServer>;
  /**
   * A part of a file as the body of an answer, read as fast as the client takes it. Bun says how
   * long it is and what nobody else can; elsewhere the answer's Content-Length has to.
   */
  fileBody(path: string, part: FilePart): Blob | ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Starts the one worker file (worker_bun.ts, worker_deno.ts). */
  spawnWorker(): RuntimeWorker;
  /** Calls `handler` on SIGINT and SIGTERM until the returned function is called. */
  onSignal(handler: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  exit(code: number): never;
}

/** How a database file is opened. */
export interface SqliteOptions {
  readonly readonly?: boolean;
  /** False: opening a file that is not there is an error. */
  readonly create?: boolean;
}

/** Bytes from `start` up to `end`, which is left out. */
export interface FilePart {
  readonly start: number;
  readonly end: number;
}

/** Values that SQLite stores. Integers above 2^53 − 1 never reach it. */
export type SqliteValue = null | number | string | Uint8Array;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** One connection. Everything is synchronous; errors are {@link SqliteError}. */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/** Prepared once, run often; text with a NUL is refused. */
export interface SqliteStatement {
  /** The number of rows changed. */
  run(...values: readonly SqliteValue[]): number;
  get(...values: readonly SqliteValue[]): SqliteRow | undefined;
  all(...values: readonly SqliteValue[]): readonly SqliteRow[];
  /**
   * Like {@link all}, each row as its columns in order and without their names: on Deno in half the
   * time where they are many. To be used with columns that the statement names.
   */
  values(...values: readonly SqliteValue[]): readonly (readonly SqliteValue[])[];
  finalize(): void;
}

/** Both drivers' errors in one form. */
export class SqliteError extends Error {
  override readonly name = "SqliteError";
  /**
   * SQLite's extended result code: 13 is SQLITE_FULL, 10 SQLITE_IOERR and its low byte, 5
   * SQLITE_BUSY.
   */
  readonly resultCode: number;

  constructor(message: string, resultCode: number) {
    super(message);
    this.resultCode = resultCode;
  }
}

/**
 * The largest head of a request, target and headers together, bytes: Deno's, which cannot be set. A
 * larger one is answered by the runtime itself (Bun with 431, Deno with 400).
 */
export const requestHeadBytesMax = 64 * 1024;

/** Where to listen and who answers. */
export interface HttpServeOptions {
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /**
   * The request's signal aborts when the client goes away before the answer is returned; a streamed
   * body learns of it by its `cancel`. An answer with `Connection: close` is the last one on its
   * connection; the client reads that header once, or not at all when it has sent a body.
   */
  readonly fetch: (
    request: Request,
    connection: HttpConnection,
  ) => Response | Promise<Response>;
  /**
   * Larger request bodies are cut off by the runtime; the application has a finer limit of its own.
   */
  readonly requestBytesMax: number;
  readonly onError: (error: unknown) => Response;
}

/** The connection that a request came on. */
export interface HttpConnection {
  /** `host:port` of the client. */
  readonly remoteAddress: string;
  /**
   * Calls `handler` soon after the answer has left, or nobody is there to take it any more. To be
   * called before the answer is returned.
   */
  onAnswered(handler: () => void): void;
  /** Lifts the runtime's idle time-out for this answer: watches and holds are open for long. */
  keepOpen(): void;
}

/** A listener that is open. */
export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  /** Refuses new connections, lets requests under way finish for at most `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

/** A web Worker in which jobs are asked for by name. */
export interface RuntimeWorker {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(handler: (message: unknown) => void): void;
  onError(handler: (error: Error) => void): void;
  terminate(): void;
}
