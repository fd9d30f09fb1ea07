/** Asks whoever listens at an address who they are, and hangs up. */

import type { ChannelCredentials } from "@grpc/grpc-js";
import type { Hello, HelloAnswer } from "../node/ports.ts";
import { method } from "./codec.ts";
import { fromHello, toHelloAnswer } from "./convert_hello.ts";
import { PeerConnection, type PeerTiming } from "./peer_connection.ts";
import type { FaultLog } from "./refusal.ts";

const answerTimeoutMs = 2_000;

/** Calls `done` once: with the answer, or with undefined when none that can be read came in 2 s. */
export function askHello(
  question: {
    readonly address: string;
    readonly mine: Hello;
    readonly credentials: ChannelCredentials;
    readonly timing: PeerTiming;
    readonly faults: FaultLog;
  },
  done: (answer: HelloAnswer | undefined) => void,
): void {
  const { address, mine, credentials, timing, faults } = question;
  const { path, request, response } = method("skein.raft.v1.RaftService", "Connect");
  let asked = true;
  const finish = (answer: HelloAnswer | undefined): void => {
    if (!asked) return;
    asked = false;
    clearTimeout(timer);
    connection.close();
    done(answer);
  };
  const timer = setTimeout(() => finish(undefined), answerTimeoutMs);
  const connection = new PeerConnection({ address, path, credentials, timing }, {
    frame: (bytes) => {
      let answer: HelloAnswer | undefined;
      try {
        const { helloAnswer } = response.decode(bytes);
        if (helloAnswer !== null && helloAnswer !== undefined) answer = toHelloAnswer(helloAnswer);
      } catch (error) {
        faults.noteError(address, error);
      }
      finish(answer);
    },
    down: () => finish(undefined),
  });
  connection.write(request.encode({ hello: fromHello(mine), envelopes: [] }), () => {});
}
