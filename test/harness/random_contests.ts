/** Random locks and elections (random_kv.ts): few names, and those who are there already. */

import type { Leave, Put } from "../../src/kv/command.ts";
import type { ContestArea, Contested, ContestOperation } from "../../src/kv/contest_command.ts";
import type { ContestQuery } from "../../src/kv/query.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { bytes } from "./kv_commands.ts";

/** Names that begin like each other, and like what is no text. */
const names = ["a", "a\0", "aa"].map(bytes).concat(Uint8Array.of(0xff, 1));
const areas: readonly ContestArea[] = ["lock", "election"];
const words = ["", "me", "you"].map(bytes);

/** Somebody who contends, or did. */
export interface NamedContestant extends Contested {
  readonly token: number;
}

/** What the operations are drawn around. */
interface Near {
  readonly revision: number;
  readonly contestants: readonly NamedContestant[];
}

export class RandomContests {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** `life`: the lease that a new contestant is to hang on. */
  operation(near: Near, life: () => Pick<Put, "lease" | "ttlMs">): ContestOperation {
    const drawn = this.#prng.below(8);
    const value = this.#pick(words);
    if (drawn < 4) {
      const queue = this.#prng.chance(2, 3);
      return { kind: "contend", ...this.#contested(), value, queue, ...life() };
    }
    const { area, name, token } = this.#named(near);
    if (drawn < 5) return { kind: "proclaim", name, token, value };
    return { kind: "leave", area, name, token, ...this.#provided(near) };
  }

  query(contestants: readonly NamedContestant[]): ContestQuery {
    const { area, name, token } = this.#named({ revision: 1, contestants });
    const own = this.#prng.chance(2, 3) ? { token } : {};
    return { kind: "contest", area, name, counts: this.#prng.chance(1, 2), ...own };
  }

  #provided({ revision }: Near): Pick<Leave, "onlyWaiting" | "asked"> {
    const onlyWaiting = this.#prng.chance(1, 2);
    if (this.#prng.chance(1, 2)) return { onlyWaiting };
    return { onlyWaiting, asked: Math.max(1, revision - this.#prng.below(30)) };
  }

  #contested(): Contested {
    return { area: this.#pick(areas), name: this.#pick(names) };
  }

  /** Mostly one that is there, sometimes none that ever was. */
  #named({ revision, contestants }: Near): NamedContestant {
    if (contestants.length > 0 && this.#prng.chance(5, 6)) return this.#pick(contestants);
    return { ...this.#contested(), token: Math.max(1, revision - this.#prng.below(30)) };
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#prng.below(items.length)]!;
  }
}
