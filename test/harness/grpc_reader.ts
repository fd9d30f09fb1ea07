/** Reads the answers to one call, one by one, as any user of grpc-js would. */

import { type ClientReadableStream, Metadata, type StatusObject } from "@grpc/grpc-js";
import type { MethodFacts } from "../../src/grpc/codec.ts";
import type { TestGrpcClient } from "./grpc_client.ts";

export class GrpcReader<Request, Response> {
  readonly #call: ClientReadableStream<Response>;
  /** Those of the answer, once they have come; empty where there are none. */
  readonly headers: Promise<Readonly<Record<string, unknown>>>;
  readonly status: Promise<StatusObject>;
  readonly #answers: Response[] = [];
  #wake = (): void => {};
  #isOver = false;

  constructor(
    { client }: TestGrpcClient,
    method: MethodFacts<Request, Response>,
    request: Request,
    options: { readonly metadata?: Readonly<Record<string, string>>; readonly timeoutMs?: number } =
      {},
  ) {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
    const { timeoutMs } = options;
    const call = client.makeServerStreamRequest(
      method.path,
      (value: Request) => Buffer.from(method.request.encode(value)),
      (bytes) => method.response.decode(bytes),
      request,
      metadata,
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    );
    this.#call = call;
    this.headers = new Promise((resolve) => {
      call.on("metadata", (received: Metadata) => resolve(received.getMap()));
      call.on("status", () => resolve({}));
    });
    this.status = new Promise((resolve) => {
      call.on("status", (status: StatusObject) => {
        this.#isOver = true;
        resolve(status);
        this.#wake();
      });
    });
    call.on("error", () => {});
    call.on("data", (answer: Response) => {
      this.#answers.push(answer);
      this.#wake();
    });
  }

  /** The next answer; undefined at the end. */
  async next(): Promise<Response | undefined> {
    while (this.#answers.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#answers.shift();
  }

  async take(count: number): Promise<readonly Response[]> {
    const taken: Response[] = [];
    while (taken.length < count) {
      const answer = await this.next();
      if (answer === undefined) break;
      taken.push(answer);
    }
    return taken;
  }

  cancel(): void {
    this.#call.cancel();
  }
}
