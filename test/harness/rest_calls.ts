/** Operations of a history as REST requests, and what their answers say about the outcome. */

import type { Operation, Outcome, SeenRecord } from "./history.ts";
import { type OnceAnswer, requestOnce } from "./http_once.ts";

export interface RestTarget {
  /** A node's REST address, without a path. */
  readonly url: string;
  readonly withinMs: number;
}

/**
 * Runs one operation against one node. The outcome is `notApplied` only on proof: the connection
 * was never made, or the problem document promises it. Whatever is not understood is `unknown`.
 */
export async function callRest(operation: Operation, target: RestTarget): Promise<Outcome> {
  const answer = await requestOnce({
    ...encodeOperation(operation, target.url),
    withinMs: target.withinMs,
  });
  if (answer.kind === "notSent") return { kind: "notApplied", reason: answer.reason };
  if (answer.kind === "lost") return { kind: "unknown", reason: answer.reason };
  return readAnswer(operation, answer) ?? readRefusal(answer);
}

interface Encoded {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function encodeOperation(operation: Operation, base: string): Encoded {
  const url = `${base}/v1/kv/${encodeURIComponent(operation.key)}`;
  const headers = { "Content-Type": "text/plain" };
  switch (operation.kind) {
    case "get":
      return { method: "GET", url: `${url}?format=record` };
    case "delete":
      return { method: "DELETE", url };
    case "put":
      return { method: "PUT", url, body: operation.value, headers };
    case "cas": {
      const condition: Record<string, string> = operation.expected === 0
        ? { "If-None-Match": "*" }
        : { "If-Match": `"${operation.expected}"` };
      return { method: "PUT", url, body: operation.value, headers: { ...headers, ...condition } };
    }
  }
}

type Answered = OnceAnswer & { readonly kind: "answered" };

/** What an answer that decides the operation says; undefined for every other. */
function readAnswer(operation: Operation, answer: Answered): Outcome | undefined {
  const body = parseObject(answer.body);
  const revision = Number(answer.headers.get("kv-revision"));
  if (body === undefined || !Number.isSafeInteger(revision) || revision < 1) return undefined;
  switch (operation.kind) {
    case "get": {
      if (answer.status === 404 && body["code"] === "key_not_found") {
        return { kind: "absent", revision };
      }
      const record = readRecord(body);
      return answer.status === 200 && record !== undefined
        ? { kind: "found", record, revision }
        : undefined;
    }
    case "put":
    case "cas": {
      if (answer.status === 200 || answer.status === 201) {
        const [mod, version] = [body["revision"], body["version"]];
        if (typeof mod !== "number" || typeof version !== "number") return undefined;
        return { kind: "written", mod, version };
      }
      if (answer.status !== 412 || body["code"] !== "precondition_failed") return undefined;
      const current = readRecord(body["current"]);
      return { kind: "conditionFailed", revision, ...(current && { current }) };
    }
    case "delete": {
      const { deleted, revision: at } = body;
      if (answer.status !== 200 || typeof at !== "number") return undefined;
      return deleted === 0 || deleted === 1
        ? { kind: "deleted", count: deleted, revision: at }
        : undefined;
    }
  }
}

function readRefusal(answer: Answered): Outcome {
  const body = parseObject(answer.body);
  const reason = `${answer.status} ${String(body?.["code"] ?? answer.body.slice(0, 80))}`;
  return { kind: body?.["outcome"] === "not_applied" ? "notApplied" : "unknown", reason };
}

function readRecord(value: unknown): SeenRecord | undefined {
  if (!isObject(value)) return undefined;
  const { value: text, mod, version } = value;
  if (typeof text !== "string" || typeof mod !== "number" || typeof version !== "number") {
    return undefined;
  }
  return { value: text, mod, version };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
