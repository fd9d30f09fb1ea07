/**
 * The TypeScript shapes of all messages, as protobufjs decodes and encodes them: what is absent is
 * null, numbers of 64 bits are numbers.
 */

import protobuf from "protobufjs";
import { fullName, type Protos } from "./load.ts";

/** Two interfaces: messages by their full names, services with their methods. */
export function typeDeclarations(protos: Protos): string {
  const declared = protos.files.flatMap((file) => file.declared);
  const messages = declared.flatMap(messagesOf);
  const services = declared.filter((object) => object instanceof protobuf.Service);
  return [
    "export interface Wire {",
    ...messages.flatMap(messageLines),
    "}",
    "",
    "export interface WireServices {",
    ...services.flatMap(serviceLines),
    "}",
    "",
  ].join("\n");
}

function messagesOf(object: protobuf.ReflectionObject): readonly protobuf.Type[] {
  if (!(object instanceof protobuf.Type)) return [];
  return [object, ...object.nestedArray.flatMap(messagesOf)];
}

function messageLines(type: protobuf.Type): readonly string[] {
  const oneofs = type.oneofsArray.filter((oneof) => oneof.fieldsArray.length > 1);
  const fields = type.fieldsArray.map((field) => `    ${fieldLine(field)}`);
  // Read only: says which member is set.
  const which = oneofs.map((oneof) => {
    const names = oneof.oneof.map((name) => JSON.stringify(name)).join(" | ");
    return `    readonly ${oneof.name}?: ${names} | undefined;`;
  });
  return [`  "${fullName(type)}": {`, ...fields, ...which, "  };"];
}

function fieldLine(field: protobuf.Field): string {
  const type = valueType(field);
  if (field instanceof protobuf.MapField) {
    return `readonly ${field.name}: Readonly<Record<string, ${type}>>;`;
  }
  if (field.repeated) return `readonly ${field.name}: readonly ${type}[];`;
  const maybeAbsent = field.partOf !== null || field.resolvedType instanceof protobuf.Type;
  if (maybeAbsent) return `readonly ${field.name}?: ${type} | null | undefined;`;
  return `readonly ${field.name}: ${type};`;
}

function valueType(field: protobuf.Field): string {
  const resolved = field.resolvedType;
  if (resolved instanceof protobuf.Type) return `Wire["${fullName(resolved)}"]`;
  if (resolved instanceof protobuf.Enum) return "number";
  if (field.type === "bytes") return "Uint8Array";
  if (field.type === "string") return "string";
  return field.type === "bool" ? "boolean" : "number";
}

function serviceLines(service: protobuf.Service): readonly string[] {
  const methods = service.methodsArray.flatMap((method) => [
    `    readonly ${method.name}: {`,
    `      readonly request: Wire["${nameOf(method.resolvedRequestType)}"];`,
    `      readonly response: Wire["${nameOf(method.resolvedResponseType)}"];`,
    `      readonly streams: ${method.requestStream === true || method.responseStream === true};`,
    "    };",
  ]);
  return [`  "${fullName(service)}": {`, ...methods, "  };"];
}

function nameOf(type: protobuf.Type | null): string {
  if (type === null) throw new Error("A method's message is not resolved");
  return fullName(type);
}
