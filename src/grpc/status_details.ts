/** Service errors as gRPC statuses with google.rpc details, which most clients can read. */

import { errorFacts, ServiceError } from "../service/errors.ts";
import { CallError } from "./call.ts";
import { codec } from "./codec.ts";

const statusCodec = codec("google.rpc.Status");
const errorInfoCodec = codec("google.rpc.ErrorInfo");
const retryInfoCodec = codec("google.rpc.RetryInfo");
const badRequestCodec = codec("google.rpc.BadRequest");

/** Where an error that may be repeated says nothing of when. */
const retryDelayMs = 100;

/** Errors that are no ServiceError are left as they are: the server hides them. */
export function withDetails(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error;
  const code = errorFacts(error.code).grpc;
  const details = [errorInfo(error), ...retryInfo(error), ...badRequest(error)];
  const status = statusCodec.encode({ code, message: error.message, details });
  return new CallError(code, error.message, { "grpc-status-details-bin": status });
}

function errorInfo({ code, outcome, extra }: ServiceError): Detail {
  const metadata = { ...outcome === undefined ? {} : { outcome }, ...textsOf(extra) };
  const info = { reason: code.toUpperCase(), domain: "skein", metadata };
  return detail("google.rpc.ErrorInfo", errorInfoCodec.encode(info));
}

/** The members of a problem document as texts; those of a member behind its name and `_`. */
function textsOf(extra: object, prefix = ""): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(extra)) {
    if (typeof value === "object" && value !== null) {
      Object.assign(texts, textsOf(value, `${prefix}${name}_`));
    } else {
      texts[prefix + name] = String(value);
    }
  }
  return texts;
}

/** With it, the same call can succeed later; without it, somebody has to change something first. */
function retryInfo({ retryable, retryAfterMs }: ServiceError): readonly Detail[] {
  if (!retryable && retryAfterMs === undefined) return [];
  const ms = retryAfterMs ?? retryDelayMs;
  const retryDelay = { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) };
  return [detail("google.rpc.RetryInfo", retryInfoCodec.encode({ retryDelay }))];
}

function badRequest({ issues }: ServiceError): readonly Detail[] {
  if (issues.length === 0) return [];
  const fieldViolations = issues.map(({ path, message }) => ({
    field: path,
    description: message,
  }));
  return [detail("google.rpc.BadRequest", badRequestCodec.encode({ fieldViolations }))];
}

interface Detail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

function detail(name: string, value: Uint8Array): Detail {
  return { typeUrl: `type.googleapis.com/${name}`, value };
}
