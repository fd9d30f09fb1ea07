/** Service errors as gRPC statuses with google.rpc details, which most clients can read. */

import { errorFacts, ServiceError } from "../service/errors.ts";
import { CallError } from "./call.ts";
import { codec } from "./codec.ts";

const statusCodec = codec("google.rpc.Status");
const errorInfoCodec = codec("google.rpc.ErrorInfo");
const retryInfoCodec = codec("google.rpc.RetryInfo");

/** Errors that are no ServiceError are left as they are: the server hides them. */
export function withDetails(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error;
  const code = errorFacts(error.code).grpc;
  const info = errorInfoCodec.encode({
    reason: error.code.toUpperCase(),
    domain: "skein",
    metadata: error.outcome === undefined ? {} : { outcome: error.outcome },
  });
  const details = [any("google.rpc.ErrorInfo", info)];
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.floor(error.retryAfterMs / 1000);
    const nanos = Math.round((error.retryAfterMs % 1000) * 1e6);
    const retry = retryInfoCodec.encode({ retryDelay: { seconds, nanos } });
    details.push(any("google.rpc.RetryInfo", retry));
  }
  const status = statusCodec.encode({ code, message: error.message, details });
  return new CallError(code, error.message, { "grpc-status-details-bin": status });
}

function any(
  name: string,
  value: Uint8Array,
): { readonly typeUrl: string; readonly value: Uint8Array } {
  return { typeUrl: `type.googleapis.com/${name}`, value };
}
