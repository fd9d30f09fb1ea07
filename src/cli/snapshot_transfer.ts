/** Backups between files and a cluster: of any length, and never in memory as a whole. */

import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { AnswerError, UnreachableError } from "../client/errors.ts";
import { type PlainAnswer, readAnswer } from "../client/problem.ts";
import { reasonOf } from "../client/silence.ts";

const pieceBytes = 256 * 1024;
/** So many times a download goes on where it broke off without that a byte more has come. */
const attemptsMax = 5;

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
 * a connection breaks, for as long as its node keeps the backup.
 */
export async function download(path: string, asked: Asked): Promise<Downloaded> {
  const beside = `${path}.part`;
  const descriptor = openSync(beside, "w", 0o600);
  try {
    const downloaded = await downloadTo(descriptor, asked);
    fsyncSync(descriptor);
    renameSync(beside, path);
    return downloaded;
  } finally {
    closeSync(descriptor);
    rmSync(beside, { force: true });
  }
}

async function downloadTo(descriptor: number, asked: Asked): Promise<Downloaded> {
  let hash = createHash("sha256");
  let bytes = 0;
  let tag = "";
  let endpoints = asked.endpoints;
  for (let attempts = 0;;) {
    const headers = bytes === 0 ? {} : { "range": `bytes=${bytes}-`, "if-range": tag };
    const { response, endpoint } = await openAny({ ...asked, endpoints }, headers);
    if (response.status !== 206) {
      // All of another one: what has come of the first is of no use.
      hash = createHash("sha256");
      bytes = 0;
      ftruncateSync(descriptor, 0);
    }
    tag = response.headers.get("etag") ?? "";
    const before = bytes;
    try {
      for await (const piece of pieces(response, asked.pauseMs)) {
        writeAll(descriptor, piece, bytes);
        hash.update(piece);
        bytes += piece.length;
      }
    } catch (error) {
      attempts = bytes > before ? 1 : attempts + 1;
      if (attempts >= attemptsMax || !isBroken(error)) throw error;
      // The others have none of that name.
      endpoints = [endpoint];
      continue;
    }
    const sha256 = hash.digest();
    const told = response.headers.get("repr-digest") ?? "";
    if (!told.includes(sha256.toString("base64"))) {
      throw new Error(`What came from ${endpoint} is not the backup that it announced: ${told}`);
    }
    const revision = Number(response.headers.get("kv-revision"));
    return { revision, bytes, sha256: sha256.toString("hex") };
  }
}

/** One call may write less than it was given. */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}

/** The first endpoint that answers; the error of the last one where none does. */
async function openAny(
  { endpoints }: Asked,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly response: Response; readonly endpoint: string }> {
  let last: unknown;
  for (const endpoint of endpoints) {
    try {
      const response = await fetch(`${endpoint}/v1/snapshot`, { headers, redirect: "manual" });
      if (response.ok) return { response, endpoint };
      const answer = await readAnswer(response, { kind: "read", url: endpoint });
      if (answer instanceof AnswerError && !answer.retryable) throw answer;
      last = answer;
    } catch (error) {
      if (error instanceof AnswerError) throw error;
      last = unreachable(endpoint, error, undefined);
    }
  }
  throw last;
}

/** Sends `path` to the first endpoint that can be reached, and waits for what becomes of it. */
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
      const init: RequestInit & { readonly duplex: "half" } = {
        ...{ method: "PUT", body: body.stream, duplex: "half", redirect: "manual" },
        headers: { "content-type": "application/vnd.skein.backup", "repr-digest": digest },
      };
      const response = await fetch(`${endpoint}/v1/snapshot?${timeout}${query}`, init);
      const answer = await readAnswer(response, { kind: "write", url: endpoint });
      if (answer instanceof AnswerError) throw answer;
      return answer;
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

function isBroken(error: unknown): boolean {
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
      () => reject(new BrokenError(`Nothing more came within ${pauseMs} ms`)),
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
  const why = isBroken(error) && error instanceof Error ? error.message : reasonOf(error);
  return new UnreachableError(`${endpoint}: ${why}`, { code: "unreachable", outcome });
}
