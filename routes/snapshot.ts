/** The whole store as a file: `/v1/snapshot`. */

import {
  backupMediaType,
  downloadBackup,
  RestoredSchema,
  uploadBackup,
} from "../src/http/backups.ts";
import {
  countOption,
  everywhereOptions,
  flagOption,
  noConditions,
  noIdempotencyKey,
  presentOptions,
} from "../src/http/option_schemas.ts";
import { binary, json, readResponse, storeResponse } from "../src/http/response_docs.ts";
import { restoreAboveMax } from "../src/service/contract.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const file = { [backupMediaType]: { schema: binary } };
const ofFile = [
  ...["ETag", "Accept-Ranges", "Repr-Digest", "Content-Disposition", "Content-Range"] as const,
];

const download = defineRoute({
  method: "get",
  path: "/v1/snapshot",
  operationId: "getBackup",
  tag: "snapshots",
  summary: "Make a backup of the whole store",
  description: "Keys with all readable revisions, locks and elections, leases with what remains " +
    "of their time, and remembered answers: all that was committed when it was asked for, and " +
    "nothing of the cluster itself. It is whole and hashed before its first byte leaves. The " +
    "node keeps its two newest, for 10 minutes after they were last asked for: a download that " +
    "broke off goes on with `Range` and `If-Range`. `timeout` does not bound how long making it " +
    "takes.",
  options: { ...presentOptions, ...noConditions },
  success: {
    200: readResponse("The backup.", file, ofFile),
    206: readResponse("A part of one that was made before.", file, ofFile),
  },
  problems: [416, 429, 503, 504, 507],
  handle: downloadBackup,
});

const upload = defineRoute({
  method: "put",
  path: "/v1/snapshot",
  operationId: "restoreBackup",
  tag: "snapshots",
  summary: "Restore a backup into the cluster, or check it",
  description: "Any media type is taken, and `Repr-Digest` or `Content-Digest` are checked where " +
    "they are given. The whole file is looked through before anything is changed. Then all " +
    "members take it over, through the log; while that lasts, reads and writes are 503 " +
    "`not_ready`. The revision becomes one that neither had, and open watches end with " +
    "`compacted`, except that an unwritten store takes over the past as well. The answer comes " +
    "when all of it is there; a client that goes after the upload changes nothing. `timeout`, " +
    "60s when absent, bounds each pause of the body and of the work, not the whole.",
  options: {
    ...everywhereOptions,
    ...noConditions,
    ...noIdempotencyKey,
    replace: flagOption("Also over a store that holds keys or leases, which are gone then."),
    verify: flagOption("Only look whether the file is whole; nothing is changed."),
    above: countOption(
      "The revision becomes higher than this one: what clients of a lost cluster may have seen.",
      { min: 1, max: restoreAboveMax },
    ),
  },
  body: { required: true, content: { "application/octet-stream": { schema: binary } } },
  success: { 200: storeResponse("It is restored, or whole.", json(RestoredSchema)) },
  problems: [403, 408, 409, 413, 415, 429, 503, 504, 507],
  handle: uploadBackup,
});

export const snapshotRoutes: readonly Route[] = [download, upload];
