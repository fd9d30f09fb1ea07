/**
 * I17, locks and elections: of those who believe that they hold a name, by what they were told and
 * the time that their leases have at least, there is one at a time; each has a higher token than
 * all that held the name before; nobody loses it before its lease is over. And in the order of the
 * log no answer names a holder with a lower token than one before.
 */

import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import type { Contested } from "../../../src/kv/contest_command.ts";
import type { Revision } from "../../../src/kv/record.ts";
import type { Index } from "../../../src/raft/types.ts";
import { nameOf } from "../../harness/kv_model_versions.ts";
import {
  type Broken,
  type ContestNews,
  type Invariant,
  type Scene,
  unwatched,
} from "../invariant.ts";

interface Believed {
  readonly who: string;
  readonly token: Revision;
  readonly untilUs: number;
}

interface Answered {
  readonly index: Index;
  readonly token: Revision;
}

export function contestContract(scene: Scene, broken: Broken): Invariant {
  const holders = new Map<string, Believed>();
  const tokens = new Map<string, Revision>();
  const answers = new Map<string, Answered>();
  return {
    ...unwatched,
    id: "I17",
    contested: (news) => {
      const place = placeOf(news);
      const holder = holders.get(place);
      const own = holder?.who === news.who && holder.token === news.token ? holder : undefined;
      const told = `${news.who} of ${place} with token ${news.token}`;
      switch (news.news.kind) {
        case "holds": {
          const highest = tokens.get(place) ?? 0;
          if (own === undefined && holder !== undefined && holder.untilUs > scene.nowUs) {
            return broken(`${told} is told that it holds, and so is still ${holder.who}`);
          }
          if (news.token < highest || (own === undefined && news.token === highest)) {
            return broken(`${told} is told that it holds, and so was somebody with ${highest}`);
          }
          tokens.set(place, news.token);
          holders.set(place, { ...believed(news), untilUs: news.news.untilUs });
          return;
        }
        case "letsGo":
          if (own !== undefined) holders.delete(place);
          return;
        case "gone":
          if (own === undefined || own.untilUs <= scene.nowUs) return;
          broken(`${told} has lost it ${own.untilUs - scene.nowUs} µs before its lease may end`);
      }
    },
    written: ({ position, result }) => {
      if (result.kind !== "contest" || result.holder === undefined || result.replayed) return;
      const place = placeOfEntry(scene, position.index);
      const known = answers.get(place);
      const { token } = result.holder;
      const isLater = known !== undefined && position.index > known.index;
      if (known !== undefined && (isLater ? token < known.token : token > known.token)) {
        return broken(
          `${place} is of ${token} behind entry ${position.index}, and of ${known.token} ` +
            `behind ${known.index}`,
        );
      }
      if (known === undefined || isLater) {
        answers.set(place, { index: position.index, token });
      }
    },
  };
}

function believed({ who, token }: ContestNews): Pick<Believed, "who" | "token"> {
  return { who, token };
}

function placeOf({ area, name }: Contested): string {
  return `${area} ${nameOf(name)}`;
}

/** What the entry asks about. */
function placeOfEntry({ log }: Scene, index: Index): string {
  const entry = log.committed(index);
  const decoded = entry && decodeCommand(entry.data);
  if (decoded?.ok !== true) return "";
  const { operation } = decoded.value;
  if (operation.kind === "proclaim") return placeOf({ area: "election", name: operation.name });
  return operation.kind === "contend" || operation.kind === "leave" ? placeOf(operation) : "";
}
