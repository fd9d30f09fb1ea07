/** Changes of the cluster as a stream: who leads it, and who belongs to it. */

import type { ClusterFrame, ClusterOutline, OpenClusterWatch } from "../service/contract.ts";
import type { Call } from "./call.ts";
import { leaderJson, placeJson } from "./cluster_json.ts";
import {
  type Frame,
  type FrameForm,
  frameMediaType,
  openingText,
  quietMsMax,
  sseComment,
  writeFrame,
} from "./frames.ts";
import { JsonSteps } from "./json_steps.ts";
import { streamAnswer, type StreamSource } from "./stream.ts";

/** All options of `GET /v1/cluster/watch`. */
export interface ClusterWatchOptions {
  readonly format?: FrameForm;
}

/** Answers at once; from then on it lasts as long as the client wants. */
export function watchCluster(call: Call, { format = "sse" }: ClusterWatchOptions): Response {
  const { watches, kv } = call.services;
  call.header = kv.header();
  const watch = watches.watchCluster();
  // nginx gathers answers before it passes them on, unless told not to.
  call.extraHeaders["X-Accel-Buffering"] = "no";
  return streamAnswer(call, frameMediaType(format), new ClusterFrames(call, watch, format));
}

/** The frames of one reader as bytes. */
class ClusterFrames implements StreamSource {
  readonly #call: Call;
  readonly #watch: OpenClusterWatch;
  readonly #form: FrameForm;
  #isFirst = true;
  #isOver = false;

  constructor(call: Call, watch: OpenClusterWatch, form: FrameForm) {
    this.#call = call;
    this.#watch = watch;
    this.#form = form;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    if (this.#isFirst) {
      this.#isFirst = false;
      await json.raw(openingText(this.#form));
      await writeFrame(json, this.#form, this.#ready());
    } else {
      await this.#tell(json, await this.#watch.next({ ms: quietMsMax }));
    }
    return json.finish();
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

  async #tell(json: JsonSteps, given: ClusterFrame): Promise<void> {
    switch (given.kind) {
      case "changed": {
        const { outline, leadership, members } = given;
        const frames: readonly Frame[] = [
          ...leadership ? [{ event: "leadership", data: leadershipOf(outline) }] : [],
          ...members ? [{ event: "members", data: membersOf(outline) }] : [],
        ];
        for (const frame of frames) await writeFrame(json, this.#form, frame);
        return;
      }
      case "quiet":
        if (this.#form === "sse") return await json.raw(sseComment);
        return await writeFrame(json, this.#form, { event: "progress", data: {} });
      case "closing":
        this.#isOver = true;
        return await writeFrame(json, this.#form, { event: "closing", data: {} });
    }
  }
}

function leadershipOf({ term, leader, members }: ClusterOutline): Frame["data"] {
  return { term, leader: leaderJson(leader, members) };
}

function membersOf({ members, configuration }: ClusterOutline): Frame["data"] {
  return { members: members.map(placeJson), configuration };
}
