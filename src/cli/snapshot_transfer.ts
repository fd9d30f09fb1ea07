/** Backups between files and a cluster: of any length, and never in memory as a whole. */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { AnswerError, UnreachableError } from "../client/errors.ts";
import { type PlainAnswer, readAnswer } from "../client/problem.ts";
import { reasonOf } from "../client/silence.ts";
import { SilentError, whileAlive } from "./signs_of_life.ts";
import { WholeFile } from "./whole_file.ts";

const pieceBytes = 256 * 1024;
/** So many attempts in a row may come no further than one before them has come. */
const attemptsMax = 5;
/** After this everybody is asked again where nobody has answered, ms. */
const restMs = 500;

/** What was downloaded. */
export interface Downloaded {
  readonly revision: number;
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

interface Asked {
  readonly endpoints: readonly string[];
  /** For so long nothing may come, ms. */
  readonly pauseMs: number;
}

/**
 * Writes a backup of the cluster to `path`, which is there as a whole or not at all. Goes on where
 * a connection breaks, for as long as its node keeps the backup; with another node it begins anew.
 */
export async function download(path: string, asked: Asked): Promise<Downloaded> {
  const file = new WholeFile(path);
  try {
    const downloaded = await new Download(file, asked).run();
    file.finish();
    return downloaded;
  } finally {
    file.close();
  }
}

/** One backup on its way, or one after the other. */
class Download {
  readonly #file: WholeFile;
  readonly #asked: Asked;
  #hash = createHash("sha256");
  #tag = "";
  /** Whom to ask, in this order. */
  #endpoints: readonly string[];
  /** The most that was there of any backup. */
  #furthest = 0;

  constructor(file: WholeFile, asked: Asked) {
    this.#file = file;
    this.#asked = asked;
    this.#endpoints = asked.endpoints;
  }

  async run(): Promise<Downloaded> {
    for (let attempts = 1;; attempts++) {
      try {
        return await this.#attempt();
      } catch (error) {
        const { bytes } = this.#file;
        if (bytes > this.#furthest) attempts = 1;
        this.#furthest = Math.max(this.#furthest, bytes);
        if (attempts >= attemptsMax || !this.#mayGoOn(error)) throw error;
        // Somebody was there before: a node that is started again, or another leader, may be.
        if (!isBroken(error)) await new Promise((resolve) => setTimeout(resolve, restMs));
      }
    }
  }

  /** Everybody was asked once: where nothing has ever come, that is the answer. */
  #mayGoOn(error: unknown): boolean {
    if (isBroken(error)) return true;
    const isCurable = error instanceof UnreachableError ||
      (error instanceof AnswerError && error.retryable);
    return isCurable && this.#furthest > 0;
  }

  async #attempt(): Promise<Downloaded> {
    const file = this.#file;
    const headers = file.bytes === 0
      ? {}
      : { "range": `bytes=${file.bytes}-`, "if-range": this.#tag };
    const asked = { ...this.#asked, endpoints: this.#endpoints };
    const { response, endpoint } = await openAny(asked, headers);
    if (response.status !== 206) {
      // All of another one: what has come of the first is of no use.
      this.#hash = createHash("sha256");
      file.clear();
    }
    this.#tag = response.headers.get("etag") ?? "";
    try {
      for await (const piece of pieces(response, asked.pauseMs)) {
        file.append(piece);
        this.#hash.update(piece);
      }
    } catch (error) {
      // The others have none of that name; but who is frozen would be waited for once more.
      const others = this.#endpoints.filter((each) => each !== endpoint);
      const isSilent = isBroken(error) && error.cause instanceof SilentError;
      this.#endpoints = isSilent ? [...others, endpoint] : [endpoint, ...others];
      throw error;
    }
    const sha256 = this.#hash.digest();
    const told = response.headers.get("repr-digest") ?? "";
    if (!told.includes(sha256.toString("base64"))) {
      throw new Error(`What came from ${endpoint} is not the backup that it announced: ${told}`);
    }
    const revision = Number(response.headers.get("kv-revision"));
    return { revision, bytes: file.bytes, sha256: sha256.toString("hex") };
  }
}

/** As {@link RequestInit}; Bun would give up after five minutes without a byte. */
const patiently: { readonly redirect: "manual"; readonly timeout: false } = {
  redirect: "manual",
  timeout: false,
};

/** The first endpoint that answers; the error of the last one where none does. */
async function openAny(
  { endpoints, pauseMs }: Asked,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly response: Response; readonly endpoint: string }> {
  let last: unknown;
  for (const endpoint of endpoints) {
    try {
      const answer = await whileAlive({ endpoint, pauseMs }, async (signal) => {
        const init = { ...patiently, headers, signal };
        const response = await fetch(`${endpoint}/v1/snapshot`, init);
        return response.ok ? response : await readAnswer(response, { kind: "read", url: endpoint });
      });
      if (answer instanceof Response) return { response: answer, endpoint };
      if (answer instanceof AnswerError && !answer.retryable) throw answer;
      last = answer;
    } catch (error) {
      if (error instanceof AnswerError) throw error;
      last = unreachable(endpoint, error, undefined);
    }
  }
  throw last;
}

/** Sends `path` to the first endpoint that takes it, and waits for what becomes of it. */
export async function upload(
  path: string,
  query: string,
  { endpoints, pauseMs, sha256 }: Asked & { readonly sha256: Uint8Array },
): Promise<PlainAnswer> {
  const timeout = `timeout=${Math.min(pauseMs, 60_000)}ms`;
  const digest = `sha-256=:${sha256.toBase64()}:`;
  let last: unknown;
  for (const endpoint of endpoints) {
    const body = new FileBody(path);
    try {
      const answer = await whileAlive({ endpoint, pauseMs }, async (signal) => {
        const init: RequestInit & { readonly duplex: "half" } = {
          ...{ ...patiently, method: "PUT", body: body.stream, duplex: "half", signal },
          headers: { "content-type": "application/vnd.skein.backup", "repr-digest": digest },
        };
        const response = await fetch(`${endpoint}/v1/snapshot?${timeout}${query}`, init);
        return await readAnswer(response, { kind: "write", url: endpoint });
      });
      if (!(answer instanceof AnswerError)) return answer;
      // Such as one that ends, or that sees no leader: another one may do it.
      if (!answer.retryable || answer.outcome !== "not_applied") throw answer;
      last = answer;
    } catch (error) {
      if (error instanceof AnswerError) throw error;
      // Restored is only what came as a whole.
      last = unreachable(endpoint, error, body.isRead ? "unknown" : "not_applied");
      if (body.isRead) break;
    } finally {
      body.close();
    }
  }
  throw last;
}

/** A file as a body, read as fast as it is sent. */
class FileBody {
  readonly #descriptor: number;
  #isOpen = true;
  #at = 0;
  /** Nothing of it is left to be sent. */
  isRead = false;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;

  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
    this.stream = new ReadableStream({
      pull: (controller) => {
        // The number of the file may be another one's by now.
        if (!this.#isOpen) return controller.error(new Error("Nobody waits for it any more"));
        const piece = new Uint8Array(pieceBytes);
        const count = readSync(this.#descriptor, piece, 0, pieceBytes, this.#at);
        this.#at += count;
        if (count > 0) return controller.enqueue(piece.subarray(0, count));
        this.isRead = true;
        controller.close();
      },
    }, { highWaterMark: 0 });
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }
}

/** The connection gave up, or is so still that it is given up. */
class BrokenError extends Error {
  override readonly name = "BrokenError";
}

function isBroken(error: unknown): error is BrokenError {
  return error instanceof BrokenError;
}

async function* pieces(response: Response, pauseMs: number): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const next = await inTime(reader.read(), pauseMs);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function inTime<T>(work: Promise<T>, pauseMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        const text = `Nothing more came within ${pauseMs} ms`;
        reject(new BrokenError(text, { cause: new SilentError(text) }));
      },
      pauseMs,
    );
  });
  try {
    return await Promise.race([
      work.catch((error: unknown) => {
        throw new BrokenError(`The connection broke: ${reasonOf(error)}`);
      }),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(
  endpoint: string,
  error: unknown,
  outcome: "unknown" | "not_applied" | undefined,
): UnreachableError {
  const isSilent = error instanceof SilentError;
  const why = isSilent ? error.message : reasonOf(error);
  const code = isSilent ? "timeout" : "unreachable";
  return new UnreachableError(`${endpoint}: ${why}`, { code, outcome });
}
