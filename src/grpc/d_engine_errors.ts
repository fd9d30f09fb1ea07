/** Failures in the words of the d-engine wire protocol (proto/d_engine/error.proto). */

import { type ErrorCode, ServiceError } from "../service/errors.ts";
import type { Wire } from "./codec.ts";

export const dEngineCode = {
  success: 0,
  connectionTimeout: 1001,
  diskFull: 3001,
  dataCorruption: 3002,
  staleOperation: 4002,
  invalidRequest: 4003,
  rateLimited: 4004,
  clusterUnavailable: 4005,
  proposeFailed: 4006,
  watchBufferOverflow: 5001,
  general: 8888,
} as const;

type Response = Wire["d_engine.client.ClientResponse"];

/**
 * The answer that stands for `error`. An outcome that nobody knows is PROPOSE_FAILED, whatever it
 * came from: the one thing that a client must not take for "not applied".
 */
export function failedResponse(error: ServiceError): Response {
  if (error.outcome === "unknown") {
    return { error: dEngineCode.proposeFailed, metadata: { debugMessage: "outcome unknown" } };
  }
  const metadata = { retryAfterMs: error.retryAfterMs, debugMessage: error.message };
  return { error: codeOf(error.code), metadata };
}

function codeOf(code: ErrorCode): number {
  switch (code) {
    case "overloaded":
      return dEngineCode.rateLimited;
    case "no_leader":
    case "leader_changed":
    case "draining":
    case "not_ready":
      return dEngineCode.clusterUnavailable;
    case "too_stale":
    case "conflict":
      return dEngineCode.staleOperation;
    case "timeout":
    case "request_timeout":
      return dEngineCode.connectionTimeout;
    case "out_of_space":
      return dEngineCode.diskFull;
    case "corruption_detected":
      return dEngineCode.dataCorruption;
    case "internal":
      return dEngineCode.general;
    default:
      return dEngineCode.invalidRequest;
  }
}

/** A request that cannot be served as it stands. */
export function invalidRequest(message: string): ServiceError {
  return new ServiceError("bad_request", message, { outcome: "not_applied" });
}
