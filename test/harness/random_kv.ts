/** Random operations and queries that meet each other: few keys, many conditions that may hold. */

import type { Conditions, Operation } from "../../src/kv/command.ts";
import type { Query, RangeQuery } from "../../src/kv/query.ts";
import { Prng } from "../../src/lib/prng.ts";
import { bytes, del, delRange, put, range } from "./kv_commands.ts";

const letters = ["a", "b", "/", "//", "\0", "\u00ff", "__proto__"].map((text) =>
  Uint8Array.from(text, (letter) => letter.charCodeAt(0))
);
const values = ["", "x", "y", "a value that is a little longer than the others"].map(bytes);
const mediaTypes = [undefined, undefined, undefined, "text/plain", "application/json"];

export class RandomKv {
  readonly #prng: Prng;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  chance(numerator: number, denominator: number): boolean {
    return this.#prng.chance(numerator, denominator);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#prng.below(items.length)]!;
  }

  /** `revision` is the store's; tags are drawn near it. */
  operation(revision: number): Operation {
    const drawn = this.#prng.below(100);
    const prev = this.chance(1, 4);
    if (drawn < 62) {
      const mediaType = this.pick(mediaTypes);
      const more = { prev, conditions: this.#conditions(revision, { onKey: true }) };
      const typed = mediaType === undefined ? more : { ...more, mediaType };
      return put(this.#key(), this.pick(values), typed);
    }
    if (drawn < 85) {
      return del(this.#key(), { prev, conditions: this.#conditions(revision, { onKey: true }) });
    }
    if (drawn >= 98) return { kind: "nothing" };
    const limit = this.chance(1, 2) ? { limit: 1 + this.#prng.below(4) } : {};
    const more = { prev, conditions: this.#conditions(revision, { onKey: false }), ...limit };
    const end = this.chance(1, 8) ? undefined : this.#key();
    return delRange(this.#key(), end, more);
  }

  query(revision: number): Query {
    const at = this.chance(1, 2) ? {} : { revision: this.#revision(revision) };
    if (this.chance(1, 3)) {
      const keys = Array.from({ length: 1 + this.#prng.below(4) }, () => this.#key());
      return { kind: "get", keys, bytesMax: this.pick([20, 1_000_000]), ...at };
    }
    return range({ ...this.#range(), ...at });
  }

  #range(): Partial<RangeQuery> {
    return {
      start: this.chance(1, 3) ? new Uint8Array(0) : this.#key(),
      ...(this.chance(1, 2) ? {} : { end: this.#key() }),
      limit: this.pick([1, 2, 5, 1_000]),
      bytesMax: this.pick([0, 20, 100, 1_000_000]),
      reverse: this.chance(1, 2),
      keysOnly: this.chance(1, 4),
      countOnly: this.chance(1, 6),
      ...(this.chance(1, 2) ? {} : { delimiter: this.#delimiter() }),
    };
  }

  #delimiter(): NonNullable<RangeQuery["delimiter"]> {
    return { bytes: bytes(this.pick(["/", "//", "a"])), prefixLength: this.#prng.below(4) };
  }

  #key(): Uint8Array {
    const parts = Array.from({ length: 1 + this.#prng.below(3) }, () => this.pick(letters));
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  /** Mostly near the newest one, sometimes anywhere, sometimes impossible. */
  #revision(newest: number): number {
    if (this.chance(1, 20)) return this.pick([0, newest + 1]);
    const back = this.#prng.below(this.chance(3, 4) ? Math.min(newest, 40) : newest);
    return newest - back;
  }

  #conditions(revision: number, { onKey }: { readonly onKey: boolean }): Conditions {
    if (this.chance(2, 3)) return {};
    const tags = (): readonly number[] | "any" =>
      this.chance(1, 3)
        ? "any"
        : Array.from({ length: this.#prng.below(30) }, () => this.#revision(revision));
    return {
      ...(this.chance(1, 2) ? { ifMatch: tags() } : {}),
      ...(this.chance(1, 3) ? { ifNoneMatch: tags() } : {}),
      ...(onKey && this.chance(1, 3)
        ? { ifValue: this.chance(1, 3) ? "absent" : { equals: this.pick(values) } }
        : {}),
    };
  }
}
