/** Pages of large values: read and written in slices, and limited by what they are in JSON. */

import { HttpProbe, type JsonObject } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

const mebi = 1024 * 1024;

let probe: HttpProbe;
/** Of each range that was asked of the store: how many records it answered, and the revision. */
let slices: { readonly items: number; readonly asked: number | undefined }[];

beforeEach(() => {
  probe = new HttpProbe();
  slices = [];
  const read = probe.kv.store.read.bind(probe.kv.store);
  probe.kv.store.read = (query) => {
    const answer = read(query);
    if (answer.kind === "range") {
      slices.push({ items: answer.items.length, asked: query.revision });
    }
    return answer;
  };
});

function fill(values: Readonly<Record<string, Uint8Array>>): void {
  for (const [key, value] of Object.entries(values)) {
    const operation = {
      ...{ kind: "put", key: new TextEncoder().encode(key), value } as const,
      ...{ conditions: {}, prev: false },
    };
    probe.kv.store.apply(operation);
  }
}

function keysOf(page: JsonObject): readonly string[] {
  return Object(page["items"]).map((item: JsonObject) => item["key"]);
}

async function page(query: string): Promise<JsonObject> {
  return await probe.json(`GET /v1/kv?${query}`, 200);
}

/** Keys `00`, `01`, … with values of so many bytes. */
function records(count: number, value: Uint8Array): Readonly<Record<string, Uint8Array>> {
  const names = Array.from({ length: count }, (_, at) => String(at).padStart(2, "0"));
  return Object.fromEntries(names.map((name) => [name, value]));
}

describe("What is read in several steps while the past is given up", () => {
  const mediumValue = new Uint8Array(mebi / 2).fill(97);

  /** The first step is behind when the second one comes. */
  function compactBetween(): void {
    let asked = 0;
    probe.kv.before = () => {
      if (++asked !== 2) return;
      fill({ "00": mediumValue });
      probe.kv.store.compact(probe.kv.store.revision);
    };
  }

  it("is read anew, of the newest revision", async () => {
    fill(records(12, mediumValue));
    for (const line of ["GET /v1/kv", "GET /v1/history/00"]) {
      if (line.includes("history")) { for (let at = 0; at < 5; at++) fill({ "00": mediumValue }); }
      compactBetween();
      const { revision } = await probe.json(line, 200);
      assert.equal(revision, probe.kv.store.revision, line);
    }
  });

  it("is 410 where its revision was asked for", async () => {
    fill(records(12, mediumValue));
    compactBetween();
    await probe.problem("GET /v1/kv?revision=13", "410 revision_compacted");
  });
});

describe("A page of large values", () => {
  it("is read in slices of about a mebibyte, from one view", async () => {
    fill({ ...records(6, new Uint8Array(mebi / 2).fill(97)), "06": new Uint8Array(3 * mebi) });
    let asked = 0;
    probe.kv.before = () => {
      // A change behind the first slice, which no later one may show.
      if (++asked === 2) fill({ "05": new Uint8Array(0), "07": new Uint8Array(1) });
    };
    const { items, count, revision, cursor } = await page("");
    assert.deepEqual([count, revision, cursor], [7, 8, undefined]);
    assert.deepEqual(
      Object(items).map((item: JsonObject) => [item["key"], String(item["value"]).length]),
      [
        ...["00", "01", "02", "03", "04", "05"].map((key) => [key, mebi / 2]),
        ["06", 3 * mebi],
      ],
    );
    assert.deepEqual(slices.map(({ asked }) => asked), [undefined, 8, 8, 8]);
    assert.deepEqual(slices.map(({ items }) => items), [2, 2, 2, 1]);
  });

  it("ends behind 16 MiB of JSON, whatever the values were before, and goes on there", async () => {
    fill(records(20, new Uint8Array(mebi)));
    const first = await page("");
    assert.deepEqual(keysOf(first), ["00", "01", "02"], "a byte of zero is six of JSON");
    const second = await page(`cursor=${first["cursor"]}`);
    assert.deepEqual(keysOf(second), ["03", "04", "05"]);
    fill(records(20, new Uint8Array(mebi).fill(97)));
    assert.equal(keysOf(await page("")).length, 16);
    const reverse = await page("reverse=true&limit=17");
    assert.deepEqual([keysOf(reverse).at(0), keysOf(reverse).at(-1)], ["19", "04"]);
    const rest = await page(`reverse=true&limit=17&cursor=${reverse["cursor"]}`);
    assert.deepEqual(keysOf(rest), ["03", "02", "01", "00"]);
  });

  it("has no more items than its limit, over all slices, folders included", async () => {
    const value = new Uint8Array(mebi).fill(97);
    fill({ a: value, "b/1": value, "b/2": value, c: value, d: value, "e/1": value, f: value });
    const folders = await page("delimiter=/&limit=5");
    assert.deepEqual(keysOf(folders), ["a", "c", "d"]);
    assert.deepEqual([folders["prefixes"], folders["count"]], [["b/", "e/"], 5]);
    const rest = await page(`delimiter=/&limit=5&cursor=${folders["cursor"]}`);
    assert.deepEqual([keysOf(rest), rest["prefixes"]], [["f"], []]);
  });

  it("is not read where nothing has changed", async () => {
    fill(records(4, new Uint8Array(mebi)));
    const tagged = { headers: { "If-None-Match": '"r5"' } };
    assert.equal((await probe.ask("GET /v1/kv", tagged)).status, 304);
    assert.deepEqual(slices.map(({ items }) => items), [0]);
    fill({ "00": new Uint8Array(1) });
    const changed = await probe.json("GET /v1/kv", 200, tagged);
    assert.deepEqual(keysOf(changed), ["00", "01", "02", "03"].slice(0, keysOf(changed).length));
    assert.equal(changed["revision"], 6);
  });
});
