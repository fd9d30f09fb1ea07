/**
 * The client: keys, values and the cluster as typed calls over REST. Every call rejects with an
 * {@link AnswerError} when the cluster refuses and with an {@link UnreachableError} when nobody
 * answers; both carry the outcome of a write.
 */

import { type BatchItem, batchJson, type BatchResult, batchResultOf } from "./batch.ts";
import { ClusterMembers } from "./cluster_members.ts";
import { Connection, type ConnectionOptions, type RestAnswer } from "./connection.ts";
import { AnswerError } from "./errors.ts";
import { type HistoryPage, historyPageOf } from "./history.ts";
import {
  type LeaseGiven,
  leaseGivenOf,
  type LeaseInfo,
  leaseInfoOf,
  type LeasePage,
  leasePageOf,
  leasePath,
  type LeaseRequest,
} from "./leases.ts";
import { bytesMembers, type JsonObject } from "./members.ts";
import {
  type CallOptions,
  durationText,
  type KeyRange,
  limited,
  type PageOptions,
  type PutOptions,
  rangeQuery,
  type ReadOptions,
  readQuery,
  stored,
  type StoreOptions,
  type ViewOptions,
  writeHeaders,
  type WriteOptions,
} from "./options.ts";
import { bytesOf, historyPath, type KeyBytes, keyPath, queryString } from "./paths.ts";
import { type KeyRecord, numberMember, parseJson, recordOf, textMember } from "./records.ts";
import {
  type CompactResult,
  type CountResult,
  type DeleteRangeResult,
  deleteRangeResultOf,
  type DeleteResult,
  deleteResultOf,
  type Page,
  pageOf,
  type PutResult,
  putResultOf,
} from "./results.ts";
import { type Txn, txnJson, type TxnResult, txnResultOf } from "./txn.ts";
import { Watch } from "./watch.ts";
import { WatchLines, type WatchOptions } from "./watch_lines.ts";

export type { ReadLevel } from "./options.ts";

/** Of listings. */
export interface ListOptions extends ViewOptions, KeyRange, PageOptions {
  readonly reverse?: boolean;
  /** The records come without their values. */
  readonly keysOnly?: boolean;
  /** Keys that contain it behind the prefix are folded into folders, which end with it. */
  readonly delimiter?: string;
}

/** Calls may overlap; there is nothing to close but watches. */
export class Client {
  readonly #connection: Connection;

  /** Who belongs to the cluster. */
  readonly members: ClusterMembers;

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
    this.members = new ClusterMembers(this.#connection);
  }

  async put(key: KeyBytes, value: KeyBytes, options: PutOptions = {}): Promise<PutResult> {
    const { prev, ttlMs, lease } = options;
    const answer = await this.#connection.request({
      ...stored(options),
      method: "PUT",
      target: keyPath(key) + queryString({ prev, ttl: durationText(ttlMs), lease }),
      headers: {
        "content-type": options.contentType ?? "application/octet-stream",
        ...writeHeaders(options),
      },
      body: bytesOf(value),
    });
    return putResultOf(parseJson(answer.body));
  }

  /** Undefined when there is no such key. */
  async get(key: KeyBytes, options: ViewOptions = {}): Promise<KeyRecord | undefined> {
    const query = { format: "record", revision: options.revision, ...readQuery(options) };
    const answer = await unlessAbsent(
      "key_not_found",
      this.#get(keyPath(key) + queryString(query), options),
    );
    return answer && recordOf(answer);
  }

  /** Deleting nothing is no error: `deleted` is 0 then. */
  async delete(key: KeyBytes, options: WriteOptions = {}): Promise<DeleteResult> {
    const answer = await this.#connection.request({
      ...stored(options),
      method: "DELETE",
      target: keyPath(key) + queryString({ prev: options.prev }),
      headers: writeHeaders(options),
    });
    return deleteResultOf(parseJson(answer.body));
  }

  /**
   * Deletes the keys of a range that is not the whole store, in one revision: at most 10,000. More
   * are refused as `range_too_large`, unless `limit` says how many to begin with.
   */
  async deleteRange(
    range: KeyRange,
    options: StoreOptions & { readonly limit?: number; readonly prev?: boolean } = {},
  ): Promise<DeleteRangeResult> {
    const { limit, prev } = options;
    const answer = await this.#connection.request({
      ...stored(options),
      method: "DELETE",
      target: `/v1/kv${queryString({ ...rangeQuery(range), limit, prev })}`,
    });
    return deleteRangeResultOf(parseJson(answer.body));
  }

  /**
   * Merges a patch into the JSON document under the key (RFC 7396): `null` removes a member. An
   * absent key is patched as `{}`. A text is sent as it is, so that its numbers keep their digits.
   */
  async patch(
    key: KeyBytes,
    patch: string | JsonObject,
    options: WriteOptions = {},
  ): Promise<PutResult> {
    const answer = await this.#connection.request({
      ...stored(options),
      method: "PATCH",
      target: keyPath(key) + queryString({ prev: options.prev }),
      headers: { "content-type": "application/merge-patch+json", ...writeHeaders(options) },
      body: bytesOf(typeof patch === "string" ? patch : JSON.stringify(patch)),
    });
    return putResultOf(parseJson(answer.body));
  }

  /**
   * Adds to the signed 64-bit integer that stands under the key in decimal; an absent key takes
   * `by`. Any other value, and a sum of more bits, is refused as `value_type_mismatch`.
   */
  async add(
    key: KeyBytes,
    by: number | bigint = 1,
    options: WriteOptions = {},
  ): Promise<CountResult> {
    return await this.#count(key, { op: "add", operand: by }, options);
  }

  /** Makes the number under the key at most `bound`; an absent key takes it. See {@link add}. */
  async min(
    key: KeyBytes,
    bound: number | bigint,
    options: WriteOptions = {},
  ): Promise<CountResult> {
    return await this.#count(key, { op: "min", operand: bound }, options);
  }

  /** Makes the number under the key at least `bound`; an absent key takes it. See {@link add}. */
  async max(
    key: KeyBytes,
    bound: number | bigint,
    options: WriteOptions = {},
  ): Promise<CountResult> {
    return await this.#count(key, { op: "max", operand: bound }, options);
  }

  /** Puts bytes behind those under the key; an absent key takes them. */
  async append(key: KeyBytes, bytes: KeyBytes, options: WriteOptions = {}): Promise<PutResult> {
    const json = { op: "append", ...bytesMembers("value", bytes) };
    return putResultOf(await this.#post(keyPath(key), json, options));
  }

  async #count(
    key: KeyBytes,
    { op, operand }: { readonly op: string; readonly operand: number | bigint },
    options: WriteOptions,
  ): Promise<CountResult> {
    const json = await this.#post(keyPath(key), { op, value: String(operand) }, options);
    return { ...putResultOf(json), value: BigInt(textMember(json, "value")) };
  }

  /** One page; without a range, of the whole store. */
  async list(options: ListOptions = {}): Promise<Page> {
    const { limit, cursor, reverse, keysOnly, delimiter, revision } = options;
    const query = {
      ...rangeQuery(options),
      ...{ limit, cursor, reverse, keys_only: keysOnly, delimiter, revision },
      ...readQuery(options),
    };
    return pageOf(await this.#get(`/v1/kv${queryString(query)}`, options));
  }

  /** All pages of a range, of one revision. `limit` is that of a page. */
  async *pages(options: Omit<ListOptions, "cursor"> = {}): AsyncGenerator<Page, undefined> {
    let page = await this.list(options);
    yield page;
    while (page.cursor !== undefined) {
      page = await this.list({ ...options, cursor: page.cursor });
      yield page;
    }
  }

  /** How many keys a range holds, and at which revision. */
  async count(
    options: ViewOptions & KeyRange = {},
  ): Promise<{ readonly count: number; readonly revision: number }> {
    const { revision } = options;
    const query = { ...rangeQuery(options), count_only: true, revision, ...readQuery(options) };
    const json = await this.#get(`/v1/kv${queryString(query)}`, options);
    return { count: numberMember(json, "count"), revision: numberMember(json, "revision") };
  }

  /** One page of the versions and deletions of a key, the newest first. */
  async history(key: KeyBytes, options: ViewOptions & PageOptions = {}): Promise<HistoryPage> {
    const { limit, cursor, revision } = options;
    const query = queryString({ limit, cursor, revision, ...readQuery(options) });
    return historyPageOf(await this.#get(historyPath(key) + query, options));
  }

  /** Does one of two lists of operations, whole, in one revision. */
  async txn(txn: Txn, options: StoreOptions = {}): Promise<TxnResult> {
    return txnResultOf(await this.#post("/v1/txn", txnJson(txn), options));
  }

  /** Does up to 1,000 independent operations, in order; what fails is told item by item. */
  async batch(items: readonly BatchItem[], options: StoreOptions = {}): Promise<BatchResult> {
    return batchResultOf(await this.#post("/v1/batch", batchJson(items), options), items);
  }

  /** Follows the changes of a key, a prefix or a range. It is opened when it is first asked. */
  watch(options: WatchOptions = {}): Watch {
    return new Watch(new WatchLines(this.#connection, options));
  }

  /** Begins a lease: keys that are put with its id go when it ends. */
  async grantLease(request: LeaseRequest, options: StoreOptions = {}): Promise<LeaseGiven> {
    const { ttlMs, id } = request;
    const json = { ttl: durationText(ttlMs), id };
    return leaseGivenOf(await this.#post("/v1/leases", json, options));
  }

  /** Gives a lease its whole time again. One that has ended is refused: `lease_not_found`. */
  async keepLeaseAlive(id: string, options: StoreOptions = {}): Promise<LeaseGiven> {
    const answer = await this.#connection.request({
      ...stored(options),
      method: "POST",
      target: `${leasePath(id)}/keepalive`,
    });
    return leaseGivenOf(parseJson(answer.body));
  }

  /** One lease, and what is left of it; undefined when there is none. */
  async leaseInfo(
    id: string,
    options: ReadOptions & { readonly keys?: boolean } = {},
  ): Promise<LeaseInfo | undefined> {
    const query = queryString({ keys: options.keys, ...readQuery(options) });
    const json = await unlessAbsent(
      "lease_not_found",
      this.#get(leasePath(id) + query, options),
    );
    return json && leaseInfoOf(json);
  }

  /** One page of the leases that live. */
  async listLeases(options: ReadOptions & PageOptions = {}): Promise<LeasePage> {
    const { limit, cursor } = options;
    const query = queryString({ limit, cursor, ...readQuery(options) });
    return leasePageOf(await this.#get(`/v1/leases${query}`, options));
  }

  /** Ends a lease, and its keys with it. One that has ended is refused: `lease_not_found`. */
  async revokeLease(id: string, options: StoreOptions = {}): Promise<void> {
    await this.#connection.request({
      ...stored(options),
      method: "DELETE",
      target: leasePath(id),
    });
  }

  /** Gives up what was before `revision`, which stays readable itself. */
  async compact(revision: number, options: StoreOptions = {}): Promise<CompactResult> {
    const json = await this.#post("/v1/compactions", { revision }, options);
    return { revision: numberMember(json, "revision"), oldest: numberMember(json, "oldest") };
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

  async #get(target: string, options: CallOptions): Promise<JsonObject> {
    const request = { kind: "read", method: "GET", target, ...limited(options) } as const;
    return parseJson((await this.#connection.request(request)).body);
  }

  async #post(target: string, json: unknown, options: WriteOptions): Promise<JsonObject> {
    const answer: RestAnswer = await this.#connection.request({
      ...stored(options),
      method: "POST",
      target: target + queryString({ prev: options.prev }),
      headers: { "content-type": "application/json", ...writeHeaders(options) },
      body: bytesOf(JSON.stringify(json)),
    });
    return parseJson(answer.body);
  }
}

/** Undefined in place of a refusal of this code. */
async function unlessAbsent<T>(code: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AnswerError && error.code === code) return undefined;
    throw error;
  }
}
