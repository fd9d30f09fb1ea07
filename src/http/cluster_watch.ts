/** Changes of the cluster as a stream: who leads it, and who belongs to it. */

import type { ClusterFrame, ClusterOutline, OpenClusterWatch } from "../service/contract.ts";
import type { Call } from "./call.ts";
import { leaderJson, placeJson } from "./cluster_json.ts";
import { type FrameFeed, streamFrames, type Telling } from "./frame_stream.ts";
import { type Frame, type FrameForm, quietMsMax } from "./frames.ts";

/** All options of `GET /v1/cluster/watch`. */
export interface ClusterWatchOptions {
  readonly format?: FrameForm;
}

/** Answers at once; from then on it lasts as long as the client wants. */
export function watchCluster(call: Call, { format = "sse" }: ClusterWatchOptions): Response {
  const { watches, kv } = call.services;
  call.header = kv.header();
  const watch = watches.watchCluster();
  return streamFrames(call, format, new ClusterFeed(call, watch));
}

/** The frames of one reader. */
class ClusterFeed implements FrameFeed {
  readonly #call: Call;
  readonly #watch: OpenClusterWatch;
  #isFirst = true;

  constructor(call: Call, watch: OpenClusterWatch) {
    this.#call = call;
    this.#watch = watch;
  }

  async next(): Promise<Telling> {
    if (!this.#isFirst) return telling(await this.#watch.next({ ms: quietMsMax }));
    this.#isFirst = false;
    return { frames: [this.#ready()] };
  }

  close(): void {
    this.#watch.close();
  }

  #ready(): Frame {
    const { clusterId, servedBy } = this.#call.services.kv.header();
    const { outline } = this.#watch;
    const data = {
      ...{ cluster_id: clusterId, node_id: servedBy },
      ...leadershipOf(outline),
      ...membersOf(outline),
    };
    return { event: "ready", data };
  }
}

function telling(given: ClusterFrame): Telling {
  switch (given.kind) {
    case "changed": {
      const { outline, leadership, members, pending } = given;
      return {
        frames: [
          ...leadership ? [{ event: "leadership", data: leadershipOf(outline) }] : [],
          ...members || pending ? [{ event: "members", data: membersOf(outline) }] : [],
        ],
      };
    }
    case "quiet":
      return { frames: [{ event: "progress", data: {} }], isQuiet: true };
    case "closing":
      return { frames: [{ event: "closing", data: {} }], isLast: true };
  }
}

function leadershipOf({ term, leader, members }: ClusterOutline): Frame["data"] {
  return { term, leader: leaderJson(leader, members) };
}

function membersOf({ members, configuration }: ClusterOutline): Frame["data"] {
  return { members: members.map(placeJson), configuration };
}
