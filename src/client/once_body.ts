/** A request body that no HTTP client can send a second time. */

/**
 * fetch silently repeats a PUT or DELETE when a connection breaks before the answer: so do Bun
 * 1.4.5 and Deno 2.9.3 both, and a write could be applied twice although nobody asked for it. A
 * streamed body cannot be repeated. It is filled when it is read and not before, because Bun turns
 * a stream that is complete from its start back into plain bytes.
 */
export function onceBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
