/** The command line, run inside the test: what it wrote and its exit code come back. */

import { readFileSync } from "node:fs";
import { main } from "../../src/cli/main.ts";
import type { InspectBackup, RecoverNode, StartServer } from "../../src/cli/server_port.ts";
import { inspectBackup } from "../../src/server_backup_file.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { Runtime } from "../../src/runtime/mod.ts";
import { currentRuntime } from "./runtime.ts";

/** Remembers what was written; keys are pressed by hand. */
export class RecordingTerminal implements Terminal {
  readonly #chunks: Uint8Array[] = [];
  readonly errors: string[] = [];
  readonly columns = 200;
  readonly isInteractive: boolean;
  isReaderGone = false;
  readonly #input: Uint8Array;
  #press: (key: string) => void = () => {};

  constructor(options: { readonly input?: Uint8Array; readonly isInteractive?: boolean } = {}) {
    this.#input = options.input ?? new Uint8Array(0);
    this.isInteractive = options.isInteractive ?? false;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#chunks.flatMap((chunk) => [...chunk]));
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  write(data: string | Uint8Array): Promise<void> {
    this.#chunks.push(typeof data === "string" ? new TextEncoder().encode(data) : data);
    return Promise.resolve();
  }

  warn(line: string): void {
    this.errors.push(line);
  }

  readInput(): Promise<Uint8Array> {
    return Promise.resolve(this.#input);
  }

  readFile(path: string): Uint8Array {
    return new Uint8Array(readFileSync(path));
  }

  onKey(handler: (key: string) => void): () => void {
    this.#press = handler;
    return () => {
      this.#press = () => {};
    };
  }

  press(key: string): void {
    this.#press(key);
  }
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: RecordingTerminal;
  readonly startServer?: StartServer;
  readonly recoverNode?: RecoverNode;
  /** The real one unless given. */
  readonly inspectBackup?: InspectBackup;
  /** Overrides more of the runtime. */
  readonly runtime?: Partial<Runtime>;
}

export interface CliOutcome {
  readonly code: number;
  readonly out: string;
  readonly bytes: Uint8Array;
  readonly errors: readonly string[];
}

const inherited = await currentRuntime();

/** `words` is the command line behind `skein`. */
export async function runCli(
  words: readonly string[],
  options: CliOptions = {},
): Promise<CliOutcome> {
  const terminal = options.terminal ?? new RecordingTerminal();
  const env = options.env ?? {};
  const runtime: Runtime = {
    ...inherited,
    sqliteVersion: inherited.sqliteVersion,
    args: words,
    env: (name) => env[name],
    environment: () => env,
    onSignal: () => () => {},
    ...options.runtime,
  };
  const startServer = options.startServer ??
    (() => Promise.reject(new Error("This test starts no server")));
  const recoverNode = options.recoverNode ??
    (() => Promise.reject(new Error("This test recovers no node")));
  const inspect = options.inspectBackup ?? inspectBackup;
  const code = await main({ runtime, startServer, recoverNode, inspectBackup: inspect, terminal });
  return { code, out: terminal.text, bytes: terminal.bytes, errors: terminal.errors };
}
