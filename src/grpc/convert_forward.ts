/** Forwarded requests, their answers and their failures between wire and vocabulary. */

import { unreachable } from "../lib/assert.ts";
import type { Idempotency } from "../service/contract.ts";
import { isErrorCode, type Outcome, ServiceError } from "../service/errors.ts";
import type {
  ForwardAnswer,
  ForwardBody,
  ForwardOutcome,
  ForwardRequest,
} from "../service/forwarder.ts";
import type { Wire } from "./codec.ts";
import { fromClusterView, toClusterView } from "./convert_cluster.ts";
import {
  fromForwardedMembership,
  fromMembershipAnswer,
  toForwardedMembership,
  toMembershipAnswer,
} from "./convert_membership.ts";
import { count, nodeId, present } from "./convert_parts.ts";
import { fromStateHashes, toStateHashes } from "./convert_state.ts";
import { WireRefusal } from "./refusal.ts";

type WireRequest = Wire["skein.raft.v1.ForwardRequest"];
type WireResponse = Wire["skein.raft.v1.ForwardResponse"];

const outcomes: readonly (Outcome | undefined)[] = [
  undefined,
  "not_applied",
  "applied",
  "unknown",
];
const hashBytes = 32;

/** The wire shape of a request to the leader. */
export function fromForwardRequest(request: ForwardRequest): WireRequest {
  const { clusterId, from, requestId, timeoutMs, body } = request;
  const head = { clusterId, from, requestId, timeoutMs: Math.ceil(timeoutMs) };
  switch (body.kind) {
    case "write":
      return { ...head, write: body };
    case "view":
      return { ...head, view: {} };
    case "transferLeadership":
      return { ...head, transferLeadership: { target: body.target } };
    case "stateHashes":
      return { ...head, stateHashes: {} };
    case "changeMembers":
      return { ...head, changeMembers: fromForwardedMembership(body) };
    default:
      return unreachable(body);
  }
}

/** The request that another node sent. Throws WireRefusal. */
export function toForwardRequest(wire: WireRequest): ForwardRequest {
  return {
    clusterId: wire.clusterId,
    from: nodeId(wire.from, "from"),
    requestId: wire.requestId,
    timeoutMs: count(wire.timeoutMs, "timeout_ms"),
    body: toBody(wire),
  };
}

function toBody(wire: WireRequest): ForwardBody {
  if (wire.body === "view") return { kind: "view" };
  if (wire.body === "stateHashes") return { kind: "stateHashes" };
  if (wire.body === "transferLeadership") {
    const target = wire.transferLeadership?.target;
    if (target === null || target === undefined) return { kind: "transferLeadership" };
    return { kind: "transferLeadership", target: nodeId(target, "target") };
  }
  if (wire.body === "changeMembers") {
    return toForwardedMembership(present(wire.changeMembers, "change_members"));
  }
  const { operation, idempotency } = present(wire.write, "body");
  if (idempotency === null || idempotency === undefined) return { kind: "write", operation };
  return { kind: "write", operation, idempotency: toIdempotency(idempotency) };
}

function toIdempotency(wire: Wire["skein.raft.v1.Idempotency"]): Idempotency {
  const { identity, key, requestHash } = wire;
  if (requestHash.length !== hashBytes) {
    throw new WireRefusal("malformed", `request_hash has ${requestHash.length} bytes, not 32`);
  }
  return { identity, key, requestHash };
}

/** The wire shape of the leader's answer. */
export function fromForwardAnswer(answer: ForwardAnswer): WireResponse {
  switch (answer.kind) {
    case "written": {
      const { revision, servedBy, leader, clusterId } = answer.header;
      return { written: { result: answer.result, revision, servedBy, leader, clusterId } };
    }
    case "view":
      return { view: fromClusterView(answer.view) };
    case "stateHashes":
      return { stateHashes: fromStateHashes(answer.hashes) };
    case "transferred":
      return { transferred: { leader: answer.leader } };
    case "membersChanged":
      return { membersChanged: fromMembershipAnswer(answer.changed) };
    default:
      return unreachable(answer);
  }
}

/** The wire shape of a refusal or failure, its outcome included. */
export function fromServiceError(error: ServiceError): WireResponse {
  return {
    failure: {
      code: error.code,
      detail: error.message,
      outcome: outcomes.indexOf(error.outcome),
      retryable: error.retryable,
      retryAfterMs: error.retryAfterMs,
      issues: error.issues,
      extraJson: Object.keys(error.extra).length === 0 ? "" : JSON.stringify(error.extra),
    },
  };
}

/** `answered` or `failed`; throws WireRefusal for what is neither. */
export function toForwardOutcome(wire: WireResponse): ForwardOutcome {
  switch (wire.answer) {
    case "written":
      return { kind: "answered", answer: toWritten(present(wire.written, "written")) };
    case "view": {
      const view = toClusterView(present(wire.view, "view"));
      return { kind: "answered", answer: { kind: "view", view } };
    }
    case "stateHashes": {
      const hashes = toStateHashes(present(wire.stateHashes, "state_hashes"));
      return { kind: "answered", answer: { kind: "stateHashes", hashes } };
    }
    case "transferred": {
      const leader = nodeId(present(wire.transferred, "transferred").leader, "leader");
      return { kind: "answered", answer: { kind: "transferred", leader } };
    }
    case "membersChanged": {
      const changed = toMembershipAnswer(present(wire.membersChanged, "members_changed"));
      return { kind: "answered", answer: { kind: "membersChanged", changed } };
    }
    default:
      return { kind: "failed", error: toServiceError(present(wire.failure, "answer")) };
  }
}

function toWritten(wire: Wire["skein.raft.v1.Written"]): ForwardAnswer {
  const header = {
    revision: count(wire.revision, "revision"),
    servedBy: nodeId(wire.servedBy, "served_by"),
    leader: wire.leader ?? undefined,
    clusterId: wire.clusterId,
  };
  return { kind: "written", result: wire.result, header };
}

function toServiceError(wire: Wire["skein.raft.v1.Failure"]): ServiceError {
  const retryAfterMs = wire.retryAfterMs;
  const code = isErrorCode(wire.code) ? wire.code : "internal";
  return new ServiceError(code, wire.detail, {
    // What only a later version can name promises nothing.
    outcome: wire.outcome in outcomes ? outcomes[wire.outcome] : "unknown",
    retryable: wire.retryable,
    ...(retryAfterMs === null || retryAfterMs === undefined
      ? {}
      : { retryAfterMs: count(retryAfterMs, "retry_after_ms") }),
    issues: wire.issues,
    extra: toExtra(wire.extraJson),
  });
}

function toExtra(json: string): Readonly<Record<string, unknown>> {
  if (json === "") return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
