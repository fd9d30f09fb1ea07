/** Connections with TLS, with and without certificates of clients. */

import { readFileSync } from "node:fs";
import { Client, Metadata } from "@grpc/grpc-js";
import { clientMethods } from "../../src/grpc/client_methods.ts";
import { method } from "../../src/grpc/codec.ts";
import {
  channelCredentials,
  serverCredentials,
  type TlsFiles,
} from "../../src/grpc/credentials.ts";
import { type GrpcServer, startGrpcServer } from "../../src/grpc/server.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { backupsOf } from "../harness/fake_backups.ts";
import { FakeClusterService, FakeKvService, watchesOf } from "../harness/fake_services.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";

const check = method("grpc.health.v1.Health", "Check");

function file(name: string): Uint8Array {
  return readFileSync(new URL(`testdata/tls/${name}`, import.meta.url));
}

const node: TlsFiles = {
  ca: file("ca.pem"),
  certificate: file("node.pem"),
  key: file("node.key"),
};
/** Trusts the right authority and shows a certificate of another one. */
const rogue: TlsFiles = { ...node, certificate: file("rogue.pem"), key: file("rogue.key") };

function start(requireClientCertificate: boolean): Promise<GrpcServer> {
  const kv = new FakeKvService();
  const cluster = new FakeClusterService();
  return startGrpcServer({
    rpcAddress: "127.0.0.1:0",
    credentials: serverCredentials(node, requireClientCertificate),
    peerMethods: [],
    clientMethods: clientMethods({
      kv,
      cluster,
      watches: watchesOf(kv),
      backups: backupsOf(kv),
      tls: true,
    }),
    onInternalError: () => {},
  });
}

/** The status of one call. */
function callWith(server: GrpcServer, tls: TlsFiles | undefined): Promise<number> {
  const options = { "grpc.enable_http_proxy": 0, "grpc.use_local_subchannel_pool": 1 };
  // A name: neither runtime takes an IP address for TLS' server name, which the library makes it.
  const target = server.rpcAddress.replace("127.0.0.1", "localhost");
  const client = new Client(target, channelCredentials(tls), options);
  const asIs = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const deadline = Date.now() + 60_000;
    const request = Buffer.from(check.request.encode({ service: "" }));
    client.makeUnaryRequest(check.path, asIs, asIs, request, new Metadata(), { deadline }, (e) => {
      client.close();
      resolve(e === null ? grpcStatus.ok : e.code);
    });
  });
}

describe("TLS", () => {
  let open: GrpcServer;
  let strict: GrpcServer;

  before(async () => {
    open = await start(false);
    strict = await start(true);
  });

  after(async () => {
    await Promise.all([open.close(200), strict.close(200)]);
  });

  it("serves clients that trust its authority", async () => {
    assert.equal(await callWith(open, node), grpcStatus.ok);
  });

  it("does not serve without TLS", async () => {
    assert.equal(await callWith(open, undefined), grpcStatus.unavailable);
  });

  it("serves only certificates of its authority when it wants certificates", async () => {
    assert.equal(await callWith(strict, node), grpcStatus.ok);
    assert.equal(await callWith(strict, rogue), grpcStatus.unavailable);
  });
});
