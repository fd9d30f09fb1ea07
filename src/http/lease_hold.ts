/** `GET /v1/leases/{id}/hold`: a lease that lives as long as the connection does. */

import type { HoldFrame, OpenHold } from "../service/contract.ts";
import { readAs, requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { problemDocument } from "./errors.ts";
import { type FrameFeed, streamForm, streamFrames, type Telling } from "./frame_stream.ts";
import { type Frame, type FrameForm, quietMsMax } from "./frames.ts";
import { noLease } from "./leases.ts";
import { refuseWebPages } from "./middleware.ts";
import { leaseOfPath } from "./target.ts";

/** All options of a hold. */
export interface HoldOptions {
  readonly revoke?: boolean;
  readonly format?: FrameForm;
}

/** Answers after the first keepalive; from then on it lasts as long as the client wants. */
export async function holdLease(call: Call, options: HoldOptions): Promise<Response> {
  const lease = leaseOfPath(call.path);
  const { format = "sse", revoke: isRevoked = false } = options;
  if (call.request.method === "HEAD") return await holdNothing(call, lease, format);
  // It is asked with GET, but changes something.
  refuseWebPages(call);
  const { holds, kv } = call.services;
  const { hold, header } = await holds.hold(lease, requestOptions(call)).catch((error: unknown) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  // EventSource has to be back while the lease lives.
  const reconnectMsMax = Math.floor(hold.ttlMs / 6);
  return streamFrames(call, format, new HoldFeed(call, hold, { lease, isRevoked }), reconnectMsMax);
}

/** HEAD keeps nothing alive, and revokes nothing. */
async function holdNothing(call: Call, id: string, format: FrameForm): Promise<Response> {
  const { lease } = await readAs("lease", call, { kind: "lease", id, keys: undefined }, {});
  if (lease === undefined) throw noLease(id);
  call.header = call.services.kv.header();
  return streamForm(call, format, { next: () => Promise.resolve(undefined), close: () => {} });
}

interface Wish {
  readonly lease: string;
  /** The lease ends when the client goes. */
  readonly isRevoked: boolean;
}

/** The frames of one hold. */
class HoldFeed implements FrameFeed {
  readonly #call: Call;
  readonly #hold: OpenHold;
  readonly #wish: Wish;
  #isOver = false;

  constructor(call: Call, hold: OpenHold, wish: Wish) {
    this.#call = call;
    this.#hold = hold;
    this.#wish = wish;
  }

  async next(): Promise<Telling> {
    const given = await this.#hold.next({ ms: quietMsMax }).catch((error: unknown) => {
      this.#isOver = true;
      throw error;
    });
    const { kind } = given;
    this.#isOver = kind === "renew" || kind === "lost" || kind === "closing";
    const frames = [frameOf(this.#wish.lease, given)];
    return { frames, isQuiet: kind === "holding", isLast: this.#isOver };
  }

  close(): void {
    this.#hold.close();
    // What the server has ended may be taken up again by a client that is still there.
    if (this.#isOver || !this.#wish.isRevoked) return;
    this.#hold.revoke().catch((error: unknown) =>
      this.#call.services.onInternalError(error, this.#call.requestId)
    );
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
