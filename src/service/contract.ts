/**
 * What clients can ask of one node, whatever protocol they speak: the boundary that http/ and grpc/
 * stand on. The implementations are kv_service.ts and cluster_service.ts. All failures are thrown
 * as ServiceError.
 */

export type { KvRecord, Revision } from "../kv/record.ts";
export type { Result } from "../kv/result.ts";
export type { NodeId } from "../raft/types.ts";
export type {
  Conditions,
  Contend,
  Delete,
  Idempotency,
  KeyTarget,
  Operation,
  Put,
} from "../kv/command.ts";
export {
  type ContestArea,
  contestNameBytesMax,
  electionValueBytesMax,
  lockOwnerBytesMax,
} from "../kv/contest_command.ts";
export type {
  Answer,
  ChangeEvent,
  ContestHolder,
  GetQuery,
  LeaseKeysPage,
  Query,
  RangeQuery,
  RevisionChanges,
} from "../kv/query.ts";
export type { ContestDone } from "../kv/result.ts";
export { restoreAboveMax } from "../kv/backup/format.ts";
export { changesPerRevisionMax, keyBytesMax, valueBytesMax } from "../kv/record.ts";
export type {
  BackupOutline,
  BackupReading,
  BackupService,
  KeptBackup,
  RestoreAnswer,
  RestoreRequest,
} from "./contract/backups.ts";
export type {
  Check,
  ClusterFrame,
  ClusterOutline,
  ClusterService,
  ClusterView,
  ConfigurationView,
  LogReach,
  OpenClusterWatch,
  PendingConfiguration,
} from "./contract/cluster.ts";
export type {
  Contending,
  ContestPlace,
  ContestService,
  ElectionFrame,
  OpenElection,
} from "./contract/contests.ts";
export type { HoldFrame, LeaseHoldService, OpenHold } from "./contract/holds.ts";
export type { KvService } from "./contract/keys.ts";
export type { MemberPlace, MemberView } from "./contract/members.ts";
export type {
  MembershipAnswer,
  MembershipChange,
  MembershipRequest,
  OfferedMember,
} from "./contract/membership.ts";
export type {
  OpenRange,
  RangeSlice,
  RangeStreamRequest,
  RangeStreamService,
} from "./contract/ranges.ts";
export type {
  OpenWatch,
  WatchFrame,
  WatchOpening,
  WatchRequest,
  WatchService,
} from "./contract/watches.ts";
export { answerBytesMax } from "./contract/requests.ts";
export type {
  Header,
  ReadLevel,
  ReadOptions,
  RequestOptions,
  WriteOptions,
} from "./contract/requests.ts";

/** Which program this is and what it runs on. */
export interface VersionView {
  readonly version: string;
  readonly commit: string;
  readonly runtime: string;
  readonly runtimeVersion: string;
  readonly sqlite: string;
  readonly protocolVersion: number;
  /** The newest version of commands that it can apply. */
  readonly dataVersion: number;
}
