/** Answers that Deno sends only as fast as their clients take them. */

const pieceBytes = 64 * 1024;
/** As on Bun: longer than any bounded request. */
const idleTimeoutMs = 180_000;

/** How an answer ends whose client takes nothing of it for 180 s. */
export const untaken = new Error("The client does not take its answer");

/**
 * Deno takes an answer that is there as a whole at once and calls it completed, although the client
 * may never read it. A stream it takes only as fast as the client does.
 */
export async function inPieces(answer: Response): Promise<Response> {
  if (answer.body === null) return answer;
  const bytes = await answer.bytes();
  let at = 0;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      clearTimeout(idle);
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += pieceBytes));
      idle = setTimeout(() => controller.error(untaken), idleTimeoutMs);
    },
    cancel: () => clearTimeout(idle),
  }, { highWaterMark: 0 });
  const { status, headers } = answer;
  headers.set("Content-Length", String(bytes.length));
  return new Response(body, { status, headers });
}
