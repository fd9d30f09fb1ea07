/**
 * The client: keys, values and the cluster as typed calls over REST. Every call rejects with an
 * {@link AnswerError} when the cluster refuses and with an {@link UnreachableError} when nobody
 * answers; both carry the outcome of a write.
 */

import { Connection, type ConnectionOptions, type RestRequest } from "./connection.ts";
import { AnswerError } from "./errors.ts";
import { bytesOf, type KeyBytes, keyPath, queryString } from "./paths.ts";
import { type KeyRecord, listMember, numberMember, parseJson, recordOf } from "./records.ts";

export type ReadLevel = "linearizable" | "lease" | "eventual";

/** Of every call. */
export interface CallOptions {
  /** How long the call may take, ms, repetitions included. */
  readonly timeoutMs?: number;
}

/** Of reads. */
export interface ReadOptions extends CallOptions {
  /** Linearizable unless given. */
  readonly consistency?: ReadLevel;
  /** Wait until the node has applied this revision: read your own writes at any level. */
  readonly minRevision?: number;
}

/** Of writes of one key; all conditions must hold. */
export interface WriteOptions extends CallOptions {
  /** Only if the key's record has this mod revision; `*`: only if the key exists. */
  readonly ifMatch?: number | "*";
  /** Only if the key does not exist. */
  readonly ifAbsent?: boolean;
}

/** What a put made of the key. */
export interface PutResult {
  readonly revision: number;
  readonly create: number;
  readonly version: number;
}

/** What a delete found. */
export interface DeleteResult {
  /** 0 when there was no such key. */
  readonly deleted: number;
  readonly revision: number;
}

/** Which keys: a prefix, or a range; all without either. */
export interface ListOptions extends ReadOptions {
  readonly prefix?: KeyBytes;
  readonly start?: KeyBytes;
  /** Exclusive. */
  readonly end?: KeyBytes;
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
}

/** Records in key order, all of one revision over all pages. */
export interface Page {
  readonly items: readonly KeyRecord[];
  readonly revision: number;
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

/** Calls may overlap; there is nothing to close. */
export class Client {
  readonly #connection: Connection;

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
  }

  async put(
    key: KeyBytes,
    value: KeyBytes,
    options: WriteOptions & { readonly contentType?: string } = {},
  ): Promise<PutResult> {
    const answer = await this.#connection.request({
      kind: "write",
      method: "PUT",
      target: keyPath(key),
      headers: {
        "content-type": options.contentType ?? "application/octet-stream",
        ...writeHeaders(options),
      },
      body: bytesOf(value),
      ...limited(options),
    });
    const json = parseJson(answer.body);
    return {
      revision: numberMember(json, "revision"),
      create: numberMember(json, "create"),
      version: numberMember(json, "version"),
    };
  }

  /** Undefined when there is no such key. */
  async get(key: KeyBytes, options: ReadOptions = {}): Promise<KeyRecord | undefined> {
    const query = { format: "record", ...readQuery(options) };
    try {
      const answer = await this.#connection.request({
        kind: "read",
        method: "GET",
        target: keyPath(key) + queryString(query),
        ...limited(options),
      });
      return recordOf(parseJson(answer.body));
    } catch (error) {
      if (error instanceof AnswerError && error.code === "key_not_found") return undefined;
      throw error;
    }
  }

  async delete(key: KeyBytes, options: WriteOptions = {}): Promise<DeleteResult> {
    const answer = await this.#connection.request({
      kind: "write",
      method: "DELETE",
      target: keyPath(key),
      headers: writeHeaders(options),
      ...limited(options),
    });
    const json = parseJson(answer.body);
    return { deleted: numberMember(json, "deleted"), revision: numberMember(json, "revision") };
  }

  /** One page; without a range, of the whole store. */
  async list(options: ListOptions = {}): Promise<Page> {
    const answer = await this.#connection.request({
      kind: "read",
      method: "GET",
      target: `/v1/kv${queryString({ ...rangeQuery(options), ...readQuery(options) })}`,
      ...limited(options),
    });
    const json = parseJson(answer.body);
    const cursor = json["cursor"];
    return {
      items: listMember(json, "items").map(recordOf),
      revision: numberMember(json, "revision"),
      cursor: typeof cursor === "string" ? cursor : undefined,
    };
  }

  /** Hands leadership to `target`, or to the most advanced voter; resolves with the new leader. */
  async transferLeadership(target?: number, options: CallOptions = {}): Promise<number> {
    const answer = await this.#connection.request({
      kind: "write",
      method: "POST",
      target: "/v1/cluster/leadership",
      headers: { "content-type": "application/json" },
      body: bytesOf(JSON.stringify(target === undefined ? {} : { target })),
      ...limited(options),
    });
    return numberMember(parseJson(answer.body), "leader");
  }
}

function limited(options: CallOptions): Pick<RestRequest, "timeoutMs"> {
  return options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
}

function readQuery(options: ReadOptions): Parameters<typeof queryString>[0] {
  return { consistency: options.consistency, min_revision: options.minRevision };
}

function rangeQuery(options: ListOptions): Parameters<typeof queryString>[0] {
  const { prefix, start, end, limit, cursor, reverse, keysOnly } = options;
  return {
    prefix: prefix === undefined ? undefined : bytesOf(prefix),
    start: start === undefined ? undefined : bytesOf(start),
    end: end === undefined ? undefined : bytesOf(end),
    limit,
    cursor,
    reverse,
    keys_only: keysOnly,
  };
}

function writeHeaders(options: WriteOptions): Readonly<Record<string, string>> {
  const { ifMatch, ifAbsent } = options;
  return {
    ...(ifMatch === undefined ? {} : { "if-match": ifMatch === "*" ? "*" : `"${ifMatch}"` }),
    ...(ifAbsent === true ? { "if-none-match": "*" } : {}),
  };
}
