/**
 * Who belongs to the cluster, and changing that. A change without a condition is repeated while its
 * time lasts: a node is known by its data directory, so that who asks twice is answered alike.
 */

import type { Connection, RestAnswer, RestRequest } from "./connection.ts";
import type { JsonObject } from "./members.ts";
import { type CallOptions, limited } from "./options.ts";
import { bytesOf, queryString } from "./paths.ts";
import {
  booleanMember,
  listMember,
  numberMember,
  objectOf,
  optionalText,
  parseJson,
  textMember,
} from "./records.ts";

export type Suffrage = "voter" | "learner" | "read_only";

/** A member as the leader sees it. What is not known is left out. */
export interface ClusterMember {
  readonly id: number;
  readonly suffrage: string;
  readonly role?: string;
  readonly http?: string;
  readonly rpc?: string;
  readonly clientRpc?: string;
  readonly match?: number;
  readonly applied?: number;
  readonly lagMs?: number;
  readonly healthy?: boolean;
  readonly version?: string;
}

/** The members, and the configuration that they stand in. */
export interface MemberList {
  readonly members: readonly ClusterMember[];
  readonly configuration: {
    readonly index: number;
    readonly joint: boolean;
    /** One that is not known to be committed, and decides already. */
    readonly pending?: {
      readonly index: number;
      readonly joint: boolean;
      readonly voters: readonly number[];
    };
  };
}

/** What the members are after a change, or would be. */
export interface MembersChanged extends MemberList {
  /** Whom it was about; of a replacement, the new one. */
  readonly id: number;
  /** The node has come to belong to the cluster with this call. */
  readonly added: boolean;
  /** How many voters a decision needs. */
  readonly quorum: number;
  readonly voters: number;
  readonly healthyVoters: number;
}

/** A node that shall belong to the cluster. */
export interface NodeOffer {
  /** `host:port` of its listener for peers. */
  readonly rpc: string;
  /** Its REST listener as a URL. */
  readonly http: string;
  readonly clientRpc?: string;
  /** Above every id that was ever used; the next free one when absent. */
  readonly id?: number;
  /**
   * Of its `identity.json`, or of its file `incarnation` while it has no id; when absent, whoever
   * listens at `rpc` is asked.
   */
  readonly incarnation?: string;
}

/** Of changes. */
export interface MembershipOptions extends CallOptions {
  /** Only if the configuration still has this index. */
  readonly ifConfiguration?: number;
  /** Change nothing: tell what would be, or why it cannot be. */
  readonly dryRun?: boolean;
}

/** See the head of this file. */
export class ClusterMembers {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async list(options: CallOptions = {}): Promise<MemberList> {
    const request = { kind: "read", method: "GET", target: membersPath } as const;
    const answer = await this.#connection.request({ ...request, ...limited(options) });
    return memberListOf(parseJson(answer.body));
  }

  /** As a learner, which comes to vote, or as a read-only member, which never does. */
  async add(
    offer: NodeOffer,
    options: MembershipOptions & { readonly readOnly?: boolean } = {},
  ): Promise<MembersChanged> {
    const suffrage = options.readOnly === true ? { suffrage: "read_only" } : {};
    const json = { ...offerJson(offer), ...suffrage };
    return await this.#change({ method: "POST", path: membersPath, json }, options);
  }

  /** A learner that shall vote has to have caught up: until then `conflict`, repeated in time. */
  async setSuffrage(
    id: number,
    suffrage: Suffrage,
    options: MembershipOptions = {},
  ): Promise<MembersChanged> {
    const asked = { method: "PATCH", path: `${membersPath}/${id}`, json: { suffrage } } as const;
    return await this.#change(asked, options);
  }

  /** Takes as long as the new node needs to catch up; asked again after a time-out, it goes on. */
  async replace(
    id: number,
    by: NodeOffer,
    options: MembershipOptions = {},
  ): Promise<MembersChanged> {
    const path = `${membersPath}/${id}/replacement`;
    return await this.#change({ method: "POST", path, json: offerJson(by) }, options);
  }

  /** Refused as `would_lose_quorum` where too few of the voters that are left are healthy. */
  async remove(id: number, options: MembershipOptions = {}): Promise<MembersChanged> {
    return await this.#change({ method: "DELETE", path: `${membersPath}/${id}` }, options);
  }

  async #change(
    asked: Omit<MembershipAsked, "ifConfiguration" | "dryRun">,
    options: MembershipOptions,
  ): Promise<MembersChanged> {
    const { ifConfiguration, dryRun } = options;
    const conditions = {
      ...(ifConfiguration === undefined ? {} : { ifConfiguration }),
      ...(dryRun === undefined ? {} : { dryRun }),
    };
    const request = { ...membershipRequest({ ...asked, ...conditions }), ...limited(options) };
    return membersChangedOf(await this.#connection.request(request));
  }
}

const membersPath = "/v1/cluster/members";

/** A change of members, as REST is asked for it. */
export interface MembershipAsked {
  readonly method: "POST" | "PATCH" | "DELETE";
  /** Without a query. */
  readonly path: string;
  readonly json?: JsonObject;
  readonly ifConfiguration?: number;
  readonly dryRun?: boolean;
}

/** The request for a change of members. */
export function membershipRequest(
  { method, path, json, ifConfiguration, dryRun }: MembershipAsked,
): RestRequest {
  return {
    ...{ kind: "write", method },
    // Under a condition that it has itself made false it would be refused, as if nothing had
    // happened.
    ...(ifConfiguration === undefined ? { repeatable: true } : {}),
    target: path + queryString({ dry_run: dryRun }),
    headers: {
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(ifConfiguration === undefined ? {} : { "if-match": `"c${ifConfiguration}"` }),
    },
    ...(json === undefined ? {} : { body: bytesOf(JSON.stringify(json)) }),
  };
}

/** A node that shall belong to the cluster, as REST takes it. */
export function offerJson({ id, incarnation, rpc, http, clientRpc }: NodeOffer): JsonObject {
  return { id, incarnation, rpc, http, client_rpc: clientRpc };
}

function membersChangedOf({ status, body }: RestAnswer): MembersChanged {
  const json = parseJson(body);
  return {
    ...memberListOf(json),
    id: numberMember(json, "id"),
    added: status === 201,
    quorum: numberMember(json, "quorum"),
    voters: numberMember(json, "voters"),
    healthyVoters: numberMember(json, "healthy_voters"),
  };
}

function memberListOf(json: JsonObject): MemberList {
  const configuration = objectOf(json["configuration"]);
  return {
    members: listMember(json, "members").map(memberOf),
    configuration: {
      index: numberMember(configuration, "index"),
      joint: booleanMember(configuration, "joint"),
      ...pendingOf(configuration["pending"]),
    },
  };
}

function pendingOf(json: unknown): Pick<MemberList["configuration"], "pending"> {
  if (json === undefined) return {};
  const pending = objectOf(json);
  return {
    pending: {
      index: numberMember(pending, "index"),
      joint: booleanMember(pending, "joint"),
      voters: listMember(pending, "voters").map((voter) => numberMember({ voter }, "voter")),
    },
  };
}

function memberOf(json: unknown): ClusterMember {
  const said = Object.entries(objectOf(json)).filter(([, value]) => value !== null);
  const member = Object.fromEntries(said);
  const text = (name: string, from = name) =>
    member[from] === undefined ? {} : { [name]: optionalText(member, from) };
  const number = (name: string, from = name) =>
    member[from] === undefined ? {} : { [name]: numberMember(member, from) };
  return {
    id: numberMember(member, "id"),
    suffrage: textMember(member, "suffrage"),
    ...{ ...text("role"), ...text("http"), ...text("rpc"), ...text("clientRpc", "client_rpc") },
    ...{ ...number("match"), ...number("applied"), ...number("lagMs", "lag_ms") },
    ...(member["healthy"] === undefined ? {} : { healthy: booleanMember(member, "healthy") }),
    ...text("version"),
  };
}
