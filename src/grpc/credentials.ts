/** How connections are secured, at both ends. */

import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";

/** PEM texts. */
export interface TlsFiles {
  readonly ca: Uint8Array;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

/**
 * `requireClientCertificate`: only clients with a certificate of `ca` are let in.
 *
 * The list of authorities is always handed over, also where no client certificate is asked for:
 * without it Deno puts the system's whole list into its handshake, whose messages then exceed the
 * size that clients accept (HandshakePayloadTooLarge).
 */
export function serverCredentials(
  tls: TlsFiles | undefined,
  requireClientCertificate: boolean,
): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) };
  return ServerCredentials.createSsl(Buffer.from(tls.ca), [pair], requireClientCertificate);
}

/** With `tls` the client shows its certificate too. */
export function channelCredentials(tls: TlsFiles | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { ca, key, certificate } = tls;
  return ChannelCredentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate));
}
