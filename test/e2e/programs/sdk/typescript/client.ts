/**
 * A client of the types that openapi-typescript makes of the document, as a stranger writes one.
 *
 * Arguments: the address of a node, and the prefix of the keys to use. It writes a line of JSON for
 * each step of the conversation that sdk_test.ts expects.
 */

import process from "node:process";
import createClient from "openapi-fetch";
import type { components, paths } from "skein-api";

type Schemas = components["schemas"];

const [baseUrl = "", prefix = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl });

function tell(step: string, response: Response, told: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ step, status: response.status, ...told }));
}

function put(name: string, value: string, more: {
  readonly query?: { readonly lease?: string; readonly content_type?: string };
  readonly header?: { readonly "If-Match"?: string };
} = {}) {
  return api.PUT("/v1/kv/{key}", {
    params: { path: { key: prefix + name }, ...more },
    headers: { "Content-Type": "application/octet-stream" },
    body: value,
    bodySerializer: (text) => text,
  });
}

function get(name: string) {
  const params = { path: { key: prefix + name } };
  return api.GET("/v1/kv/{key}", { params, parseAs: "text" });
}

function written(result: Schemas["PutResult"] | undefined) {
  const { key, revision, create, version } = result ?? {};
  return { key, revision, create, version };
}

function recordOf(record: Schemas["Record"] | null | undefined) {
  if (record === null || record === undefined) return null;
  const { key, value, create, mod, version, content_type } = record;
  return { key, value, create, mod, version, content_type };
}

function refused(problem: Schemas["Problem"] | undefined) {
  return { code: problem?.code, outcome: problem?.outcome ?? null };
}

async function talkOfKeys(): Promise<void> {
  const created = await put("a", "one", { query: { content_type: "text/plain" } });
  tell("put", created.response, written(created.data));
  const found = await get("a");
  const type = found.response.headers.get("Content-Type");
  tell("get", found.response, { type, value: found.data });

  const tag = `"${created.data?.revision}"`;
  const swapped = await put("a", "two", { header: { "If-Match": tag } });
  tell("swap", swapped.response, written(swapped.data));
  const lost = await put("a", "three", { header: { "If-Match": tag } });
  const current = recordOf(lost.error?.current);
  tell("lose", lost.response, { ...refused(lost.error), current });

  const other = await put("b", "käse");
  tell("put", other.response, written(other.data));
  const list = await api.GET("/v1/kv", { params: { query: { prefix } } });
  // The other type that a list may have is that of a line of NDJSON, which was not asked for.
  const page = list.data !== undefined && "items" in list.data ? list.data : undefined;
  const { items = [], count, revision } = page ?? {};
  tell("list", list.response, { items: items.map(recordOf), count, revision });
}

async function talkOfTransactions(): Promise<void> {
  const body: Schemas["Txn"] = {
    if: [{ key: `${prefix}a`, target: "value", op: "=", value: "two" }],
    then: [{ put: { key: `${prefix}a`, value: "three" } }, { get: { key: `${prefix}b` } }],
    else: [{ get: { key: `${prefix}a` } }, { get: { key: `${prefix}never` } }],
  };
  const held = await api.POST("/v1/txn", { body });
  const [done, read] = held.data?.results ?? [];
  const { revision, create, version } = done?.put ?? {};
  tell("then", held.response, {
    succeeded: held.data?.succeeded,
    put: { revision, create, version },
    get: recordOf(read?.get),
  });
  const failed = await api.POST("/v1/txn", { body });
  const gets = failed.data?.results.map((result) => recordOf(result.get));
  tell("else", failed.response, { succeeded: failed.data?.succeeded, gets });
}

async function talkOfLeases(): Promise<void> {
  const granted = await api.POST("/v1/leases", { body: { ttl: "60s" } });
  const { id = "", ttl_ms } = granted.data ?? {};
  tell("grant", granted.response, { ttl_ms });
  const hung = await put("c", "leased", { query: { lease: id } });
  tell("hang", hung.response, written(hung.data));

  const params = { path: { id } };
  const kept = await api.POST("/v1/leases/{id}/keepalive", { params });
  tell("keep", kept.response, { same: kept.data?.id === id, ttl_ms: kept.data?.ttl_ms });
  const seen = await api.GET("/v1/leases/{id}", { params: { ...params, query: { keys: true } } });
  const { remaining_ms = 0, key_count, keys = [] } = seen.data ?? {};
  tell("look", seen.response, {
    is_left: remaining_ms > 0 && remaining_ms <= 60_000,
    key_count,
    keys: keys.map(({ key }) => key),
  });
  const revoked = await api.DELETE("/v1/leases/{id}", { params });
  tell("revoke", revoked.response, {});
  const gone = await get("c");
  tell("miss", gone.response, refused(gone.error));
}

await talkOfKeys();
await talkOfTransactions();
await talkOfLeases();
