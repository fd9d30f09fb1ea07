/**
 * The behaviour of the Raft core, told by transcripts: every file under testdata/ shows one
 * phenomenon, in the commands of test/harness/raft_script.ts. SKEIN_REWRITE=1 writes them anew.
 */

import { goldenSuite } from "../harness/golden.ts";
import { raftScript } from "../harness/raft_script.ts";

const testdata = `${import.meta.dirname}/testdata`;

const topics = ["election", "replication", "read_index", "configuration", "restart", "snapshot"];

for (const topic of topics) {
  goldenSuite(`${testdata}/${topic}`, raftScript);
}
