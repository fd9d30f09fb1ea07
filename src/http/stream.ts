/**
 * Answers that go on: written piece by piece, no faster than the client takes them. The runtimes
 * ask for the next piece when the one before is on its way, and say when the client goes.
 */

import { ByteShare } from "../lib/byte_budget.ts";
import { answer } from "./answer.ts";
import type { Call } from "./call.ts";

/** Where the pieces come from. */
export interface StreamSource {
  /** The next piece; undefined at the end. What it throws cuts the answer off. */
  next(): Promise<Uint8Array | undefined>;
  /** Called once, when nothing more is wanted: at the end, and when the client goes before. */
  close(): void;
}

/** A client that takes nothing for so long is given up: as long as the runtimes wait elsewhere. */
const untakenMsMax = 180_000;
/** Larger pieces are counted among the answers in memory until they are taken. */
const countedPieceBytes = 64 * 1024;

/** 200 with what `source` gives; for HEAD its headers. */
export function streamAnswer(call: Call, contentType: string, source: StreamSource): Response {
  if (call.request.method === "HEAD") source.close();
  else call.connection?.keepOpen();
  const content = new ReadableStream(new Pieces(call, source), { highWaterMark: 0 });
  return answer(call, 200, { content, contentType });
}

class Pieces implements UnderlyingDefaultSource<Uint8Array> {
  readonly #call: Call;
  readonly #source: StreamSource;
  /** Of the piece that is on its way. */
  #held: ByteShare | undefined;
  #forgetTimer = (): void => {};
  #isOver = false;

  constructor(call: Call, source: StreamSource) {
    this.#call = call;
    this.#source = source;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#taken();
    try {
      const piece = await this.#source.next();
      if (this.#isOver) return;
      if (piece === undefined) {
        this.#end();
        controller.close();
      } else if (this.#hold(piece)) {
        controller.enqueue(piece);
        this.#forgetTimer = this.#call.services.clock.after(untakenMsMax, () => {
          this.#giveUp(controller, "The client does not take its answer");
        });
      } else {
        this.#giveUp(controller, "Too many answers wait in memory for their clients");
      }
    } catch (error) {
      if (this.#isOver) return;
      this.#call.services.onInternalError(error, this.#call.requestId);
      this.#giveUp(controller, "The stream failed inside the server");
    }
  }

  cancel(): void {
    this.#end();
  }

  #taken(): void {
    this.#forgetTimer();
    this.#held?.release();
    this.#held = undefined;
  }

  #hold(piece: Uint8Array): boolean {
    const { answers } = this.#call;
    if (answers === undefined || piece.length <= countedPieceBytes) return true;
    this.#held = new ByteShare(answers);
    return this.#held.take(piece.length);
  }

  /** Cuts the answer off: the client sees that it is not whole. */
  #giveUp(controller: ReadableStreamDefaultController<Uint8Array>, why: string): void {
    this.#end();
    controller.error(new Error(why));
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#taken();
    this.#source.close();
  }
}
