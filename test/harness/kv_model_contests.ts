/**
 * The locks and elections of the plain store (kv_model.ts): for each name a list, who came first at
 * its beginning, and every list that there ever was.
 */

import type { Contend, Leave, Proclaim } from "../../src/kv/command.ts";
import type { Contested, ContestOperation } from "../../src/kv/contest_command.ts";
import type { Answer, ContestQuery } from "../../src/kv/query.ts";
import type { ContestDone } from "../../src/kv/result.ts";
import type { ModelLeases } from "./kv_model_leases.ts";
import { nameOf } from "./kv_model_versions.ts";

export interface ModelContestant {
  readonly token: number;
  readonly lease: string;
  readonly value: Uint8Array;
  /** The revision that gave it its value. */
  readonly mod: number;
}

/** A contestant, and for which name it stands. */
export interface StandingModelContestant extends ModelContestant, Contested {}

/** What an operation finds. */
interface Ground {
  readonly revision: number;
  /** Cluster time. */
  readonly nowMs: number;
  readonly leases: ModelLeases;
}

interface Line {
  readonly contested: Contested;
  /** Each with the revision that made it, the newest last. */
  readonly states: { readonly revision: number; readonly line: readonly ModelContestant[] }[];
}

const nobody: readonly ModelContestant[] = [];

export class ModelContests {
  readonly #lines = new Map<string, Line>();

  /** Who contends, in order: now, or as it was right after `revision`. */
  line(contested: Contested, revision = Infinity): readonly ModelContestant[] {
    const states = this.#lines.get(placeOf(contested))?.states ?? [];
    let at = states.length - 1;
    while (at >= 0 && states[at]!.revision > revision) at--;
    return states[at]?.line ?? nobody;
  }

  /** All that stand anywhere now. */
  all(): readonly StandingModelContestant[] {
    return [...this.#lines.values()].flatMap(({ contested: { area, name }, states }) =>
      states.at(-1)!.line.map((each) => ({ ...each, area, name }))
    );
  }

  /** Undefined where the lease that it names is none for it; nothing has changed then. */
  apply(operation: ContestOperation, ground: Ground): ContestDone | undefined {
    switch (operation.kind) {
      case "contend":
        return this.#contend(operation, ground);
      case "leave":
        return this.#leave(operation, ground);
      case "proclaim":
        return this.#proclaim(operation, ground);
    }
  }

  #contend(asked: Contend, { revision, nowMs, leases }: Ground): ContestDone | undefined {
    const { lease, value, queue } = asked;
    const known = lease === undefined ? undefined : leases.get(lease);
    if (lease !== undefined && known === undefined) return undefined;
    const line = this.line(asked);
    const there = line.findIndex((each) => each.lease === lease);
    const own = line[there];
    if (own !== undefined) {
      const at = there === 0 || queue ? this.#say(asked, { ...own, value }, revision) : revision;
      return this.#done(asked, at, { own, before: there });
    }
    const before = line.length;
    if (before > 0 && !queue) return this.#done(asked, revision, { before });
    if (known?.isPrivate === true) return undefined;
    const { ttlMs = 0 } = asked;
    const owner = lease ?? leases.grant({ ttlMs, isPrivate: true }, nowMs);
    const made = { token: revision + 1, lease: owner, value };
    return this.#done(asked, this.#say(asked, made, revision), { own: made, before });
  }

  #leave(asked: Leave, { revision, leases }: Ground): ContestDone {
    const line = this.line(asked);
    const before = line.findIndex(({ token }) => token === asked.token);
    const own = line[before];
    if (own === undefined) return this.#done(asked, revision, { before: 0 });
    const isAskedFor = asked.asked !== undefined && own.mod > asked.asked;
    if (isAskedFor || (asked.onlyWaiting && before === 0)) {
      return this.#done(asked, revision, { own, before });
    }
    this.remove(asked, own.token, revision + 1);
    if (leases.get(own.lease)?.isPrivate === true) leases.delete(own.lease);
    return this.#done(asked, revision + 1, { own, before, hasLeft: true });
  }

  #proclaim({ name, token, value }: Proclaim, { revision }: Ground): ContestDone {
    const contested = { area: "election", name } as const;
    const line = this.line(contested);
    const before = line.findIndex((each) => each.token === token);
    const own = line[before];
    if (own === undefined) return this.#done(contested, revision, { before: 0 });
    const at = before === 0 ? this.#say(contested, { ...own, value }, revision) : revision;
    return this.#done(contested, at, { own, before });
  }

  /** Somebody comes, or says something else from now on. Returns the revision of that. */
  #say(
    { area, name }: Contested,
    contestant: Omit<ModelContestant, "mod">,
    revision: number,
  ): number {
    const contested = { area, name };
    const others = this.line(contested).filter(({ token }) => token !== contestant.token);
    const line = [...others, { ...contestant, mod: revision + 1 }];
    this.#note(contested, revision + 1, line.sort((a, b) => a.token - b.token));
    return revision + 1;
  }

  remove(contested: Contested, token: number, revision: number): void {
    this.#note(contested, revision, this.line(contested).filter((each) => each.token !== token));
  }

  #note(contested: Contested, revision: number, line: readonly ModelContestant[]): void {
    const place = placeOf(contested);
    const known = this.#lines.get(place);
    if (known === undefined) this.#lines.set(place, { contested, states: [{ revision, line }] });
    else known.states.push({ revision, line });
  }

  /** How it stands, as every operation answers it. */
  #done(
    contested: Contested,
    revision: number,
    { own, before, hasLeft = false }: {
      readonly own?: Pick<ModelContestant, "token" | "lease">;
      readonly before: number;
      readonly hasLeft?: boolean;
    },
  ): ContestDone {
    const [holder] = this.line(contested);
    return {
      kind: "contest",
      revision,
      ...(holder && { holder: { token: holder.token, lease: holder.lease, value: holder.value } }),
      ...(own && { own: { token: own.token, lease: own.lease } }),
      ...{ before, hasLeft },
    };
  }

  read(query: ContestQuery, revision: number): Answer {
    const line = this.line(query, revision);
    const before = line.findIndex(({ token }) => token === query.token);
    const own = line[before];
    return {
      kind: "contest",
      revision,
      ...(line[0] && { holder: line[0] }),
      ...(query.counts && { contestants: line.length }),
      ...(own && { own: { lease: own.lease, ...(query.counts && { before }) } }),
    };
  }
}

function placeOf({ area, name }: Contested): string {
  return `${area} ${nameOf(name)}`;
}
