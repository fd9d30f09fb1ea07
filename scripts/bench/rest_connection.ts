/** HTTP/1.1 with keep-alive on a bare socket: one call at a time, as the protocol has it. */

import type { Connection, ConnectionEvents } from "./connection.ts";
import { type Http1Answer, Http1Answers } from "./http1_answers.ts";
import type { Address } from "./measurement.ts";
import { openSocket } from "./socket.ts";

export interface RestConnectionOptions {
  readonly target: Address;
  /** Whole requests, by the number of the call. */
  readonly requests: readonly Uint8Array[];
  readonly isGood: (body: Uint8Array) => boolean;
}

/** Takes one client, number 0. */
export async function connectRest(
  { target, requests, isGood }: RestConnectionOptions,
  events: ConnectionEvents,
): Promise<Connection> {
  const socket = await openSocket(target);
  let waits = false;
  const end = (failure: string | undefined): void => {
    if (!waits) return;
    waits = false;
    events.answered(0, failure);
  };
  const judge = ({ status, body }: Http1Answer): void => {
    const ok = status >= 200 && status < 300 && isGood(body);
    end(ok ? undefined : `status ${status}: ${new TextDecoder().decode(body.subarray(0, 200))}`);
  };
  const answers = new Http1Answers(judge);
  socket.on("data", (chunk) => {
    try {
      answers.push(chunk);
    } catch (error) {
      end(String(error));
      socket.destroy();
    }
  });
  socket.on("error", (error) => end(error.message));
  socket.on("close", () => end("The server closed the connection"));
  return {
    send(_client, call) {
      waits = true;
      if (socket.destroyed) queueMicrotask(() => end("The connection is closed"));
      else socket.write(requests[call]!);
    },
    flush() {},
    close: () => socket.destroy(),
  };
}
