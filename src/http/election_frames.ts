/** Elections as streams: who leads, and each change of that. */

import type { ElectionFrame, OpenElection } from "../service/contract.ts";
import { requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { nameFields, wordsField } from "./contests.ts";
import {
  type Frame,
  type FrameForm,
  frameMediaType,
  openingText,
  sseComment,
  writeFrame,
} from "./frames.ts";
import { JsonSteps } from "./json_steps.ts";
import { streamAnswer, type StreamSource } from "./stream.ts";
import { nameOfPath } from "./target.ts";

/** Without anything to tell, the client hears so often that the stream goes on. */
const quietMsMax = 5_000;

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
  const { format = "sse" } = options;
  call.header = opened.header;
  // nginx gathers answers before it passes them on, unless told not to.
  call.extraHeaders["X-Accel-Buffering"] = "no";
  const source = new ElectionSource(call, { election: opened.election, name, form: format });
  return streamAnswer(call, frameMediaType(format), source);
}

/** The frames of one election as bytes. */
class ElectionSource implements StreamSource {
  readonly #call: Call;
  readonly #election: OpenElection;
  readonly #name: Uint8Array;
  readonly #form: FrameForm;
  #isOpen = false;
  #isOver = false;

  constructor(call: Call, { election, name, form }: {
    readonly election: OpenElection;
    readonly name: Uint8Array;
    readonly form: FrameForm;
  }) {
    this.#call = call;
    this.#election = election;
    this.#name = name;
    this.#form = form;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    if (!this.#isOpen) await json.raw(openingText(this.#form));
    this.#isOpen = true;
    const given = await this.#election.next({ ms: quietMsMax });
    this.#isOver = given.kind === "closing";
    if (given.kind === "progress" && this.#form === "sse") await json.raw(sseComment);
    else await writeFrame(json, this.#form, frameOf(given, this.#name));
    return json.finish();
  }

  close(): void {
    this.#election.close();
  }
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
