/** `GET /v1/leases/{id}/hold`: a lease that lives as long as the connection does. */

import type { HoldFrame, OpenHold } from "../service/contract.ts";
import { readAs, requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { problemDocument } from "./errors.ts";
import {
  type Frame,
  type FrameForm,
  frameMediaType,
  openingText,
  sseComment,
  writeFrame,
} from "./frames.ts";
import { JsonSteps } from "./json_steps.ts";
import { noLease } from "./leases.ts";
import { refuseWebPages } from "./middleware.ts";
import { streamAnswer, type StreamSource } from "./stream.ts";
import { leaseOfPath } from "./target.ts";

/** Without anything to tell, the client hears so often that the stream goes on. */
const quietMsMax = 5_000;

/** All options of a hold. */
export interface HoldOptions {
  readonly revoke?: boolean;
  readonly format?: FrameForm;
}

/** Answers after the first keepalive; from then on it lasts as long as the client wants. */
export async function holdLease(call: Call, options: HoldOptions): Promise<Response> {
  const lease = leaseOfPath(call.path);
  const { format: form = "sse", revoke: isRevoked = false } = options;
  const source = call.request.method === "HEAD"
    ? await nothingHeld(call, lease)
    : await open(call, lease, { form, isRevoked });
  // nginx gathers answers before it passes them on, unless told not to.
  call.extraHeaders["X-Accel-Buffering"] = "no";
  return streamAnswer(call, frameMediaType(form), source);
}

interface Wish {
  readonly form: FrameForm;
  /** The lease ends when the client goes. */
  readonly isRevoked: boolean;
}

async function open(call: Call, lease: string, wish: Wish): Promise<StreamSource> {
  // It is asked with GET, but changes something.
  refuseWebPages(call);
  const { holds, kv } = call.services;
  const { hold, header } = await holds.hold(lease, requestOptions(call)).catch((error: unknown) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  return new HoldSource(call, hold, { ...wish, lease });
}

/** HEAD keeps nothing alive, and revokes nothing. */
async function nothingHeld(call: Call, id: string): Promise<StreamSource> {
  const { lease } = await readAs("lease", call, { kind: "lease", id, keys: undefined }, {});
  if (lease === undefined) throw noLease(id);
  call.header = call.services.kv.header();
  return { next: () => Promise.resolve(undefined), close: () => {} };
}

/** The frames of one hold as bytes. */
class HoldSource implements StreamSource {
  readonly #call: Call;
  readonly #hold: OpenHold;
  readonly #wish: Wish & { readonly lease: string };
  #isBegun = false;
  #isOver = false;

  constructor(call: Call, hold: OpenHold, wish: Wish & { readonly lease: string }) {
    this.#call = call;
    this.#hold = hold;
    this.#wish = wish;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const { form } = this.#wish;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    // EventSource has to be back while the lease lives.
    if (!this.#isBegun) await json.raw(openingText(form, Math.floor(this.#hold.ttlMs / 6)));
    this.#isBegun = true;
    const given = await this.#next();
    if (given.kind === "holding" && form === "sse") await json.raw(sseComment);
    else await writeFrame(json, form, frameOf(this.#wish.lease, given));
    return json.finish();
  }

  close(): void {
    this.#hold.close();
    // What the server has ended may be taken up again by a client that is still there.
    if (this.#isOver || !this.#wish.isRevoked) return;
    this.#hold.revoke().catch((error: unknown) =>
      this.#call.services.onInternalError(error, this.#call.requestId)
    );
  }

  async #next(): Promise<HoldFrame> {
    try {
      const given = await this.#hold.next({ ms: quietMsMax });
      this.#isOver = given.kind === "renew" || given.kind === "lost" || given.kind === "closing";
      return given;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }
}

function frameOf(lease: string, given: HoldFrame): Frame {
  switch (given.kind) {
    case "held":
      return { event: "held", data: { lease, ttl_ms: given.ttlMs } };
    case "holding":
      return { event: "holding", data: { lease, remaining_ms: given.remainingMs } };
    case "failing": {
      const error = problemDocument(given.error, undefined);
      return { event: "failing", data: { lease, remaining_ms: given.remainingMs, error } };
    }
    case "renew": {
      const { ttlMs, remainingMs } = given;
      return { event: "renew", data: { lease, ttl_ms: ttlMs, remaining_ms: remainingMs } };
    }
    case "lost":
      return { event: "lost", data: { lease, error: problemDocument(given.error, undefined) } };
    case "closing":
      return { event: "closing", data: { lease } };
  }
}
