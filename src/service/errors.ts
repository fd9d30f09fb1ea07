/**
 * Every error that a client can see: one closed table of codes with its HTTP status and its gRPC
 * code. Expected outcomes are values of {@link ServiceError}; broken invariants are not errors of
 * this kind and end the process.
 */

/** What became of the write. A promise, not a guess (docs/ARCHITECTURE.md, "Outcomes"). */
export type Outcome =
  /** Refused before it was appended, or decided so in apply. */
  | "not_applied"
  /** It is applied, but the answer asked for could not be given. */
  | "applied"
  /** Everything else. */
  | "unknown";

/** gRPC status codes by their canonical numbers. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

interface CodeFacts {
  readonly status: number;
  readonly grpc: number;
  readonly title: string;
}

const table = {
  bad_request: { status: 400, grpc: grpcStatus.invalidArgument, title: "Bad request" },
  validation_failed: { status: 400, grpc: grpcStatus.invalidArgument, title: "Validation failed" },
  missing_token: { status: 400, grpc: grpcStatus.invalidArgument, title: "Missing token" },
  invalid_cursor: { status: 400, grpc: grpcStatus.invalidArgument, title: "Invalid cursor" },
  range_too_large: { status: 400, grpc: grpcStatus.invalidArgument, title: "Range too large" },
  duplicate_key: { status: 400, grpc: grpcStatus.invalidArgument, title: "Duplicate key" },
  forbidden: { status: 403, grpc: grpcStatus.permissionDenied, title: "Forbidden" },
  key_not_found: { status: 404, grpc: grpcStatus.notFound, title: "Key not found" },
  lease_not_found: { status: 404, grpc: grpcStatus.notFound, title: "Lease not found" },
  lock_not_held: { status: 404, grpc: grpcStatus.notFound, title: "Lock not held" },
  election_vacant: { status: 404, grpc: grpcStatus.notFound, title: "Election without a leader" },
  member_not_found: { status: 404, grpc: grpcStatus.notFound, title: "Member not found" },
  route_not_found: { status: 404, grpc: grpcStatus.unimplemented, title: "Route not found" },
  method_not_allowed: { status: 405, grpc: grpcStatus.unimplemented, title: "Method not allowed" },
  request_timeout: { status: 408, grpc: grpcStatus.deadlineExceeded, title: "Request timeout" },
  conflict: { status: 409, grpc: grpcStatus.aborted, title: "Conflict" },
  idempotency_expired: {
    status: 409,
    grpc: grpcStatus.aborted,
    title: "Idempotency key too old",
  },
  membership_change_in_progress: {
    status: 409,
    grpc: grpcStatus.aborted,
    title: "Membership change in progress",
  },
  would_lose_quorum: {
    status: 409,
    grpc: grpcStatus.failedPrecondition,
    title: "Would lose the quorum",
  },
  lease_full: { status: 409, grpc: grpcStatus.resourceExhausted, title: "Lease full" },
  value_type_mismatch: {
    status: 409,
    grpc: grpcStatus.failedPrecondition,
    title: "Value of another type",
  },
  revision_compacted: { status: 410, grpc: grpcStatus.outOfRange, title: "Revision compacted" },
  precondition_failed: {
    status: 412,
    grpc: grpcStatus.failedPrecondition,
    title: "Precondition failed",
  },
  value_too_large: { status: 413, grpc: grpcStatus.resourceExhausted, title: "Value too large" },
  request_too_large: {
    status: 413,
    grpc: grpcStatus.resourceExhausted,
    title: "Request too large",
  },
  target_too_long: { status: 414, grpc: grpcStatus.invalidArgument, title: "Target too long" },
  key_too_long: { status: 414, grpc: grpcStatus.invalidArgument, title: "Key too long" },
  unsupported_media_type: {
    status: 415,
    grpc: grpcStatus.invalidArgument,
    title: "Unsupported media type",
  },
  wrong_cluster: { status: 421, grpc: grpcStatus.failedPrecondition, title: "Wrong cluster" },
  wrong_host: { status: 421, grpc: grpcStatus.permissionDenied, title: "Wrong host" },
  range_not_satisfiable: {
    status: 416,
    grpc: grpcStatus.outOfRange,
    title: "Range not satisfiable",
  },
  idempotency_mismatch: {
    status: 422,
    grpc: grpcStatus.invalidArgument,
    title: "Idempotency key used for another request",
  },
  locked: { status: 423, grpc: grpcStatus.aborted, title: "Locked" },
  not_elected: { status: 423, grpc: grpcStatus.aborted, title: "Not elected" },
  overloaded: { status: 429, grpc: grpcStatus.resourceExhausted, title: "Overloaded" },
  too_many_watches: {
    status: 429,
    grpc: grpcStatus.resourceExhausted,
    title: "Too many watches",
  },
  headers_too_large: {
    status: 431,
    grpc: grpcStatus.resourceExhausted,
    title: "Headers too large",
  },
  internal: { status: 500, grpc: grpcStatus.internal, title: "Internal error" },
  corruption_detected: { status: 500, grpc: grpcStatus.dataLoss, title: "Corruption detected" },
  no_leader: { status: 503, grpc: grpcStatus.unavailable, title: "No leader" },
  leader_changed: { status: 503, grpc: grpcStatus.unavailable, title: "Leader changed" },
  too_stale: { status: 503, grpc: grpcStatus.unavailable, title: "Too stale" },
  draining: { status: 503, grpc: grpcStatus.unavailable, title: "Draining" },
  not_ready: { status: 503, grpc: grpcStatus.unavailable, title: "Not ready" },
  timeout: { status: 504, grpc: grpcStatus.deadlineExceeded, title: "Timeout" },
  out_of_space: { status: 507, grpc: grpcStatus.resourceExhausted, title: "Out of space" },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof table;

/** All of them. */
export const errorCodes: readonly ErrorCode[] = Object.keys(table).filter(isErrorCode);

/** For codes that another node names: it may be of a later version. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(table, text);
}

/** HTTP status, gRPC code and title of a code. */
export function errorFacts(code: ErrorCode): CodeFacts {
  return table[code];
}

/** One thing that is wrong with a request: where, what was given, what is allowed. */
export interface Issue {
  /** The option, header or JSON path. */
  readonly path: string;
  readonly message: string;
}

/** Thrown at the edge of the services; the only error that http/ and grpc/ translate. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ErrorCode;
  /** Present exactly on errors of writes. */
  readonly outcome: Outcome | undefined;
  /** Repeating the identical request can succeed and cannot apply it twice. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly issues: readonly Issue[];
  /** Further members of the problem document, by their JSON names, e.g. `oldest`, `current`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, more: {
    readonly outcome?: Outcome | undefined;
    readonly retryable?: boolean;
    readonly retryAfterMs?: number;
    readonly issues?: readonly Issue[];
    readonly extra?: Readonly<Record<string, unknown>>;
  } = {}) {
    super(detail);
    this.code = code;
    this.outcome = more.outcome;
    this.retryable = more.retryable ?? false;
    this.retryAfterMs = more.retryAfterMs;
    this.issues = more.issues ?? [];
    this.extra = more.extra ?? {};
  }
}
