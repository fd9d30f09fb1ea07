/**
 * Messages and bytes. Protobufjs encodes and decodes straight to objects of the shapes in {@link
 * Wire}; numbers of 64 bits are JavaScript numbers, inexact above 2^53 − 1, where convert.ts
 * refuses them.
 */

import protobuf from "protobufjs/light.js";
import { emptyBytes } from "../lib/bytes.ts";
import { schema } from "./schema.gen.ts";
import type { Wire, WireServices } from "./wire.gen.ts";

export type { Wire, WireServices };

// With a Long class every uint64 is an object of two halves. The type says there must be one.
protobuf.util.Long = null as unknown as typeof protobuf.util.Long;
protobuf.configure();

const root = protobuf.Root.fromJSON(schema).resolveAll();
setAbsentValues(root);

/** What a message reads where a field is absent, where the library's own idea of it is another. */
function setAbsentValues(space: protobuf.NamespaceBase): void {
  for (const nested of space.nestedArray) {
    if (nested instanceof protobuf.Type) {
      for (const field of nested.fieldsArray) {
        const value = absentValue(field);
        if (value === undefined) continue;
        Object.defineProperty(nested.ctor.prototype, field.name, { value, writable: true });
      }
    }
    if (nested instanceof protobuf.Namespace) setAbsentValues(nested);
  }
}

function absentValue(field: protobuf.Field): null | Uint8Array | undefined {
  const optional = field.options?.["proto3_optional"] === true;
  // The library reads the enum's first value; every other optional field that is absent is null.
  if (optional && field.resolvedType instanceof protobuf.Enum) return null;
  // The library reads an Array, which SQLite refuses to bind.
  if (field.type === "bytes" && !field.repeated && field.partOf === null) return emptyBytes;
  return undefined;
}

/** Thrown by {@link Codec.decode} for bytes that are no message of the type. */
export class MalformedMessageError extends Error {
  override readonly name = "MalformedMessageError";
}

/** Encodes and decodes messages of one type. */
export interface Codec<T> {
  readonly name: string;
  encode(message: T): Uint8Array;
  /**
   * Byte fields are views of `bytes`, not copies. Unknown fields are left out. A message of more
   * than `fieldsMax` fields, those of its parts counted, is malformed.
   */
  decode(bytes: Uint8Array, fieldsMax?: number): T;
}

/** The codec of one message type, by its full name. */
export function codec<Name extends keyof Wire>(name: Name): Codec<Wire[Name]> {
  const type = root.lookupType(name);
  return {
    name,
    encode: (message) => type.encode(message).finish(),
    decode: (bytes, fieldsMax) => {
      try {
        const from = fieldsMax === undefined ? bytes : readerOf(bytes, fieldsMax);
        return type.decode(from) as unknown as Wire[Name];
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new MalformedMessageError(`Not a ${name}: ${reason}`);
      }
    },
  };
}

function readerOf(bytes: Uint8Array, fieldsMax: number): protobuf.Reader {
  const reader = protobuf.Reader.create(bytes);
  const { tag } = reader;
  let left = fieldsMax;
  reader.tag = () => {
    if (left === 0) throw new Error(`it has more than ${fieldsMax} fields`);
    left -= 1;
    return tag.call(reader);
  };
  return reader;
}

/** One method of a service, as both ends need to know it. */
export interface MethodFacts<Request, Response> {
  /** `/package.Service/Method`: the HTTP/2 path. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

type Method<S extends keyof WireServices, M extends keyof WireServices[S]> = WireServices[S][M];
type RequestOf<T> = T extends { readonly request: infer R } ? R : never;
type ResponseOf<T> = T extends { readonly response: infer R } ? R : never;

/** The facts of one method, from the schema. Throws where the schema has no such method. */
export function method<S extends keyof WireServices, M extends keyof WireServices[S] & string>(
  serviceName: S,
  methodName: M,
): MethodFacts<RequestOf<Method<S, M>>, ResponseOf<Method<S, M>>> {
  const found = root.lookupService(serviceName).methods[methodName];
  if (found === undefined) throw new Error(`No method ${methodName} in ${serviceName}`);
  const { resolvedRequestType, resolvedResponseType } = found;
  if (resolvedRequestType === null || resolvedResponseType === null) {
    throw new Error(`The messages of ${serviceName}/${methodName} are not in the schema`);
  }
  return {
    path: `/${serviceName}/${methodName}`,
    requestStream: found.requestStream === true,
    responseStream: found.responseStream === true,
    request: codecOf(resolvedRequestType),
    response: codecOf(resolvedResponseType),
  };
}

function codecOf<T>(type: protobuf.Type): Codec<T> {
  // The declared shape and the schema are generated from the same files.
  return codec(type.fullName.slice(1) as keyof Wire) as unknown as Codec<T>;
}
