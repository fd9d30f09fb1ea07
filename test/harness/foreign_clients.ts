/** gRPC clients of four makes behind one interface: a call in, an answer out, both as JSON. */

import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

/** `reflection` as method asks which services there are. */
export interface ForeignCall {
  /** `host:port` of any node. */
  readonly at: string;
  /** `package.Service/Method`. */
  readonly method: string;
  /** In the JSON mapping of protobuf. */
  readonly request: unknown;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Of a method with many answers: after so many the call is cancelled. What the call answers is
   * their list.
   */
  readonly answers?: number;
}

export interface ForeignClient {
  /** The answer in the JSON mapping of protobuf, without members that have their default value. */
  call(call: ForeignCall): Promise<unknown>;
  close(): void;
}

const protoFolder = fileURLToPath(new URL("../../proto/", import.meta.url));
const callMs = 60_000;

/** A program that answers each line of its input with one of its output. */
export class ProgramClient implements ForeignClient {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #said = "";

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    child.stderr.on("data", (chunk) => this.#said += String(chunk));
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#child = child;
  }

  async call(call: ForeignCall): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    const next = await this.#lines.next();
    if (next.done === true) {
      throw new Error(`The client ended at ${JSON.stringify(call)}: ${this.#said}`);
    }
    return JSON.parse(next.value);
  }

  close(): void {
    this.#child.stdin?.end();
  }
}

/** One run of grpcurl a call. */
export class GrpcurlClient implements ForeignClient {
  readonly #command: readonly string[];

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  async call({ at, method, request, metadata = {}, answers }: ForeignCall): Promise<unknown> {
    if (method === "reflection") {
      const listed = await this.#run(["-plaintext", at, "list"]);
      return { services: listed.trim().split("\n").sort() };
    }
    const headers = Object.entries(metadata).flatMap((entry) => ["-H", entry.join(": ")]);
    const args = ["-plaintext", ...headers, "-d", JSON.stringify(request), at, method];
    if (answers === undefined) return JSON.parse(await this.#run(args));
    // It prints one message after the other, each over several lines.
    const printed = (await this.#run(args, answers)).split(/(?<=^\})\n/m);
    return printed.slice(0, answers).map((text): unknown => JSON.parse(text));
  }

  close(): void {}

  /** All that it says, or what it has said when it has shown so many messages. */
  #run(args: readonly string[], messages = Infinity): Promise<string> {
    const [program = "", ...before] = this.#command;
    const child = spawn(program, [...before, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let [out, said] = ["", ""];
    child.stderr.on("data", (chunk) => said += String(chunk));
    return new Promise((resolve, reject) => {
      child.stdout.on("data", (chunk) => {
        out += String(chunk);
        if (out.split("\n").filter((line) => line === "}").length < messages) return;
        resolve(out);
        child.kill();
      });
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) resolve(out);
        else reject(new Error(`grpcurl ${args.join(" ")}: ${said}`));
      });
    });
  }
}

const reflectionMethod = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/** The library that everybody uses on Node, with the .proto files read at run time. */
export class GrpcJsClient implements ForeignClient {
  readonly #clients = new Map<string, Client>();
  readonly #root: protobuf.Root;

  constructor() {
    this.#root = new protobuf.Root();
    this.#root.resolvePath = (_, target) => join(protoFolder, target);
    this.#root.loadSync([
      ...["d_engine/client.proto", "d_engine/cluster.proto"],
      ...["grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto"],
    ]);
  }

  async call({ at, method, request, metadata, answers }: ForeignCall): Promise<unknown> {
    if (answers !== undefined) {
      return await this.#many(this.#client(at), { method, request, metadata, answers });
    }
    if (method !== "reflection") return await this.#unary(this.#client(at), method, request);
    const answer = await this.#first(this.#client(at), reflectionMethod, { listServices: "" });
    const { service } = this.#root.lookupType("grpc.reflection.v1.ListServiceResponse").fromObject(
      Object(answer)["listServicesResponse"],
    ).toJSON();
    const names: readonly { readonly name: string }[] = service;
    return { services: names.map(({ name }) => name).sort() };
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(at: string): Client {
    const client = this.#clients.get(at) ?? new Client(at, credentials.createInsecure());
    this.#clients.set(at, client);
    return client;
  }

  #unary(client: Client, method: string, request: unknown): Promise<unknown> {
    const { encode, decode } = this.#codecs(method);
    const options = { deadline: Date.now() + callMs };
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(`/${method}`, encode, decode, request, options, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  }

  #many(
    client: Client,
    { method, request, metadata = {}, answers }:
      & Omit<ForeignCall, "at" | "answers" | "metadata">
      & {
        readonly metadata: ForeignCall["metadata"];
        readonly answers: number;
      },
  ): Promise<unknown> {
    const { encode, decode } = this.#codecs(method);
    const headers = new Metadata();
    for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
    const options = { deadline: Date.now() + callMs };
    const path = `/${method}`;
    const stream = client.makeServerStreamRequest(path, encode, decode, request, headers, options);
    const taken: unknown[] = [];
    return new Promise((resolve, reject) => {
      stream.on("data", (answer: unknown) => {
        if (taken.push(answer) < answers) return;
        resolve(taken.slice(0, answers));
        stream.cancel();
      });
      stream.on("error", reject);
    });
  }

  #first(client: Client, method: string, request: unknown): Promise<unknown> {
    const { encode, decode } = this.#codecs(method);
    const options = { deadline: Date.now() + callMs };
    const stream = client.makeBidiStreamRequest(`/${method}`, encode, decode, options);
    return new Promise((resolve, reject) => {
      stream.on("data", (answer: unknown) => {
        resolve(answer);
        stream.end();
      });
      stream.on("error", reject);
      stream.write(request);
    });
  }

  #codecs(method: string) {
    const [service = "", name = ""] = method.split("/");
    const described = this.#root.lookupService(service).methods[name];
    if (described === undefined) throw new Error(`There is no ${method}`);
    described.resolve();
    const [asked, answered] = [described.resolvedRequestType, described.resolvedResponseType];
    if (asked === null || answered === null) throw new Error(`${method} has no types`);
    return {
      encode: (request: unknown) =>
        Buffer.from(asked.encode(asked.fromObject(Object(request))).finish()),
      decode: (bytes: Buffer): unknown => answered.decode(bytes).toJSON(),
    };
  }
}
