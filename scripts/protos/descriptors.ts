/**
 * Turns parsed proto files into google.protobuf.FileDescriptorProto messages, file by file, which
 * is what server reflection hands out. Comments are left out.
 */

import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";
import { fullName, type ProtoFile, type Protos } from "./load.ts";

type Json = Record<string, unknown>;

export interface FileDescriptor {
  readonly name: string;
  readonly imports: readonly string[];
  /** Full names of everything declared in the file: what a client may ask for it by. */
  readonly symbols: readonly string[];
  readonly bytes: Uint8Array;
}

const scalarTypes: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};
const messageType = 11;
const enumType = 14;
const optionalLabel = 1;
const repeatedLabel = 3;

export function fileDescriptors(protos: Protos): readonly FileDescriptor[] {
  return protos.files.map((file) => ({
    name: file.name,
    imports: file.imports,
    symbols: file.declared.flatMap(symbolsOf),
    bytes: encodeFile(file),
  }));
}

function encodeFile(file: ProtoFile): Uint8Array {
  const messages = file.declared.filter((object) => object instanceof protobuf.Type);
  const enums = file.declared.filter((object) => object instanceof protobuf.Enum);
  const services = file.declared.filter((object) => object instanceof protobuf.Service);
  return descriptor.FileDescriptorProto.encode({
    name: file.name,
    package: file.package,
    dependency: file.imports,
    messageType: messages.map(message),
    enumType: enums.map(enumeration),
    service: services.map(service),
    syntax: "proto3",
  }).finish();
}

function message(type: protobuf.Type): Json {
  const nested = type.nestedArray;
  const fields = type.fieldsArray;
  // Oneofs that the language wrote for `optional` stand behind the real ones.
  const oneofs = type.oneofsArray;
  const real = oneofs.filter((oneof) => !isSynthetic(oneof));
  const ordered = [...real, ...oneofs.filter(isSynthetic)];
  const types = nested.filter((object) => object instanceof protobuf.Type);
  const maps = fields.filter((field) => field instanceof protobuf.MapField);
  return {
    name: type.name,
    field: fields.map((each) => field(each, ordered)),
    nestedType: [...types.map(message), ...maps.map(mapEntry)],
    enumType: nested.filter((object) => object instanceof protobuf.Enum).map(enumeration),
    oneofDecl: ordered.map((oneof) => ({ name: oneof.name })),
  };
}

function isSynthetic(oneof: protobuf.OneOf): boolean {
  const [only] = oneof.fieldsArray;
  return only !== undefined && isOptional(only);
}

function isOptional(field: protobuf.Field): boolean {
  return field.options?.["proto3_optional"] === true;
}

function field(field: protobuf.Field, oneofs: readonly protobuf.OneOf[]): Json {
  const map = field instanceof protobuf.MapField;
  const typed = map
    ? { type: messageType, typeName: `${field.parent?.fullName}.${mapEntryName(field.name)}` }
    : fieldType(field);
  const oneof = field.partOf === null ? {} : { oneofIndex: oneofs.indexOf(field.partOf) };
  return {
    name: field.name,
    number: field.id,
    label: field.repeated || map ? repeatedLabel : optionalLabel,
    jsonName: jsonName(field.name),
    ...typed,
    ...oneof,
    ...(isOptional(field) ? { proto3Optional: true } : {}),
  };
}

function fieldType(field: Pick<protobuf.Field, "type" | "resolvedType">): Json {
  const resolved = field.resolvedType;
  if (resolved === null) return { type: scalarTypes[field.type] };
  const type = resolved instanceof protobuf.Enum ? enumType : messageType;
  return { type, typeName: resolved.fullName };
}

/** A map field is a repeated message of this name (language guide, "Maps"). */
function mapEntryName(fieldName: string): string {
  const camel = jsonName(fieldName);
  return `${camel[0]?.toUpperCase()}${camel.slice(1)}Entry`;
}

function mapEntry(field: protobuf.MapField): Json {
  const key = { name: "key", number: 1, label: optionalLabel, jsonName: "key" };
  const value = { name: "value", number: 2, label: optionalLabel, jsonName: "value" };
  return {
    name: mapEntryName(field.name),
    field: [{ ...key, type: scalarTypes[field.keyType] }, { ...value, ...fieldType(field) }],
    options: { mapEntry: true },
  };
}

function jsonName(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function enumeration(object: protobuf.Enum): Json {
  const value = Object.entries(object.values).map(([name, number]) => ({ name, number }));
  return { name: object.name, value };
}

function service(object: protobuf.Service): Json {
  return {
    name: object.name,
    method: object.methodsArray.map((method) => ({
      name: method.name,
      inputType: method.resolvedRequestType?.fullName,
      outputType: method.resolvedResponseType?.fullName,
      clientStreaming: method.requestStream === true,
      serverStreaming: method.responseStream === true,
    })),
  };
}

function symbolsOf(object: protobuf.ReflectionObject): readonly string[] {
  const own = fullName(object);
  if (object instanceof protobuf.Service) {
    return [own, ...object.methodsArray.map((method) => `${own}.${method.name}`)];
  }
  if (!(object instanceof protobuf.Type)) return [own];
  const fields = object.fieldsArray.map((each) => `${own}.${each.name}`);
  return [own, ...fields, ...object.nestedArray.flatMap(symbolsOf)];
}
