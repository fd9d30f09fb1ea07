/**
 * What a process said to the kernel, in order, as strace saw it: who received what, what was
 * synced, what was sent. For tests of durability, which no kill can replace: the page cache
 * survives a kill.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { codec, type Wire } from "../../src/grpc/codec.ts";
import { concatBytes, equalBytes, utf8 } from "../../src/lib/bytes.ts";
import { until } from "./wait.ts";

export type SystemCall =
  /** Bytes arrived, or left, on this socket. */
  | { readonly kind: "received" | "sent"; readonly socket: string; readonly bytes: Uint8Array }
  /** This file is on the disk. */
  | { readonly kind: "synced"; readonly file: string };

/** Why system calls cannot be watched here; undefined where they can. */
export function straceObstacle(): string | undefined {
  const found = spawnSync("strace", ["-V"], { stdio: "ignore" });
  if (found.error !== undefined || found.status !== 0) return "strace is not installed";
  const tried = spawnSync("strace", ["-o", "/dev/null", "true"], { stdio: "ignore" });
  return tried.status === 0 ? undefined : "strace may not trace here";
}

/** Watches a running process until `stop`. */
export class SystemCallTrace {
  readonly #strace: ChildProcess;
  readonly #path: string;

  constructor(pid: number, path: string) {
    this.#path = path;
    const calls = "trace=network,read,write,readv,writev,fdatasync,fsync";
    const args = ["-f", "-p", String(pid), "-e", calls, "-yy", "-xx", "-s", "65536", "-o", path];
    this.#strace = spawn("strace", args, { stdio: "ignore" });
  }

  /** Resolves once it watches: the first call of a busy process is in its file. */
  async attached(): Promise<void> {
    const written = () => existsSync(this.#path) && readFileSync(this.#path).length > 0;
    await until(written, { what: "strace to attach" });
  }

  /**
   * Detaches and tells what was seen, in the order of completion (of sends: of their beginning).
   */
  async stop(): Promise<readonly SystemCall[]> {
    const ended = new Promise((resolve) => this.#strace.on("exit", resolve));
    this.#strace.kill("SIGINT");
    await ended;
    return parseTrace(readFileSync(this.#path, "latin1"));
  }
}

const nameOf = /^(\w+)\(\d+<([^>]*(?:->[^>]*)?)>/;

/** Joins the two halves of interrupted calls, and keeps what matters of each. */
export function parseTrace(text: string): readonly SystemCall[] {
  const begun = new Map<string, string>();
  const calls: SystemCall[] = [];
  for (const line of text.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (rest.endsWith("<unfinished ...>")) {
      const head = rest.slice(0, -"<unfinished ...>".length);
      begun.set(thread, head);
      // A send counts from its beginning: afterwards the bytes may be anywhere.
      if (isSend(head)) note(head, calls);
      continue;
    }
    const head = begun.get(thread);
    begun.delete(thread);
    if (resumed === null) note(rest, calls);
    else if (head !== undefined && !isSend(head)) note(head + resumed[1], calls);
  }
  return calls;
}

function isSend(call: string): boolean {
  return /^(sendto|sendmsg|write|writev)\(/.test(call);
}

function note(call: string, calls: SystemCall[]): void {
  const [, name = "", target = ""] = nameOf.exec(call) ?? [];
  if (name === "fsync" || name === "fdatasync") {
    if (/\)\s+= 0$/.test(call)) calls.push({ kind: "synced", file: unescaped(target) });
  } else if (target.startsWith("TCP")) {
    const length = isSend(call) ? Infinity : Number(/= (\d+)$/.exec(call)?.[1] ?? 0);
    const bytes = bytesOf(call).subarray(0, length);
    calls.push({ kind: isSend(call) ? "sent" : "received", socket: target, bytes });
  }
}

/** All quoted strings of the call, one after the other; with -xx each byte is \xNN. */
function bytesOf(call: string): Uint8Array {
  const parts = [...call.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, text = ""]) =>
    Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (digits) => parseInt(digits, 16))
  );
  return concatBytes(parts);
}

/** File names are written as \xNN as well. */
function unescaped(text: string): string {
  return text.replace(
    /\\x([0-9a-f]{2})/g,
    (_, digits: string) => String.fromCharCode(parseInt(digits, 16)),
  );
}

const frameCodec = codec("skein.raft.v1.Frame");
/** What a client of HTTP/2 says first (RFC 9113, §3.4). */
const preface = utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const http2HeaderBytes = 9;
const grpcHeaderBytes = 5;
const dataFrame = 0;

/** The envelopes in one direction of a peer's HTTP/2 connection, fed piece by piece. */
export class EnvelopeReader {
  #pending: Uint8Array = new Uint8Array();

  feed(bytes: Uint8Array): readonly Wire["skein.raft.v1.Envelope"][] {
    this.#pending = concatBytes([this.#pending, bytes]);
    const envelopes: Wire["skein.raft.v1.Envelope"][] = [];
    // Of a connection that was opened while we watch.
    if (equalBytes(this.#pending.subarray(0, preface.length), preface)) {
      this.#pending = this.#pending.slice(preface.length);
    }
    for (;;) {
      const head = this.#pending;
      if (head.length < http2HeaderBytes) return envelopes;
      const length = (head[0]! << 16) | (head[1]! << 8) | head[2]!;
      const end = http2HeaderBytes + length;
      if (head.length < end) return envelopes;
      this.#pending = head.slice(end);
      if (head[3] !== dataFrame || length < grpcHeaderBytes) continue;
      const message = head.subarray(http2HeaderBytes + grpcHeaderBytes, end);
      envelopes.push(...frameCodec.decode(message).envelopes);
    }
  }
}
