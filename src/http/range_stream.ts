/**
 * A whole range at one revision, as lines of JSON: written while it is read, in bounded memory. The
 * last line says that it was the last one; a stream without it was cut.
 */

import { base64url, compareBytes, strictText } from "../lib/bytes.ts";
import type {
  KvRecord,
  OpenRange,
  RangeSlice,
  RangeStreamRequest,
  Revision,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { readOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { problemDocument } from "./errors.ts";
import { listTag } from "./etag.ts";
import { JsonSteps } from "./json_steps.ts";
import { type ListOptions, queryOf } from "./listing.ts";
import { ndjsonMediaType } from "./media_type.ts";
import { contradiction } from "./options.ts";
import { recordJson } from "./record_json.ts";
import { streamAnswer, type StreamSource } from "./stream.ts";

/** Lines go out together, up to about so many bytes. */
const pieceBytes = 64 * 1024;

/** `GET /v1/kv?format=ndjson`. */
export async function streamRange(call: Call, options: ListOptions): Promise<Response> {
  call.extraHeaders["Vary"] = "Accept";
  refuseWithStream(options);
  const request = requestOf(options);
  const { ranges, kv } = call.services;
  const asked = readOptions(call, options, options.revision);
  const { range, header } = await ranges.open(request, asked).catch((error: unknown) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  call.extraHeaders["ETag"] = listTag(range.revision);
  return streamAnswer(call, ndjsonMediaType, new LineSource(call, range, request));
}

function refuseWithStream(options: ListOptions): void {
  const words = ["key", "cursor", "count_only", "wait", "if_match", "if_none_match"] as const;
  for (const word of words) {
    if (options[word] === undefined) continue;
    const name = word === "key" ? "key or key64" : word;
    throw contradiction(word, `${name} is given together with format=ndjson`);
  }
}

function requestOf(options: ListOptions): RangeStreamRequest {
  const { kind: _kind, limit: _limit, bytesMax: _bytes, countOnly: _count, ...range } = queryOf(
    options,
  );
  return options.limit === undefined ? range : { ...range, limit: options.limit };
}

/** A record, or the folder that stands for records. */
type Line = KvRecord | Uint8Array;

/** The lines of one range as bytes. */
class LineSource implements StreamSource {
  readonly #call: Call;
  readonly #range: OpenRange;
  readonly #revision: Revision;
  readonly #request: RangeStreamRequest;
  /** Read and not written, the next one last. */
  #lines: Line[] = [];
  #count = 0;
  #isOver = false;

  constructor(call: Call, range: OpenRange, request: RangeStreamRequest) {
    this.#call = call;
    this.#range = range;
    this.#revision = range.revision;
    this.#request = request;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    try {
      if (await this.#readOn()) await this.#writeSome(json);
      else await this.#end(json, { end: true, count: this.#count, revision: this.#revision });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      await this.#end(json, { error: problemDocument(error, undefined) });
    }
    return json.finish();
  }

  close(): void {
    this.#range.close();
  }

  /** Whether there is something to write. */
  async #readOn(): Promise<boolean> {
    while (this.#lines.length === 0) {
      const slice = await this.#range.next();
      if (slice === undefined) return false;
      this.#lines = linesOf(slice, this.#request).reverse();
      // A look at many keys of which the view shows none has taken its time as well.
      await this.#call.services.clock.yield();
    }
    return true;
  }

  async #writeSome(json: JsonSteps): Promise<void> {
    while (json.bytes < pieceBytes) {
      const line = this.#lines.pop();
      if (line === undefined) return;
      await json.value(lineJson(line, this.#request));
      await json.raw("\n");
      this.#count++;
    }
  }

  async #end(json: JsonSteps, line: Readonly<Record<string, unknown>>): Promise<void> {
    this.#isOver = true;
    this.#range.close();
    await json.value(line);
    await json.raw("\n");
  }
}

/** Records and folders, in the order of the range. */
function linesOf({ items, prefixes }: RangeSlice, { reverse }: RangeStreamRequest): Line[] {
  if (prefixes.length === 0) return [...items];
  const sign = reverse ? -1 : 1;
  return [...items, ...prefixes].sort((a, b) => sign * compareBytes(keyOf(a), keyOf(b)));
}

function keyOf(line: Line): Uint8Array {
  return line instanceof Uint8Array ? line : line.key;
}

function lineJson(line: Line, { keysOnly }: RangeStreamRequest): unknown {
  if (!(line instanceof Uint8Array)) return recordJson(line, { withValue: !keysOnly });
  const text = strictText(line);
  return text === undefined ? { prefix64: base64url(line) } : { prefix: text };
}
