/** A request body that no HTTP client can send a second time. */

/**
 * fetch silently repeats a PUT or DELETE when a kept connection breaks before the answer: so do Bun
 * 1.4.5 and Deno 2.9.3 both, and a write could be applied twice although nobody asked for it. A
 * streamed body cannot be repeated. It must produce its bytes later than at once, because Bun turns
 * a stream that is already complete back into plain bytes.
 */
export function onceBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Promise.resolve();
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
