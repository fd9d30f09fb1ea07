/** Asking the store to write on behalf of a request: what is answered, and what is thrown. */

import type { Header, Operation, Result, WriteOptions } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { rejectionError } from "../service/rejection.ts";
import { requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { idempotencyOf } from "./idempotency.ts";
import { currentTag, preconditionFailed, preconditionHadFailed } from "./precondition.ts";

/** A result of this kind. */
export type ResultOf<K extends Result["kind"]> = Extract<Result, { readonly kind: K }>;
type Refusal = ResultOf<"conditionFailed" | "rejected">;
type Done = Exclude<Result, Refusal>;

/** Asks a service to write. */
type Ask = (
  options: WriteOptions,
) => Promise<{ readonly result: Result; readonly header: Header }>;

/**
 * What apply made of `operation`, which is a result of this kind; a refusal decided there is
 * thrown. The body must have been read. `ask`: where something else than the store is asked.
 */
export async function writeAs<K extends Done["kind"]>(
  kind: K,
  call: Call,
  operation: Operation,
  ask: Ask = (options) => call.services.kv.write(operation, options),
): Promise<ResultOf<K>> {
  const result = await write(call, operation, ask);
  if (isOf(kind, result)) return result;
  throw new Error(`Result ${result.kind} of a ${operation.kind}`);
}

function isOf<K extends Done["kind"]>(kind: K, result: Done): result is ResultOf<K> & Done {
  return result.kind === kind;
}

async function write(call: Call, operation: Operation, ask: Ask): Promise<Done> {
  const options = await writeOptions(call);
  // From here on nobody but the service knows what became of it.
  call.outcome = "unknown";
  const { result, header } = await ask(options).catch((error) => {
    call.header = call.services.kv.header();
    throw error;
  });
  call.header = header;
  if (result.replayed === true) call.extraHeaders["Idempotency-Replayed"] = "true";
  if (result.kind === "conditionFailed" || result.kind === "rejected") {
    call.outcome = "not_applied";
    throw refusalOf(call, operation, result);
  }
  call.outcome = "applied";
  return result;
}

async function writeOptions(call: Call): Promise<WriteOptions> {
  const idempotency = await idempotencyOf(call);
  const options = requestOptions(call);
  return idempotency === undefined ? options : { ...options, idempotency };
}

function refusalOf(call: Call, operation: Operation, result: Refusal): ServiceError {
  if (result.kind === "rejected") return rejectionError(result);
  const { key, conditions } = conditionOf(operation);
  if (result.omitted === true) return withOmitted(preconditionHadFailed(key));
  const { current, valueOmitted } = result;
  call.extraHeaders["ETag"] = currentTag(current);
  return preconditionFailed({ key, conditions, current, valueOmitted: valueOmitted ?? false });
}

function withOmitted(error: ServiceError): ServiceError {
  return new ServiceError(error.code, error.message, { extra: resultsOmitted });
}

/** Stands in the answer to a repetition that lacks what was read then. */
const resultsOmitted = { results_omitted: true } as const;

/** Members of the answer to a repetition. */
export function omittedFields({ omitted }: Result): Partial<typeof resultsOmitted> {
  return omitted === true ? resultsOmitted : {};
}

function conditionOf(operation: Operation): Pick<
  Extract<Operation, { readonly kind: "put" }>,
  "key" | "conditions"
> {
  switch (operation.kind) {
    case "put":
    case "merge":
    case "update":
      return operation;
    case "delete":
      if (operation.target.kind === "key") {
        return { key: operation.target.key, conditions: operation.conditions };
      }
  }
  throw new Error(`A condition failed on a ${operation.kind}, which has none`);
}
