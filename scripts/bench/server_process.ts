/** One process of a cluster: started, frozen while the other cluster has its turn, ended. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import process from "node:process";

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Standard output and standard error. */
  readonly logPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #logPath: string;
  readonly #ended: Promise<void>;

  constructor({ program, args, folder, logPath, env }: ServerCommand) {
    const log = openSync(logPath, "a");
    this.#child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#logPath = logPath;
    running.add(this.#child);
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        running.delete(this.#child);
        resolve();
      };
      this.#child.once("exit", end);
      this.#child.once("error", end);
    });
  }

  /** Throws when the process could not be started. */
  get pid(): number {
    if (this.#child.pid !== undefined) return this.#child.pid;
    throw new Error(`Cannot start a server\n${this.logTail()}`);
  }

  get hasEnded(): boolean {
    return !running.has(this.#child);
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Asks it to end; after `graceMs` it is killed. */
  async end(graceMs: number): Promise<void> {
    if (this.hasEnded) return;
    this.thaw();
    this.#child.kill("SIGTERM");
    const overdue = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.#ended;
    clearTimeout(overdue);
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  logTail(lines = 10): string {
    const text = existsSync(this.#logPath) ? readFileSync(this.#logPath, "utf8") : "";
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }
}
