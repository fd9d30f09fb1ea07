/** What a node that is to be added may say of itself: checked alike, whichever way it is asked. */

import { isUnspecified, parseHostPort } from "../lib/host_port.ts";

/** Longer than any name of a host that can be looked up. */
const addressLengthMax = 512;

export const rpcAddressAllowed =
  "allowed is host:port, where the other nodes reach it (no 0.0.0.0 and no ::)";

/** Whether others can connect to `text`. */
export function isRpcAddress(text: string): boolean {
  const place = text.length <= addressLengthMax ? parseHostPort(text) : undefined;
  return place !== undefined && place.port > 0 && !isUnspecified(place.host);
}

export const httpAddressAllowed =
  "allowed is http://host:port or https://host:port, where clients reach it (no 0.0.0.0 and no ::)";

/** Whether `text` is the URL of a REST listener, without a path. */
export function isHttpAddress(text: string): boolean {
  const [, place] = /^https?:\/\/([^/]*)$/.exec(text) ?? [];
  return place !== undefined && isRpcAddress(place);
}

export const incarnationAllowed =
  "allowed are the 16 lower-case hexadecimal digits that stand in the node's identity.json, or " +
  "in its file incarnation while it has no id";

/** Whether `text` may name a data directory. */
export function isIncarnation(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}
