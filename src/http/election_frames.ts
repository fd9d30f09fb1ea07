/** Elections as streams: who leads, and each change of that. */

import type { ElectionFrame } from "../service/contract.ts";
import { requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { nameFields, wordsField } from "./contests.ts";
import { streamFrames, type Telling } from "./frame_stream.ts";
import { type Frame, type FrameForm, quietMsMax } from "./frames.ts";
import { nameOfPath } from "./target.ts";

/** The options of `GET /v1/elections/{name}/observe`. */
export interface ObserveOptions {
  readonly format?: FrameForm;
}

/** What is now is told at once; from then on it lasts as long as the client wants. */
export async function observeElection(call: Call, options: ObserveOptions): Promise<Response> {
  const { contests, kv } = call.services;
  const name = nameOfPath(call.path);
  const opened = await contests.follow(name, requestOptions(call)).catch((error: unknown) => {
    call.header = kv.header();
    throw error;
  });
  const { election, header } = opened;
  call.header = header;
  return streamFrames(call, options.format ?? "sse", {
    async next(): Promise<Telling> {
      const given = await election.next({ ms: quietMsMax });
      return {
        frames: [frameOf(given, name)],
        isQuiet: given.kind === "progress",
        isLast: given.kind === "closing",
      };
    },
    close: () => election.close(),
  });
}

function frameOf(given: ElectionFrame, name: Uint8Array): Frame {
  switch (given.kind) {
    case "leader": {
      const { leader: { token, lease, value, mod }, revision } = given;
      const said = wordsField("election", value);
      return {
        event: "leader",
        data: { ...nameFields(name), token, lease, ...said, mod, revision },
      };
    }
    case "vacant":
      return { event: "vacant", data: { ...nameFields(name), revision: given.revision } };
    case "progress":
      return { event: "progress", data: { revision: given.revision } };
    case "closing":
      return { event: "closing", data: {} };
  }
}
