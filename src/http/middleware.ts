/** What every request passes before its handler: who may ask at all, and how many at once. */

import { ByteBudget, ByteShare } from "../lib/byte_budget.ts";
import type { HttpConnection } from "../runtime/mod.ts";
import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { problemResponse } from "./errors.ts";
import { checkHead } from "./head_limits.ts";
import { HostGuard } from "./host_guard.ts";
import type { HttpServices } from "./services.ts";

/** The one way in. */
export interface Door {
  /** Runs `handle` for a request that may come in; every failure becomes a problem document. */
  pass(
    call: Call,
    connection: HttpConnection | undefined,
    handle: (call: Call) => Promise<Response> | Response,
  ): Promise<Response>;
}

/** Larger answers are counted until they have left. */
const countedAnswerBytes = 64 * 1024;

/** One per application: it counts the requests under way. */
export function createDoor(services: HttpServices): Door {
  const hosts = new HostGuard(services.hosts);
  const max = services.limits.waitingRequestsMax;
  // Apart from the requests, so that nobody who takes no answers keeps others from writing.
  const answers = new ByteBudget(services.memory.bytesMax);
  let waiting = 0;
  return {
    async pass(call, connection, handle) {
      call.connection = connection;
      call.answers = answers;
      try {
        hosts.check(call.request);
        checkHead(call);
        if (call.isWrite) refuseWebPages(call);
        // Probes are answered however busy the node is.
        if (!call.path.startsWith("/v1/")) return await handle(call);
        if (waiting >= max) throw overloaded(max);
        const place = { leave: () => void waiting--, comeBack: () => void waiting++ };
        call.place = place;
        place.comeBack();
        try {
          const response = await handle(call);
          if (connection !== undefined) hold(answers, call, connection);
          return response;
        } finally {
          place.leave();
        }
      } catch (error) {
        return problemResponse(call, error);
      } finally {
        call.memory.release();
      }
    },
  };
}

/** Counts the answer to `call` until it has left; throws where too many have not. */
function hold(answers: ByteBudget, call: Call, connection: HttpConnection): void {
  if (call.answerBytes <= countedAnswerBytes) return;
  const share = new ByteShare(answers);
  if (share.take(call.answerBytes)) return connection.onAnswered(() => share.release());
  const { heldBytes, bytesMax } = answers;
  const detail = `Answers in memory have ${heldBytes} bytes, allowed are ${bytesMax}`;
  // Only a write that is applied has an answer of that size.
  throw new ServiceError("overloaded", detail, {
    ...(call.isWrite ? { outcome: "applied" } : { retryable: true }),
    retryAfterMs: 1000,
  });
}

function overloaded(max: number): ServiceError {
  return new ServiceError("overloaded", `${max} requests are waiting already, which is the limit`, {
    retryable: true,
    retryAfterMs: 1000,
  });
}

/** The other way of a web page: a request from one site to another, which browsers mark. */
export function refuseWebPages(call: Call): void {
  const site = call.request.headers.get("Sec-Fetch-Site");
  if (site === null || site === "none" || site === "same-origin") return;
  throw new ServiceError(
    "forbidden",
    `Sec-Fetch-Site is "${site}": a page of another site may not change anything here`,
  );
}
