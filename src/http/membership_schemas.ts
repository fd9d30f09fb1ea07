/** The JSON of changes of members, as named components of the document. */

import { z } from "@hono/zod-openapi";
import {
  httpAddressAllowed,
  incarnationAllowed,
  isHttpAddress,
  isIncarnation,
  isRpcAddress,
  rpcAddressAllowed,
} from "../service/offered_member.ts";
import { integer } from "./request_members.ts";
import { ConfigurationSchema, count, MemberSchema } from "./schemas.ts";

/** A node that is to be added. */
export interface OfferedMemberJson {
  readonly id?: number | undefined;
  readonly incarnation?: string | undefined;
  readonly rpc: string;
  readonly http: string;
  readonly client_rpc?: string | undefined;
}

/** A node that is to be added, and as what. */
export interface AddMemberJson extends OfferedMemberJson {
  readonly suffrage?: "learner" | "read_only" | undefined;
}

/** What a member shall be. */
export interface SuffrageJson {
  readonly suffrage: "voter" | "learner" | "read_only";
}

const rpcAddress = z.string().refine(isRpcAddress, { error: rpcAddressAllowed });

const offeredMembers = {
  id: integer("Above every id that was ever used; the next free one when absent.", {
    min: 1,
    max: 2 ** 32 - 1,
  }).optional(),
  incarnation: z.string().refine(isIncarnation, { error: incarnationAllowed }).optional().openapi({
    type: "string",
    pattern: "^[0-9a-f]{16}$",
    example: "00f1c2d3a4b5e697",
    description: "Names its data directory: it stands in its identity.json, or in its file " +
      "incarnation while it has no id. When absent, whoever listens at `rpc` is asked.",
  }),
  rpc: rpcAddress.openapi({
    type: "string",
    example: "127.0.0.1:7431",
    description: "Where the other nodes reach it.",
  }),
  http: z.string().refine(isHttpAddress, { error: httpAddressAllowed }).openapi({
    type: "string",
    example: "http://127.0.0.1:7430",
    description: "Where clients reach it over REST.",
  }),
  client_rpc: rpcAddress.optional().openapi({
    type: "string",
    description: "Where gRPC clients reach it, where that is not `rpc`.",
  }),
};

export const AddMemberSchema: z.ZodType<AddMemberJson> = z.strictObject({
  ...offeredMembers,
  suffrage: z.enum(["learner", "read_only"]).optional().openapi({
    description: "A learner, which it is unless said otherwise, can be made a voter once it has " +
      "caught up; a read_only member never is.",
  }),
}).openapi("AddMember");

export const ReplacementSchema: z.ZodType<OfferedMemberJson> = z.strictObject(offeredMembers)
  .openapi("Replacement", { description: "Who takes the place of the member in the path." });

export const SuffrageSchema: z.ZodType<SuffrageJson> = z.strictObject({
  suffrage: z.enum(["voter", "learner", "read_only"]).openapi({
    description: "What the member shall be.",
  }),
}).openapi("Suffrage");

export const MembershipSchema = z.object({
  id: integer("Whom the change was about; of a replacement, the new member.", { min: 1 }),
  members: z.array(MemberSchema),
  configuration: ConfigurationSchema,
  quorum: count("Voters that have to agree."),
  voters: count("Voters there are."),
  healthy_voters: count("Voters that the leader has heard of late."),
  dry_run: z.boolean().optional().openapi({
    description: "True: nothing was changed. `members` and the counts are what would be, " +
      "`configuration` is what is.",
  }),
}).openapi("Membership", { description: "The members after a change." });
