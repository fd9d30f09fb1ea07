/** Reads a stream of frames, whichever of the two forms it is written in. */

/** One frame as a client sees it. */
export interface ReadFrame {
  readonly event: string;
  /** As text, as EventSource keeps it; undefined where the frame has none. */
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A change, as far as tests look at it. */
export interface ReadChange {
  readonly type: string;
  readonly key: string;
  readonly value: string | undefined;
}

/** What a `change` frame tells; keys and values must be text. */
export function changesOf({ data }: ReadFrame): readonly ReadChange[] {
  const events: unknown = data["events"];
  if (!Array.isArray(events)) throw new Error("A change has events");
  return events.map(({ type, key, value }) => ({ type, key, value }));
}

export class FrameReader {
  readonly headers: Headers;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #isSse: boolean;
  readonly #decoder = new TextDecoder();
  #rest = "";
  readonly #frames: ReadFrame[] = [];
  /** All that was read, for who holds it against the document. */
  text = "";
  comments = 0;

  constructor(response: Response) {
    if (response.body === null) throw new Error("A stream has a body");
    this.headers = response.headers;
    this.#reader = response.body.getReader();
    this.#isSse = response.headers.get("Content-Type") === "text/event-stream";
  }

  /** The next frame; undefined at the end of the stream. */
  async next(): Promise<ReadFrame | undefined> {
    while (this.#frames.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#take(this.#decoder.decode(value, { stream: true }));
    }
    return this.#frames.shift();
  }

  /** The next so many frames, shown: `event id data`. */
  async shown(count: number): Promise<readonly string[]> {
    const shown: string[] = [];
    while (shown.length < count) {
      const frame = await this.next();
      if (frame === undefined) return [...shown, "end"];
      shown.push(`${frame.event} ${frame.id ?? "-"} ${JSON.stringify(frame.data)}`);
    }
    return shown;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  #take(text: string): void {
    this.text += text;
    const parts = (this.#rest + text).split(this.#isSse ? "\n\n" : "\n");
    this.#rest = parts.pop()!;
    for (const part of parts) {
      const frame = this.#isSse ? this.#sseFrame(part) : lineFrame(part);
      if (frame !== undefined) this.#frames.push(frame);
    }
  }

  #sseFrame(part: string): ReadFrame | undefined {
    const fields = new Map<string, string>();
    for (const line of part.split("\n")) {
      const match = /^([a-z]*): ?(.*)$/.exec(line);
      if (match === null) throw new Error(`A line that is no field: ${JSON.stringify(line)}`);
      fields.set(match[1]!, match[2]!);
    }
    const data = fields.get("data");
    if (data === undefined) {
      if (fields.has("")) this.comments++;
      return undefined;
    }
    return {
      event: fields.get("event") ?? "message",
      id: fields.get("id"),
      data: JSON.parse(data),
    };
  }
}

function lineFrame(line: string): ReadFrame {
  const { event, id, ...data } = JSON.parse(line);
  return { event, id: id === undefined ? undefined : String(id), data };
}
