/**
 * An election that somebody follows: what is now, and again whenever that is something else. A
 * reader that is slower than the election is told the newest, and nothing is kept for it.
 */

import type { ContestHub } from "./contest_hub.ts";
import type {
  ContestHolder,
  ElectionFrame,
  Header,
  KvService,
  OpenElection,
  ReadLevel,
  RequestOptions,
  Revision,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { type After, WakeUp } from "./wake_up.ts";

/** What it stands on. */
export interface ElectionParts {
  readonly kv: KvService;
  readonly hub: ContestHub;
  readonly after: After;
  readonly monotonicMs: () => number;
}

/** See the head of this file. One reader. */
export class Election implements OpenElection {
  readonly #parts: ElectionParts;
  readonly #name: Uint8Array;
  readonly #onClose: () => void;
  readonly #wakeUp: WakeUp;
  readonly #leaveHub: () => void;
  /** Of the value that was told last: 0 where nobody led, undefined where nothing was told. */
  #toldMod: Revision | undefined;
  /** As it was found last. */
  #holder: ContestHolder | undefined;
  #revision: Revision = 0;
  #options: RequestOptions = { requestId: "", timeoutMs: 1 };
  /** Something has changed, and this node could not say what. */
  #isBehind = false;
  #isClosed = false;

  constructor(parts: ElectionParts, name: Uint8Array, onClose: () => void) {
    this.#parts = parts;
    this.#name = name;
    this.#onClose = onClose;
    this.#wakeUp = new WakeUp(parts.after);
    this.#leaveHub = parts.hub.add({ area: "election", name }, () => this.#wakeUp.wake());
  }

  /** Finds what is now, everything committed before included. */
  async open({ requestId, timeoutMs, ...options }: RequestOptions): Promise<Header> {
    this.#options = { requestId, timeoutMs };
    await this.#look({ ...this.#options, ...options }, "linearizable");
    return { ...this.#parts.kv.header(), revision: this.#revision };
  }

  async next({ ms }: { readonly ms: number }): Promise<ElectionFrame> {
    const endMs = this.#parts.monotonicMs() + ms;
    if (this.#isBehind) await this.#lookAgain();
    for (;;) {
      if (this.#isClosed) return { kind: "closing" };
      if ((this.#holder?.mod ?? 0) !== this.#toldMod) return this.#tell();
      const leftMs = endMs - this.#parts.monotonicMs();
      if (leftMs <= 0) return { kind: "progress", revision: this.#revision };
      if (!await this.#wakeUp.sleep(leftMs) || this.#isClosed) continue;
      await this.#lookAgain();
    }
  }

  #tell(): ElectionFrame {
    const revision = this.#revision;
    this.#toldMod = this.#holder?.mod ?? 0;
    if (this.#holder === undefined) return { kind: "vacant", revision };
    return { kind: "leader", leader: this.#holder, revision };
  }

  /** On this node. One that cannot say it now is asked again. */
  async #lookAgain(): Promise<void> {
    try {
      await this.#look(this.#options, "eventual");
      this.#isBehind = false;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#isBehind = true;
    }
  }

  async #look(options: RequestOptions, level: ReadLevel): Promise<void> {
    const about = { area: "election", name: this.#name, counts: false } as const;
    const { answer } = await this.#parts.kv.read({ kind: "contest", ...about }, {
      ...options,
      level,
    });
    // A store that a full disk has thrown back never shows what was before.
    if (answer.kind === "contest" && answer.revision >= this.#revision) {
      this.#holder = answer.holder;
      this.#revision = answer.revision;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leaveHub();
    this.#wakeUp.wake();
    this.#onClose();
  }
}
