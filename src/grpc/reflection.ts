/** The standard reflection service, v1 and v1alpha, from the descriptors generated from proto/. */

import { grpcStatus } from "../service/errors.ts";
import { CallError, type OfferedMethod, offerStream, type StreamHandler } from "./call.ts";
import { method, type Wire } from "./codec.ts";
import { type DescriptorFile, descriptorFiles } from "./descriptors.gen.ts";

type Request = Wire["grpc.reflection.v1.ServerReflectionRequest"];
type Response = Wire["grpc.reflection.v1.ServerReflectionResponse"];

const filesByName = new Map(descriptorFiles.map((file) => [file.name, file]));
const filesBySymbol = new Map(
  descriptorFiles.flatMap((file) => file.symbols.map((symbol) => [symbol, file] as const)),
);

/** `services`: the full names of what is offered, reflection itself included. */
export function reflectionMethods(services: readonly string[]): readonly OfferedMethod[] {
  // Both versions have the same messages.
  const handler = reflect(services);
  const name = "ServerReflectionInfo";
  return [
    offerStream(method("grpc.reflection.v1.ServerReflection", name), handler),
    offerStream(method("grpc.reflection.v1alpha.ServerReflection", name), handler),
  ];
}

function reflect(services: readonly string[]): StreamHandler<Request, Response> {
  return (answers) => ({
    message: (request) =>
      answers.send({
        validHost: request.host,
        originalRequest: request,
        ...answer(request, services),
      }),
    malformed: (error) => answers.fail(new CallError(grpcStatus.invalidArgument, error.message)),
    halfClosed: () => answers.end(),
    closed: () => {},
  });
}

function answer(request: Request, services: readonly string[]): Partial<Response> {
  switch (request.messageRequest) {
    case "listServices":
      return { listServicesResponse: { service: services.map((name) => ({ name })) } };
    case "fileByFilename":
      return file(filesByName.get(request.fileByFilename ?? ""), `file ${request.fileByFilename}`);
    case "fileContainingSymbol": {
      const symbol = request.fileContainingSymbol ?? "";
      return file(filesBySymbol.get(symbol), `symbol ${symbol}`);
    }
    case "allExtensionNumbersOfType": {
      const baseTypeName = request.allExtensionNumbersOfType ?? "";
      if (!filesBySymbol.has(baseTypeName)) return file(undefined, `type ${baseTypeName}`);
      return { allExtensionNumbersResponse: { baseTypeName, extensionNumber: [] } };
    }
    case "fileContainingExtension":
      return file(undefined, "extension");
    default:
      return failure(grpcStatus.invalidArgument, "The request asks for nothing that is known here");
  }
}

function file(found: DescriptorFile | undefined, what: string): Partial<Response> {
  if (found === undefined) return failure(grpcStatus.notFound, `No ${what} here`);
  const files = new Set<DescriptorFile>([found]);
  // A set grows while it is walked: what the imports import comes along.
  for (const each of files) {
    for (const name of each.imports) {
      const imported = filesByName.get(name);
      if (imported !== undefined) files.add(imported);
    }
  }
  const fileDescriptorProto = [...files].map(({ descriptor }) => Buffer.from(descriptor, "base64"));
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

function failure(errorCode: number, errorMessage: string): Partial<Response> {
  return { errorResponse: { errorCode, errorMessage } };
}
