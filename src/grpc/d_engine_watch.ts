/**
 * Watch and WatchMembership: what happens to keys, and to the cluster, for as long as the client
 * listens. A watch is pulled: who reads slowly is told later, from history, not less.
 */

import { emptyBytes, prefixEnd } from "../lib/bytes.ts";
import {
  type ChangeEvent,
  type ClusterOutline,
  keyBytesMax,
  type KvService,
  type OpenWatch,
  type Revision,
  type WatchOpening,
  type WatchRequest,
  type WatchService,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { AnswerSource, CallContext, CallMetadata } from "./call.ts";
import { ClusterSource, ended } from "./cluster_source.ts";
import type { Wire } from "./codec.ts";
import { dEngineCode } from "./d_engine_errors.ts";
import { checkPrefix } from "./d_engine_scan.ts";
import { answerHeaders, minRevision, requestOptions, revisionHeader } from "./request_options.ts";

/** What watches stand on. */
export interface WatchOptions {
  readonly kv: KvService;
  readonly watches: WatchService;
  /** After so long without anything else a watch tells how far it has come; 30 s when absent. */
  readonly progressMs?: number;
}

type Request = Wire["d_engine.client.WatchRequest"];
type Response = Wire["d_engine.client.WatchResponse"];
type Snapshot = Wire["d_engine.client.MembershipSnapshot"];

const eventType = { put: 0, delete: 1, canceled: 2, progress: 3 } as const;
/** As d-engine does. */
const progressDefaultMs = 30_000;
/** Costs nothing: to read it is to wait for the revision that it is asked with. */
const anything = {
  kind: "range",
  start: emptyBytes,
  limit: 1,
  bytesMax: 1,
  reverse: false,
  keysOnly: true,
  countOnly: true,
} as const;

/** Watch: the source of its answers, once it is open. */
export async function watchSource(
  { kv, watches, progressMs = progressDefaultMs }: WatchOptions,
  request: Request,
  call: CallContext,
): Promise<AnswerSource<Response>> {
  // The message that it came in need not stay in memory for as long as the watch.
  const key = new Uint8Array(request.key);
  const target = targetOf({ ...request, key });
  const options = requestOptions(call);
  const after = revisionHeader(call, "after-revision");
  const least = minRevision(call);
  if (least.minRevision !== undefined) {
    await kv.read(anything, { ...options, ...least, level: "eventual" });
  }
  const asked = { target, prev: request.prevKv, ...(after === undefined ? {} : { after }) };
  const opening = await watches.watch(asked, options);
  return new WatchSource(opening, {
    key,
    progressMs,
    headers: answerHeaders(options.requestId, opening.header),
  });
}

function targetOf({ key, prefix }: Request): WatchRequest["target"] {
  if (prefix) {
    checkPrefix(key);
    const end = prefixEnd(key);
    return { kind: "range", start: key, ...(end === undefined ? {} : { end }) };
  }
  if (key.length >= 1 && key.length <= keyBytesMax) return { kind: "key", key };
  const detail = `The key has ${key.length} bytes, allowed are 1 … ${keyBytesMax}`;
  throw new ServiceError(key.length === 0 ? "bad_request" : "key_too_long", detail);
}

class WatchSource implements AnswerSource<Response> {
  readonly headers: CallMetadata;
  readonly #watch: OpenWatch;
  readonly #key: Uint8Array;
  readonly #progressMs: number;
  /** Of one frame, those that were not asked for yet. */
  #events: Iterator<ChangeEvent> = [][Symbol.iterator]();
  /** Everything up to here has been told. */
  #through: Revision;
  #isCanceled = false;

  constructor({ watch }: WatchOpening, { key, progressMs, headers }: {
    readonly key: Uint8Array;
    readonly progressMs: number;
    readonly headers: CallMetadata;
  }) {
    this.headers = headers;
    this.#watch = watch;
    this.#key = key;
    this.#progressMs = progressMs;
    this.#through = watch.after;
  }

  async next(): Promise<Response | undefined> {
    while (!this.#isCanceled) {
      const event = this.#events.next();
      if (event.done !== true) return responseOf(event.value);
      const frame = await this.#watch.next({ ms: this.#progressMs });
      switch (frame.kind) {
        case "changes": {
          const { events, revision, isPartial } = frame.changes;
          this.#events = events[Symbol.iterator]();
          this.#through = isPartial ? revision - 1 : revision;
          break;
        }
        case "progress":
          this.#through = frame.revision;
          return bare(eventType.progress, frame.revision);
        case "compacted":
          this.#isCanceled = true;
          return {
            ...bare(eventType.canceled, this.#through),
            key: this.#key,
            error: dEngineCode.watchBufferOverflow,
          };
        case "closing":
          throw ended();
        case "lagging":
          break;
      }
    }
    return undefined;
  }

  close(): void {
    this.#watch.close();
  }
}

function responseOf(event: ChangeEvent): Response {
  const prevValue = event.prev?.value ?? emptyBytes;
  if (event.kind === "put") {
    const { key, value, mod } = event.record;
    return { ...bare(eventType.put, mod), key, value, prevValue };
  }
  return { ...bare(eventType.delete, event.mod), key: event.key, prevValue };
}

function bare(type: number, revision: Revision): Response {
  const [key, value, prevValue] = [emptyBytes, emptyBytes, emptyBytes];
  return { key, value, eventType: type, error: dEngineCode.success, revision, prevValue };
}

/** WatchMembership: the source of its answers. */
export function membershipSource(
  { watches }: WatchOptions,
  call: CallContext,
): Promise<AnswerSource<Snapshot>> {
  const { requestId } = requestOptions(call);
  const source = new ClusterSource(watches.watchCluster(), {
    headers: answerHeaders(requestId),
    answer: snapshotOf,
    isWanted: (frame) => frame.members,
  });
  return Promise.resolve(source);
}

function snapshotOf({ members, configuration }: ClusterOutline): Snapshot {
  const voters = members.filter(({ suffrage }) => suffrage === "voter");
  const others = members.filter(({ suffrage }) => suffrage !== "voter");
  return {
    members: voters.map(({ id }) => id),
    learners: others.map(({ id }) => id),
    committedIndex: configuration.index,
  };
}
