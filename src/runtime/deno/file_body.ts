/** A part of a file as the body of an answer. */

import { type FileHandle, open } from "node:fs/promises";
import type { FilePart } from "../mod.ts";
import { untaken } from "./in_pieces.ts";

const pieceBytes = 256 * 1024;
/** As long as the runtimes wait elsewhere for a client that takes nothing. */
const idleTimeoutMs = 180_000;

/** Opened with the first piece, so that it costs nothing where nobody reads it. */
export function fileBody(
  path: string,
  { start, end }: FilePart,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let file: FileHandle | undefined;
  let at = start;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const close = async (): Promise<void> => {
    clearTimeout(idle);
    const closing = file;
    file = undefined;
    await closing?.close();
  };
  return new ReadableStream({
    async pull(controller) {
      clearTimeout(idle);
      if (at >= end) {
        await close();
        return controller.close();
      }
      file ??= await open(path);
      const piece = new Uint8Array(Math.min(pieceBytes, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) {
        await close();
        throw new Error(`${path} ends at byte ${at}, before byte ${end}`);
      }
      at += bytesRead;
      controller.enqueue(piece.subarray(0, bytesRead));
      idle = setTimeout(() => {
        void close();
        controller.error(untaken);
      }, idleTimeoutMs);
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
