/** One node of a local cluster: a process of this same program, started, watched and stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who the node is and how its program is started. */
export interface DevNodeOptions {
  readonly id: number;
  /** The data directory; `pid` and `log` lie in it, too. */
  readonly folder: string;
  readonly httpPort: number;
  readonly rpcPort: number;
  /** The program and the arguments before `start`. */
  readonly selfCommand: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The process has ended without being told to. */
  readonly onDied: (node: DevNode, how: string) => void;
}

/** At most one process at a time, started again as often as wanted. */
export class DevNode {
  readonly #options: DevNodeOptions;
  #process: ChildProcess | undefined;
  #isStopping = false;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: DevNodeOptions) {
    this.#options = options;
  }

  get id(): number {
    return this.#options.id;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#options.httpPort}`;
  }

  get rpcAddress(): string {
    return `127.0.0.1:${this.#options.rpcPort}`;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  get logFile(): string {
    return join(this.#options.folder, "log");
  }

  /** Not detached: the process stays in this one's group and gets the terminal's signals. */
  start(): void {
    const { folder, selfCommand, environment } = this.#options;
    mkdirSync(folder, { recursive: true });
    const log = openSync(this.logFile, "a");
    const [program = "", ...before] = selfCommand;
    const child = spawn(program, [...before, ...this.#startArguments()], {
      // The open pipe is how a node notices that nobody supervises it any more.
      stdio: ["pipe", log, log],
      env: { ...environment, SKEIN_SUPERVISED: "1" },
    });
    closeSync(log);
    this.#process = child;
    const exited = Promise.withResolvers<void>();
    this.#exited = exited.promise;
    const ended = (how: string): void => {
      if (this.#process !== child) return;
      this.#process = undefined;
      rmSync(this.#pidFile, { force: true });
      exited.resolve();
      if (!this.#isStopping) this.#options.onDied(this, how);
    };
    child.once("error", (error) => ended(error.message));
    child.once("exit", (code, signal) => ended(signal === null ? `code ${code}` : `${signal}`));
    // Ending it later may meet a process that is gone already.
    child.stdin?.on("error", () => {});
    if (child.pid !== undefined) writeFileSync(this.#pidFile, `${child.pid}\n`);
  }

  /** Asks the process to end; it is killed when it takes longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const child = this.#process;
    if (child === undefined) return;
    child.stdin?.end();
    const overdue = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await this.#exited;
    clearTimeout(overdue);
  }

  /** The last lines that the node wrote. */
  logTail(lines: number): readonly string[] {
    try {
      return readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-lines);
    } catch {
      return [];
    }
  }

  /** Ready to serve: recovered, and a leader is known. */
  async isReady(): Promise<boolean> {
    return await asked(`${this.httpUrl}/readyz`) !== undefined;
  }

  get #pidFile(): string {
    return join(this.#options.folder, "pid");
  }

  #startArguments(): readonly string[] {
    const { id, folder, httpPort, rpcPort } = this.#options;
    return [
      ...["start", "--cluster-id", "skein-dev", "--node-id", String(id), "--data-dir", folder],
      ...["--http-addr", `127.0.0.1:${httpPort}`, "--rpc-addr", `127.0.0.1:${rpcPort}`],
    ];
  }
}

const askMs = 1000;

/** The body of a good answer; undefined when there is none in time. */
export async function asked(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(askMs) });
    const body = await answer.text();
    return answer.ok ? body : undefined;
  } catch {
    return undefined;
  }
}
