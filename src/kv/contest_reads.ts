/** What can be asked of locks and elections. */

import { Contest } from "./contests.ts";
import type { Answer, ContestQuery } from "./query.ts";
import type { Store } from "./store.ts";

/** Who holds a name, and where a contestant stands. */
export function answerContest(store: Store, query: ContestQuery): Answer {
  const contest = new Contest(store, query);
  const holder = contest.holder();
  const head = query.token === undefined ? undefined : contest.headOf(query.token);
  return {
    kind: "contest",
    revision: store.revision,
    ...(holder === undefined ? {} : { holder }),
    ...(query.counts ? { contestants: contest.count() } : {}),
    ...(head === undefined ? {} : {
      own: {
        lease: head.lease,
        ...(query.counts ? { before: contest.count(query.token) } : {}),
      },
    }),
  };
}
