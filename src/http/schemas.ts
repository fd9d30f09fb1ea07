/** The JSON that this interface speaks, as named components of the document. */

import { z } from "@hono/zod-openapi";

const maxSafe = Number.MAX_SAFE_INTEGER;

/** A number of something, or a position that counts up. */
export function count(description: string): z.ZodNumber {
  return z.int().min(0).max(maxSafe).openapi({ format: "int64", description });
}

const revision = count("A revision of the store.");
const nodeId = z.int().min(1).max(2 ** 32 - 1).openapi({ format: "int64", description: "A node." });

export const keyMembers = {
  key: z.string().optional().openapi({ description: "The key, where it is UTF-8.", example: "a" }),
  key64: z.string().optional().openapi({ description: "The key in base64url, where it is not." }),
};
const valueMembers = {
  value: z.string().optional().openapi({ description: "The value, where it is UTF-8." }),
  value64: z.string().optional().openapi({
    description: "The value in base64url, where it is not.",
  }),
};

export const RecordSchema = z.object({
  ...keyMembers,
  ...valueMembers,
  create: count("The revision that created the key, since its last deletion."),
  mod: count("The revision that wrote this version."),
  version: count("1 at creation, one more with each write."),
  lease: z.string().optional().openapi({ description: "The lease that the key hangs on." }),
  content_type: z.string().openapi({
    description: "What GET answers the value with.",
    example: "text/plain",
  }),
}).openapi("Record", {
  description: "One version of one key. `value` and `value64` are left out where only keys were " +
    "asked for, and in refusals where the value is larger than 64 KiB.",
});

export const recordOrNull = z.union([RecordSchema, z.null()]);

export const resultsOmitted = z.boolean().optional().openapi({
  description: "True in the answer to a repetition (`Idempotency-Replayed`) that lacks what was " +
    "read the first time: records before, values, the results of reads.",
});

export const PutResultSchema = z.object({
  ...keyMembers,
  revision: count("The revision of this write."),
  create: count("The revision that created the key."),
  version: count("1 when this write created the key."),
  prev: recordOrNull.optional().openapi({
    description: "With `prev`: the record before this write, null when there was none.",
  }),
  ...valueMembers,
  mod: revision.optional(),
  lease: z.string().optional().openapi({
    description: "The lease that the key hangs on: the asked one, or the one that `ttl` has made.",
  }),
  content_type: z.string().optional(),
  results_omitted: resultsOmitted,
}).openapi("PutResult", {
  description: "With `return=representation` it is the new record as well. `value` is also there " +
    "when the write has counted: the new number as text.",
});

export const PutDoneSchema = z.object({
  revision: count("The revision of the transaction."),
  create: count("The revision that created the key."),
  version: count("1 when this write created the key."),
  prev: recordOrNull.optional().openapi({
    description: "With `prev`: the record before, null when there was none.",
  }),
}).openapi("PutDone");

export const DeletedSchema = z.object({
  deleted: count("How many keys were deleted."),
  prev: z.array(RecordSchema).optional().openapi({
    description: "With `prev`: the first of the deleted records, and as many more as stay within " +
      "1 MiB together with it.",
  }),
}).openapi("Deleted");

export const MergePatchSchema = z.unknown().openapi("MergePatch", {
  description:
    "An object with the members to set, of which null removes one. Any other JSON takes " +
    "the place of the document.",
});

export const DeleteResultSchema = z.object({
  deleted: count("1, or 0 when there was no such key."),
  revision: count("The revision of the deletion; where nothing was deleted, the store's."),
  prev: recordOrNull.optional().openapi({
    description: "With `prev`: the deleted record, null when there was none.",
  }),
  results_omitted: resultsOmitted,
}).openapi("DeleteResult");

export const DeleteRangeResultSchema = z.object({
  deleted: count("How many keys were deleted."),
  revision: count("The revision of the deletion; where nothing was deleted, the store's."),
  more: z.boolean().optional().openapi({
    description: "With `limit`: whether the range holds more keys.",
  }),
  prev: z.array(RecordSchema).optional().openapi({
    description: "With `prev`: the first of the deleted records, and as many more as stay within " +
      "1 MiB together with it.",
  }),
  results_omitted: resultsOmitted,
}).openapi("DeleteRangeResult");

export const ListSchema = z.object({
  items: z.array(recordOrNull).openapi({
    description: "Records in key order; of a request by `key` in its order, null where absent.",
  }),
  prefixes: z.array(z.string()).optional().openapi({
    description: "With `delimiter`: the folders, each up to and with the delimiter.",
  }),
  prefixes64: z.array(z.string()).optional().openapi({
    description: "Folders that are not UTF-8, in base64url.",
  }),
  count: count("Items and folders in this answer; with `count_only` the keys in the range."),
  revision: count("The revision of the view."),
  cursor: z.string().optional().openapi({
    description: "Where the next page begins; left out on the last one.",
  }),
}).openapi("List");

export const HistoryItemSchema = z.object({
  ...RecordSchema.partial().shape,
  mod: count("The revision that wrote this version, or deleted the key."),
  deleted: z.boolean().optional().openapi({ description: "True where the key was deleted." }),
  time: z.string().openapi({
    format: "date-time",
    description: "When, by the clock of the node that led then.",
    example: "2026-11-20T12:00:00.000Z",
  }),
}).openapi("HistoryItem", { description: "A version of the key, or its deletion." });

export const HistorySchema = z.object({
  items: z.array(HistoryItemSchema).openapi({ description: "The newest first." }),
  revision: count("The revision of the view."),
  cursor: z.string().optional().openapi({
    description: "Where the next page begins; left out on the last one.",
  }),
}).openapi("History");

const openString = (example: string, description: string) =>
  z.string().openapi({ example, description });

export const LeaderSchema = z.object({
  id: nodeId,
  http: z.union([z.string(), z.null()]),
  rpc: z.union([z.string(), z.null()]),
}).openapi("Leader");

export const MemberSchema = z.object({
  id: nodeId,
  suffrage: openString("voter", "voter, learner or read_only."),
  role: z.union([z.string(), z.null()]).openapi({
    example: "follower",
    description: "leader, follower, candidate or precandidate; null where it is not known, as of " +
      "a node that the leader does not hear.",
  }),
  http: z.union([z.string(), z.null()]).openapi({ example: "http://127.0.0.1:7400" }),
  rpc: z.union([z.string(), z.null()]).openapi({ example: "127.0.0.1:7401" }),
  client_rpc: z.union([z.string(), z.null()]).openapi({
    description: "Where gRPC clients connect; null where it is `rpc`.",
  }),
  match: z.union([count("Log index known to be on that node."), z.null()]),
  applied: z.union([count("Log index applied there."), z.null()]),
  lag_ms: z.union([z.number().min(0), z.null()]),
  healthy: z.union([z.boolean(), z.null()]),
  version: z.union([z.string(), z.null()]),
}).openapi("Member", {
  description: "What only the leader knows is null on other nodes. Every node takes itself for " +
    "healthy.",
});

export const ConfigurationSchema = z.object({
  index: count("The log index of the configuration."),
  joint: z.boolean().openapi({
    description: "A change of members is half way: two majorities have to agree.",
  }),
}).openapi("Configuration");

const PendingConfigurationSchema = z.object({
  ...ConfigurationSchema.shape,
  voters: z.array(nodeId),
}).openapi("PendingConfiguration", {
  description: "A configuration that is not known to be committed. It may be taken back, and " +
    "decides already: its voters, and where it is joint those before it as well, have to agree " +
    "to whatever comes.",
});

export const ClusterConfigurationSchema = z.object({
  ...ConfigurationSchema.shape,
  pending: PendingConfigurationSchema.optional(),
}).openapi("ClusterConfiguration", {
  description: "The configuration that is committed, and the newer one where the node's log " +
    "holds one.",
});

export const ClusterSchema = z.object({
  cluster_id: z.string(),
  node_id: nodeId,
  term: count("The election term."),
  leader: z.union([LeaderSchema, z.null()]),
  members: z.array(MemberSchema),
  configuration: ClusterConfigurationSchema,
  data_version: z.union([
    count(
      "The version of commands that the cluster uses: all members can apply them. It rises once " +
        "the last member was upgraded.",
    ),
    z.null(),
  ]),
}).openapi("Cluster");

export const MembersSchema = z.object({
  members: z.array(MemberSchema),
  configuration: ClusterConfigurationSchema,
}).openapi("Members");

const voterAllowed = "allowed is the id of a voter, an integer from 1 to 4294967295";

export const LeadershipRequestSchema = z.strictObject({
  target: z.int({ error: voterAllowed })
    .min(1, { error: voterAllowed })
    .max(2 ** 32 - 1, { error: voterAllowed })
    .optional()
    .openapi({
      format: "int64",
      description: "Who shall lead; the most advanced voter when absent.",
    }),
}).openapi("LeadershipRequest");

export const LeadershipSchema = z.object({ leader: nodeId }).openapi("Leadership");

export const VersionSchema = z.object({
  version: z.string(),
  commit: z.string(),
  runtime: openString("bun", "bun or deno."),
  runtime_version: z.string(),
  sqlite: z.string(),
  protocol_version: count("Of the protocol between nodes."),
  data_version: count("The newest version of commands that this node can apply."),
}).openapi("Version");

const IssueSchema = z.object({
  path: openString("consistency", "The option, header or JSON member."),
  message: z.string(),
}).openapi("Issue");

const CheckSchema = z.object({
  name: openString("leader", "What is checked."),
  ok: z.boolean(),
  detail: z.string(),
}).openapi("Check");

/** Who holds a lock, or leads an election. */
export const contestMembers = {
  token: count("For fencing: each holder of a name has a higher one than those before."),
  lease: z.string().openapi({ description: "The lease that it hangs on.", example: "7" }),
};

const ContestHolderSchema = z.object({
  ...contestMembers,
  owner: z.string().optional().openapi({ description: "Of a lock: what its holder calls itself." }),
  ...valueMembers,
}).openapi("ContestHolder");

export const ProblemSchema = z.object({
  type: openString("urn:skein:problem:precondition_failed", "The code as a URN."),
  title: z.string(),
  status: z.int().min(400).max(599).openapi({ format: "int32" }),
  detail: openString(
    "cfg/a is at revision 57, If-Match wanted 42",
    "What was wrong, with which value.",
  ),
  code: openString("precondition_failed", "For programs."),
  outcome: z.enum(["not_applied", "applied", "unknown"]).optional().openapi({
    description: "On errors of writes: what became of the write. A promise, not a guess.",
  }),
  retryable: z.boolean().openapi({
    description: "Repeating the identical request can succeed and cannot apply it twice.",
  }),
  issues: z.array(IssueSchema).optional().openapi({
    description: "Of validation_failed: everything that is wrong, by path.",
  }),
  current: recordOrNull.optional().openapi({
    description: "Of precondition_failed: the record as it is, null when the key is absent.",
  }),
  oldest: revision.optional().openapi({
    description: "Of revision_compacted: the oldest revision that can be read.",
  }),
  holder: ContestHolderSchema.optional().openapi({
    description: "Of locked, not_elected, and precondition_failed there: who holds or leads.",
  }),
  configuration: ConfigurationSchema.optional().openapi({
    description: "Of precondition_failed and membership_change_in_progress, where members were " +
      "to be changed: the one in force.",
  }),
  quorum: count("Of would_lose_quorum: voters that would have to agree.").optional(),
  voters: count("Of would_lose_quorum: voters there would be.").optional(),
  healthy_voters: count("Of would_lose_quorum: how many of them the leader hears.").optional(),
  results_omitted: resultsOmitted,
  checks: z.array(CheckSchema).optional().openapi({
    description: "Of not_ready: every check.",
  }),
}).openapi("Problem", { description: "RFC 9457. More members may come with later codes." });
