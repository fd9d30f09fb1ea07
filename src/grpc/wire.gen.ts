// Generated from proto/ by scripts/proto.ts. Do not edit.

export interface Wire {
  "d_engine.client.WriteCommand": {
    readonly insert?: Wire["d_engine.client.WriteCommand.Insert"] | null | undefined;
    readonly delete?: Wire["d_engine.client.WriteCommand.Delete"] | null | undefined;
    readonly compareAndSwap?: Wire["d_engine.client.WriteCommand.CompareAndSwap"] | null | undefined;
    readonly operation?: "insert" | "delete" | "compareAndSwap" | undefined;
  };
  "d_engine.client.WriteCommand.Insert": {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
    readonly ttlSecs: number;
  };
  "d_engine.client.WriteCommand.Delete": {
    readonly key: Uint8Array;
  };
  "d_engine.client.WriteCommand.CompareAndSwap": {
    readonly key: Uint8Array;
    readonly expectedValue?: Uint8Array | null | undefined;
    readonly newValue: Uint8Array;
  };
  "d_engine.client.ClientWriteRequest": {
    readonly clientId: number;
    readonly command?: Wire["d_engine.client.WriteCommand"] | null | undefined;
  };
  "d_engine.client.ClientReadRequest": {
    readonly clientId: number;
    readonly keys: readonly Uint8Array[];
    readonly consistencyPolicy?: number | null | undefined;
  };
  "d_engine.client.WriteResult": {
    readonly succeeded: boolean;
  };
  "d_engine.client.ClientResponse": {
    readonly error: number;
    readonly writeResult?: Wire["d_engine.client.WriteResult"] | null | undefined;
    readonly readData?: Wire["d_engine.client.ReadResults"] | null | undefined;
    readonly metadata?: Wire["d_engine.error.ErrorMetadata"] | null | undefined;
    readonly successResult?: "writeResult" | "readData" | undefined;
  };
  "d_engine.client.ClientResult": {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
  };
  "d_engine.client.ReadResults": {
    readonly results: readonly Wire["d_engine.client.ClientResult"][];
  };
  "d_engine.client.KvEntry": {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
  };
  "d_engine.client.ScanRequest": {
    readonly clientId: number;
    readonly prefix: Uint8Array;
  };
  "d_engine.client.ScanResponse": {
    readonly entries: readonly Wire["d_engine.client.KvEntry"][];
    readonly revision: number;
  };
  "d_engine.client.WatchMembershipRequest": {
    readonly clientId: number;
  };
  "d_engine.client.MembershipSnapshot": {
    readonly members: readonly number[];
    readonly learners: readonly number[];
    readonly committedIndex: number;
  };
  "d_engine.client.WatchRequest": {
    readonly clientId: number;
    readonly key: Uint8Array;
    readonly prefix: boolean;
    readonly prevKv: boolean;
  };
  "d_engine.client.WatchResponse": {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
    readonly eventType: number;
    readonly error: number;
    readonly revision: number;
    readonly prevValue: Uint8Array;
  };
  "d_engine.server.cluster.ClusterConfChangeRequest": {
    readonly id: number;
    readonly term: number;
    readonly version: number;
    readonly change?: Wire["d_engine.common.MembershipChange"] | null | undefined;
  };
  "d_engine.server.cluster.ClusterConfUpdateResponse": {
    readonly id: number;
    readonly term: number;
    readonly version: number;
    readonly success: boolean;
    readonly errorCode: number;
  };
  "d_engine.server.cluster.MetadataRequest": {
  };
  "d_engine.server.cluster.ClusterMembership": {
    readonly version: number;
    readonly nodes: readonly Wire["d_engine.server.cluster.NodeMeta"][];
    readonly currentLeaderId?: number | null | undefined;
  };
  "d_engine.server.cluster.NodeMeta": {
    readonly id: number;
    readonly address: string;
    readonly role: number;
    readonly status: number;
  };
  "d_engine.server.cluster.JoinRequest": {
    readonly nodeId: number;
    readonly nodeRole: number;
    readonly address: string;
    readonly status: number;
  };
  "d_engine.server.cluster.JoinResponse": {
    readonly success: boolean;
    readonly error: string;
    readonly config?: Wire["d_engine.server.cluster.ClusterMembership"] | null | undefined;
    readonly configVersion: number;
    readonly snapshotMetadata?: Wire["d_engine.server.storage.SnapshotMetadata"] | null | undefined;
    readonly leaderId: number;
  };
  "d_engine.server.cluster.LeaderDiscoveryRequest": {
    readonly nodeId: number;
    readonly requesterAddress: string;
  };
  "d_engine.server.cluster.LeaderDiscoveryResponse": {
    readonly leaderId: number;
    readonly leaderAddress: string;
    readonly term: number;
  };
  "d_engine.common.LogId": {
    readonly term: number;
    readonly index: number;
  };
  "d_engine.common.MembershipChange": {
    readonly addNode?: Wire["d_engine.common.AddNode"] | null | undefined;
    readonly removeNode?: Wire["d_engine.common.RemoveNode"] | null | undefined;
    readonly promote?: Wire["d_engine.common.PromoteLearner"] | null | undefined;
    readonly batchPromote?: Wire["d_engine.common.BatchPromote"] | null | undefined;
    readonly batchRemove?: Wire["d_engine.common.BatchRemove"] | null | undefined;
    readonly change?: "addNode" | "removeNode" | "promote" | "batchPromote" | "batchRemove" | undefined;
  };
  "d_engine.common.AddNode": {
    readonly nodeId: number;
    readonly address: string;
    readonly status: number;
  };
  "d_engine.common.RemoveNode": {
    readonly nodeId: number;
  };
  "d_engine.common.PromoteLearner": {
    readonly nodeId: number;
    readonly status: number;
  };
  "d_engine.common.BatchPromote": {
    readonly nodeIds: readonly number[];
    readonly newStatus: number;
  };
  "d_engine.common.BatchRemove": {
    readonly nodeIds: readonly number[];
  };
  "d_engine.error.ErrorMetadata": {
    readonly retryAfterMs?: number | null | undefined;
    readonly leaderId?: string | null | undefined;
    readonly leaderAddress?: string | null | undefined;
    readonly debugMessage?: string | null | undefined;
  };
  "d_engine.server.storage.SnapshotMetadata": {
    readonly lastIncluded?: Wire["d_engine.common.LogId"] | null | undefined;
    readonly checksum: Uint8Array;
  };
  "google.protobuf.Any": {
    readonly typeUrl: string;
    readonly value: Uint8Array;
  };
  "google.protobuf.Duration": {
    readonly seconds: number;
    readonly nanos: number;
  };
  "google.rpc.ErrorInfo": {
    readonly reason: string;
    readonly domain: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
  "google.rpc.RetryInfo": {
    readonly retryDelay?: Wire["google.protobuf.Duration"] | null | undefined;
  };
  "google.rpc.BadRequest": {
    readonly fieldViolations: readonly Wire["google.rpc.BadRequest.FieldViolation"][];
  };
  "google.rpc.BadRequest.FieldViolation": {
    readonly field: string;
    readonly description: string;
  };
  "google.rpc.Status": {
    readonly code: number;
    readonly message: string;
    readonly details: readonly Wire["google.protobuf.Any"][];
  };
  "grpc.health.v1.HealthCheckRequest": {
    readonly service: string;
  };
  "grpc.health.v1.HealthCheckResponse": {
    readonly status: number;
  };
  "grpc.health.v1.HealthListRequest": {
  };
  "grpc.health.v1.HealthListResponse": {
    readonly statuses: Readonly<Record<string, Wire["grpc.health.v1.HealthCheckResponse"]>>;
  };
  "grpc.reflection.v1.ServerReflectionRequest": {
    readonly host: string;
    readonly fileByFilename?: string | null | undefined;
    readonly fileContainingSymbol?: string | null | undefined;
    readonly fileContainingExtension?: Wire["grpc.reflection.v1.ExtensionRequest"] | null | undefined;
    readonly allExtensionNumbersOfType?: string | null | undefined;
    readonly listServices?: string | null | undefined;
    readonly messageRequest?: "fileByFilename" | "fileContainingSymbol" | "fileContainingExtension" | "allExtensionNumbersOfType" | "listServices" | undefined;
  };
  "grpc.reflection.v1.ExtensionRequest": {
    readonly containingType: string;
    readonly extensionNumber: number;
  };
  "grpc.reflection.v1.ServerReflectionResponse": {
    readonly validHost: string;
    readonly originalRequest?: Wire["grpc.reflection.v1.ServerReflectionRequest"] | null | undefined;
    readonly fileDescriptorResponse?: Wire["grpc.reflection.v1.FileDescriptorResponse"] | null | undefined;
    readonly allExtensionNumbersResponse?: Wire["grpc.reflection.v1.ExtensionNumberResponse"] | null | undefined;
    readonly listServicesResponse?: Wire["grpc.reflection.v1.ListServiceResponse"] | null | undefined;
    readonly errorResponse?: Wire["grpc.reflection.v1.ErrorResponse"] | null | undefined;
    readonly messageResponse?: "fileDescriptorResponse" | "allExtensionNumbersResponse" | "listServicesResponse" | "errorResponse" | undefined;
  };
  "grpc.reflection.v1.FileDescriptorResponse": {
    readonly fileDescriptorProto: readonly Uint8Array[];
  };
  "grpc.reflection.v1.ExtensionNumberResponse": {
    readonly baseTypeName: string;
    readonly extensionNumber: readonly number[];
  };
  "grpc.reflection.v1.ListServiceResponse": {
    readonly service: readonly Wire["grpc.reflection.v1.ServiceResponse"][];
  };
  "grpc.reflection.v1.ServiceResponse": {
    readonly name: string;
  };
  "grpc.reflection.v1.ErrorResponse": {
    readonly errorCode: number;
    readonly errorMessage: string;
  };
  "grpc.reflection.v1alpha.ServerReflectionRequest": {
    readonly host: string;
    readonly fileByFilename?: string | null | undefined;
    readonly fileContainingSymbol?: string | null | undefined;
    readonly fileContainingExtension?: Wire["grpc.reflection.v1alpha.ExtensionRequest"] | null | undefined;
    readonly allExtensionNumbersOfType?: string | null | undefined;
    readonly listServices?: string | null | undefined;
    readonly messageRequest?: "fileByFilename" | "fileContainingSymbol" | "fileContainingExtension" | "allExtensionNumbersOfType" | "listServices" | undefined;
  };
  "grpc.reflection.v1alpha.ExtensionRequest": {
    readonly containingType: string;
    readonly extensionNumber: number;
  };
  "grpc.reflection.v1alpha.ServerReflectionResponse": {
    readonly validHost: string;
    readonly originalRequest?: Wire["grpc.reflection.v1alpha.ServerReflectionRequest"] | null | undefined;
    readonly fileDescriptorResponse?: Wire["grpc.reflection.v1alpha.FileDescriptorResponse"] | null | undefined;
    readonly allExtensionNumbersResponse?: Wire["grpc.reflection.v1alpha.ExtensionNumberResponse"] | null | undefined;
    readonly listServicesResponse?: Wire["grpc.reflection.v1alpha.ListServiceResponse"] | null | undefined;
    readonly errorResponse?: Wire["grpc.reflection.v1alpha.ErrorResponse"] | null | undefined;
    readonly messageResponse?: "fileDescriptorResponse" | "allExtensionNumbersResponse" | "listServicesResponse" | "errorResponse" | undefined;
  };
  "grpc.reflection.v1alpha.FileDescriptorResponse": {
    readonly fileDescriptorProto: readonly Uint8Array[];
  };
  "grpc.reflection.v1alpha.ExtensionNumberResponse": {
    readonly baseTypeName: string;
    readonly extensionNumber: readonly number[];
  };
  "grpc.reflection.v1alpha.ListServiceResponse": {
    readonly service: readonly Wire["grpc.reflection.v1alpha.ServiceResponse"][];
  };
  "grpc.reflection.v1alpha.ServiceResponse": {
    readonly name: string;
  };
  "grpc.reflection.v1alpha.ErrorResponse": {
    readonly errorCode: number;
    readonly errorMessage: string;
  };
  "skein.cluster.v1.Node": {
    readonly id: number;
    readonly suffrage: number;
    readonly role: number;
    readonly http?: string | null | undefined;
    readonly rpc?: string | null | undefined;
    readonly clientRpc?: string | null | undefined;
    readonly match?: number | null | undefined;
    readonly applied?: number | null | undefined;
    readonly lagMs?: number | null | undefined;
    readonly healthy?: boolean | null | undefined;
    readonly version?: string | null | undefined;
  };
  "skein.cluster.v1.ConfigurationInfo": {
    readonly index: number;
    readonly joint: boolean;
    readonly pending?: Wire["skein.cluster.v1.PendingConfiguration"] | null | undefined;
  };
  "skein.cluster.v1.PendingConfiguration": {
    readonly index: number;
    readonly joint: boolean;
    readonly voters: readonly number[];
  };
  "skein.cluster.v1.ClusterView": {
    readonly clusterId: string;
    readonly nodeId: number;
    readonly term: number;
    readonly role: number;
    readonly leader?: number | null | undefined;
    readonly leaderReady?: boolean | null | undefined;
    readonly nodes: readonly Wire["skein.cluster.v1.Node"][];
    readonly configuration?: Wire["skein.cluster.v1.ConfigurationInfo"] | null | undefined;
    readonly commitIndex: number;
    readonly applied: number;
    readonly lastIndex: number;
    readonly revision: number;
    readonly dataVersion?: number | null | undefined;
  };
  "skein.cluster.v1.Check": {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string;
  };
  "skein.cluster.v1.ListNodesRequest": {
  };
  "skein.cluster.v1.ListNodesResponse": {
    readonly nodes: readonly Wire["skein.cluster.v1.Node"][];
    readonly leader?: number | null | undefined;
    readonly configuration?: Wire["skein.cluster.v1.ConfigurationInfo"] | null | undefined;
  };
  "skein.cluster.v1.StatusRequest": {
    readonly local: boolean;
  };
  "skein.cluster.v1.StatusResponse": {
    readonly view?: Wire["skein.cluster.v1.ClusterView"] | null | undefined;
    readonly ready: boolean;
    readonly checks: readonly Wire["skein.cluster.v1.Check"][];
  };
  "skein.cluster.v1.TransferLeadershipRequest": {
    readonly target?: number | null | undefined;
  };
  "skein.cluster.v1.TransferLeadershipResponse": {
    readonly leader: number;
  };
  "skein.cluster.v1.AddNodeRequest": {
    readonly id?: number | null | undefined;
    readonly incarnation: string;
    readonly suffrage: number;
    readonly rpc: string;
    readonly http: string;
    readonly clientRpc?: string | null | undefined;
    readonly expectedConfiguration?: number | null | undefined;
    readonly dryRun: boolean;
  };
  "skein.cluster.v1.RemoveNodeRequest": {
    readonly id: number;
    readonly expectedConfiguration?: number | null | undefined;
    readonly dryRun: boolean;
  };
  "skein.cluster.v1.PromoteNodeRequest": {
    readonly id: number;
    readonly expectedConfiguration?: number | null | undefined;
    readonly dryRun: boolean;
  };
  "skein.cluster.v1.ChangeSuffrageRequest": {
    readonly id: number;
    readonly suffrage: number;
    readonly expectedConfiguration?: number | null | undefined;
    readonly dryRun: boolean;
  };
  "skein.cluster.v1.ReplaceNodeRequest": {
    readonly id: number;
    readonly replacement?: Wire["skein.cluster.v1.AddNodeRequest"] | null | undefined;
  };
  "skein.cluster.v1.MembershipResponse": {
    readonly nodes: readonly Wire["skein.cluster.v1.Node"][];
    readonly configuration?: Wire["skein.cluster.v1.ConfigurationInfo"] | null | undefined;
    readonly quorum: number;
    readonly id: number;
    readonly added: boolean;
    readonly voters: number;
    readonly healthyVoters: number;
  };
  "skein.cluster.v1.WatchMembershipRequest": {
  };
  "skein.cluster.v1.WatchMembershipResponse": {
    readonly nodes: readonly Wire["skein.cluster.v1.Node"][];
    readonly leader?: number | null | undefined;
    readonly configuration?: Wire["skein.cluster.v1.ConfigurationInfo"] | null | undefined;
  };
  "skein.cluster.v1.SnapshotRequest": {
  };
  "skein.cluster.v1.SnapshotResponse": {
    readonly header?: Wire["skein.cluster.v1.SnapshotHeader"] | null | undefined;
    readonly chunk: Uint8Array;
  };
  "skein.cluster.v1.SnapshotHeader": {
    readonly revision: number;
    readonly bytes: number;
    readonly digest: Uint8Array;
  };
  "skein.raft.v1.Frame": {
    readonly hello?: Wire["skein.raft.v1.Hello"] | null | undefined;
    readonly helloAnswer?: Wire["skein.raft.v1.HelloAnswer"] | null | undefined;
    readonly envelopes: readonly Wire["skein.raft.v1.Envelope"][];
  };
  "skein.raft.v1.Hello": {
    readonly clusterId: string;
    readonly from: number;
    readonly to: number;
    readonly incarnation: string;
    readonly logEpoch: number;
    readonly starts: number;
    readonly nonce: number;
    readonly protocolVersion: number;
    readonly addresses?: Wire["skein.raft.v1.Addresses"] | null | undefined;
    readonly bootstrapIds: readonly number[];
    readonly dataVersion: number;
    readonly programVersion: string;
    readonly electionTimeoutMinMs: number;
    readonly protocolVersionMin: number;
  };
  "skein.raft.v1.HelloAnswer": {
    readonly accepted?: Wire["skein.raft.v1.HelloAccepted"] | null | undefined;
    readonly refused?: Wire["skein.raft.v1.HelloRefused"] | null | undefined;
    readonly answer?: "accepted" | "refused" | undefined;
  };
  "skein.raft.v1.HelloAccepted": {
    readonly hello?: Wire["skein.raft.v1.Hello"] | null | undefined;
    readonly cluster?: Wire["skein.raft.v1.Configuration"] | null | undefined;
  };
  "skein.raft.v1.HelloRefused": {
    readonly reason: string;
    readonly final: boolean;
    readonly nodeId: number;
    readonly incarnation: string;
    readonly removed: boolean;
  };
  "skein.raft.v1.Addresses": {
    readonly rpc: string;
    readonly http: string;
    readonly clientRpc?: string | null | undefined;
  };
  "skein.raft.v1.Member": {
    readonly id: number;
    readonly incarnation: string;
    readonly suffrage: number;
    readonly addresses?: Wire["skein.raft.v1.Addresses"] | null | undefined;
  };
  "skein.raft.v1.MemberList": {
    readonly members: readonly Wire["skein.raft.v1.Member"][];
  };
  "skein.raft.v1.Configuration": {
    readonly members: readonly Wire["skein.raft.v1.Member"][];
    readonly outgoing?: Wire["skein.raft.v1.MemberList"] | null | undefined;
    readonly nodeIdMax: number;
  };
  "skein.raft.v1.LogPosition": {
    readonly index: number;
    readonly term: number;
  };
  "skein.raft.v1.PositionedConfiguration": {
    readonly position?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly configuration?: Wire["skein.raft.v1.Configuration"] | null | undefined;
  };
  "skein.raft.v1.Entry": {
    readonly index: number;
    readonly term: number;
    readonly kind: number;
    readonly timeMs: number;
    readonly data: Uint8Array;
    readonly crc32c: number;
  };
  "skein.raft.v1.SnapshotMeta": {
    readonly position?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly timeMs: number;
    readonly configuration?: Wire["skein.raft.v1.PositionedConfiguration"] | null | undefined;
    readonly bytes: number;
    readonly digest: Uint8Array;
  };
  "skein.raft.v1.Envelope": {
    readonly from: number;
    readonly to: number;
    readonly fromEpoch: number;
    readonly toEpoch: number;
    readonly term: number;
    readonly appendEntries?: Wire["skein.raft.v1.AppendEntries"] | null | undefined;
    readonly appendEntriesReply?: Wire["skein.raft.v1.AppendEntriesReply"] | null | undefined;
    readonly heartbeat?: Wire["skein.raft.v1.Heartbeat"] | null | undefined;
    readonly heartbeatReply?: Wire["skein.raft.v1.HeartbeatReply"] | null | undefined;
    readonly readIndexRequest?: Wire["skein.raft.v1.ReadIndexRequest"] | null | undefined;
    readonly readIndexReply?: Wire["skein.raft.v1.ReadIndexReply"] | null | undefined;
    readonly requestVote?: Wire["skein.raft.v1.RequestVote"] | null | undefined;
    readonly requestVoteReply?: Wire["skein.raft.v1.RequestVoteReply"] | null | undefined;
    readonly preVote?: Wire["skein.raft.v1.PreVote"] | null | undefined;
    readonly preVoteReply?: Wire["skein.raft.v1.PreVoteReply"] | null | undefined;
    readonly timeoutNow?: Wire["skein.raft.v1.TimeoutNow"] | null | undefined;
    readonly installSnapshot?: Wire["skein.raft.v1.InstallSnapshot"] | null | undefined;
    readonly installSnapshotReply?: Wire["skein.raft.v1.InstallSnapshotReply"] | null | undefined;
    readonly message?: "appendEntries" | "appendEntriesReply" | "heartbeat" | "heartbeatReply" | "readIndexRequest" | "readIndexReply" | "requestVote" | "requestVoteReply" | "preVote" | "preVoteReply" | "timeoutNow" | "installSnapshot" | "installSnapshotReply" | undefined;
  };
  "skein.raft.v1.RequestVote": {
    readonly lastLog?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly transfer: boolean;
  };
  "skein.raft.v1.RequestVoteReply": {
    readonly voteGranted: boolean;
    readonly notMember?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
  };
  "skein.raft.v1.PreVote": {
    readonly lastLog?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
  };
  "skein.raft.v1.PreVoteReply": {
    readonly requestedTerm: number;
    readonly voteGranted: boolean;
    readonly notMember?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
  };
  "skein.raft.v1.AppendEntries": {
    readonly prevLog?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly entries: readonly Wire["skein.raft.v1.Entry"][];
    readonly leaderCommit: number;
    readonly attempt: number;
  };
  "skein.raft.v1.AppendEntriesReply": {
    readonly matched?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly conflict?: Wire["skein.raft.v1.Conflict"] | null | undefined;
    readonly needsSnapshot: boolean;
    readonly attempt: number;
    readonly result?: "matched" | "conflict" | undefined;
  };
  "skein.raft.v1.Conflict": {
    readonly rejected?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly hint?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
  };
  "skein.raft.v1.Heartbeat": {
    readonly round: number;
    readonly leaderCommit: number;
    readonly match?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
  };
  "skein.raft.v1.HeartbeatReply": {
    readonly round: number;
    readonly verifiedIndex: number;
    readonly appliedIndex: number;
  };
  "skein.raft.v1.ReadId": {
    readonly node: number;
    readonly nonce: number;
    readonly counter: number;
  };
  "skein.raft.v1.ReadIndexRequest": {
    readonly id?: Wire["skein.raft.v1.ReadId"] | null | undefined;
  };
  "skein.raft.v1.ReadIndexReply": {
    readonly id?: Wire["skein.raft.v1.ReadId"] | null | undefined;
    readonly index: number;
  };
  "skein.raft.v1.TimeoutNow": {
  };
  "skein.raft.v1.InstallSnapshot": {
    readonly meta?: Wire["skein.raft.v1.SnapshotMeta"] | null | undefined;
    readonly offset: number;
    readonly data: Uint8Array;
    readonly crc32c: number;
    readonly last: boolean;
  };
  "skein.raft.v1.InstallSnapshotReply": {
    readonly position?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly nextOffset: number;
    readonly refused: number;
  };
  "skein.raft.v1.ForwardRequest": {
    readonly clusterId: string;
    readonly from: number;
    readonly requestId: string;
    readonly timeoutMs: number;
    readonly write?: Wire["skein.raft.v1.ForwardedWrite"] | null | undefined;
    readonly view?: Wire["skein.raft.v1.ForwardedView"] | null | undefined;
    readonly transferLeadership?: Wire["skein.raft.v1.ForwardedTransfer"] | null | undefined;
    readonly changeMembers?: Wire["skein.raft.v1.ForwardedMembership"] | null | undefined;
    readonly stateHashes?: Wire["skein.raft.v1.AskedStateHashes"] | null | undefined;
    readonly body?: "write" | "view" | "transferLeadership" | "changeMembers" | "stateHashes" | undefined;
  };
  "skein.raft.v1.ForwardedWrite": {
    readonly operation: Uint8Array;
    readonly idempotency?: Wire["skein.raft.v1.Idempotency"] | null | undefined;
  };
  "skein.raft.v1.Idempotency": {
    readonly identity: string;
    readonly key: string;
    readonly requestHash: Uint8Array;
  };
  "skein.raft.v1.ForwardedView": {
  };
  "skein.raft.v1.AskedStateHashes": {
  };
  "skein.raft.v1.ForwardedTransfer": {
    readonly target?: number | null | undefined;
  };
  "skein.raft.v1.ForwardedMembership": {
    readonly add?: Wire["skein.raft.v1.AddMember"] | null | undefined;
    readonly setSuffrage?: Wire["skein.raft.v1.SetSuffrage"] | null | undefined;
    readonly replace?: Wire["skein.raft.v1.ReplaceMember"] | null | undefined;
    readonly remove?: Wire["skein.raft.v1.RemoveMember"] | null | undefined;
    readonly expected: readonly number[];
    readonly dryRun: boolean;
    readonly again: boolean;
    readonly change?: "add" | "setSuffrage" | "replace" | "remove" | undefined;
  };
  "skein.raft.v1.OfferedMember": {
    readonly id?: number | null | undefined;
    readonly incarnation?: string | null | undefined;
    readonly addresses?: Wire["skein.raft.v1.Addresses"] | null | undefined;
  };
  "skein.raft.v1.AddMember": {
    readonly member?: Wire["skein.raft.v1.OfferedMember"] | null | undefined;
    readonly suffrage: number;
  };
  "skein.raft.v1.SetSuffrage": {
    readonly id: number;
    readonly suffrage: number;
  };
  "skein.raft.v1.ReplaceMember": {
    readonly id: number;
    readonly by?: Wire["skein.raft.v1.OfferedMember"] | null | undefined;
  };
  "skein.raft.v1.RemoveMember": {
    readonly id: number;
  };
  "skein.raft.v1.ForwardResponse": {
    readonly written?: Wire["skein.raft.v1.Written"] | null | undefined;
    readonly view?: Wire["skein.cluster.v1.ClusterView"] | null | undefined;
    readonly transferred?: Wire["skein.raft.v1.Transferred"] | null | undefined;
    readonly failure?: Wire["skein.raft.v1.Failure"] | null | undefined;
    readonly membersChanged?: Wire["skein.cluster.v1.MembershipResponse"] | null | undefined;
    readonly stateHashes?: Wire["skein.raft.v1.StateHashes"] | null | undefined;
    readonly answer?: "written" | "view" | "transferred" | "failure" | "membersChanged" | "stateHashes" | undefined;
  };
  "skein.raft.v1.Written": {
    readonly result: Uint8Array;
    readonly revision: number;
    readonly servedBy: number;
    readonly leader?: number | null | undefined;
    readonly clusterId: string;
  };
  "skein.raft.v1.StateHashes": {
    readonly hashes: readonly Wire["skein.raft.v1.StateHash"][];
  };
  "skein.raft.v1.StateHash": {
    readonly position?: Wire["skein.raft.v1.LogPosition"] | null | undefined;
    readonly a: number;
    readonly b: number;
  };
  "skein.raft.v1.Transferred": {
    readonly leader: number;
  };
  "skein.raft.v1.Failure": {
    readonly code: string;
    readonly detail: string;
    readonly outcome: number;
    readonly retryable: boolean;
    readonly retryAfterMs?: number | null | undefined;
    readonly issues: readonly Wire["skein.raft.v1.Issue"][];
    readonly extraJson: string;
  };
  "skein.raft.v1.Issue": {
    readonly path: string;
    readonly message: string;
  };
}

export interface WireServices {
  "d_engine.client.RaftClientService": {
    readonly HandleClientWrite: {
      readonly request: Wire["d_engine.client.ClientWriteRequest"];
      readonly response: Wire["d_engine.client.ClientResponse"];
      readonly streams: false;
    };
    readonly HandleClientRead: {
      readonly request: Wire["d_engine.client.ClientReadRequest"];
      readonly response: Wire["d_engine.client.ClientResponse"];
      readonly streams: false;
    };
    readonly HandleClientScan: {
      readonly request: Wire["d_engine.client.ScanRequest"];
      readonly response: Wire["d_engine.client.ScanResponse"];
      readonly streams: false;
    };
    readonly Watch: {
      readonly request: Wire["d_engine.client.WatchRequest"];
      readonly response: Wire["d_engine.client.WatchResponse"];
      readonly streams: true;
    };
    readonly WatchMembership: {
      readonly request: Wire["d_engine.client.WatchMembershipRequest"];
      readonly response: Wire["d_engine.client.MembershipSnapshot"];
      readonly streams: true;
    };
  };
  "d_engine.server.cluster.ClusterManagementService": {
    readonly UpdateClusterConf: {
      readonly request: Wire["d_engine.server.cluster.ClusterConfChangeRequest"];
      readonly response: Wire["d_engine.server.cluster.ClusterConfUpdateResponse"];
      readonly streams: false;
    };
    readonly GetClusterMetadata: {
      readonly request: Wire["d_engine.server.cluster.MetadataRequest"];
      readonly response: Wire["d_engine.server.cluster.ClusterMembership"];
      readonly streams: false;
    };
    readonly JoinCluster: {
      readonly request: Wire["d_engine.server.cluster.JoinRequest"];
      readonly response: Wire["d_engine.server.cluster.JoinResponse"];
      readonly streams: false;
    };
    readonly DiscoverLeader: {
      readonly request: Wire["d_engine.server.cluster.LeaderDiscoveryRequest"];
      readonly response: Wire["d_engine.server.cluster.LeaderDiscoveryResponse"];
      readonly streams: false;
    };
  };
  "grpc.health.v1.Health": {
    readonly Check: {
      readonly request: Wire["grpc.health.v1.HealthCheckRequest"];
      readonly response: Wire["grpc.health.v1.HealthCheckResponse"];
      readonly streams: false;
    };
    readonly List: {
      readonly request: Wire["grpc.health.v1.HealthListRequest"];
      readonly response: Wire["grpc.health.v1.HealthListResponse"];
      readonly streams: false;
    };
    readonly Watch: {
      readonly request: Wire["grpc.health.v1.HealthCheckRequest"];
      readonly response: Wire["grpc.health.v1.HealthCheckResponse"];
      readonly streams: true;
    };
  };
  "grpc.reflection.v1.ServerReflection": {
    readonly ServerReflectionInfo: {
      readonly request: Wire["grpc.reflection.v1.ServerReflectionRequest"];
      readonly response: Wire["grpc.reflection.v1.ServerReflectionResponse"];
      readonly streams: true;
    };
  };
  "grpc.reflection.v1alpha.ServerReflection": {
    readonly ServerReflectionInfo: {
      readonly request: Wire["grpc.reflection.v1alpha.ServerReflectionRequest"];
      readonly response: Wire["grpc.reflection.v1alpha.ServerReflectionResponse"];
      readonly streams: true;
    };
  };
  "skein.cluster.v1.RaftClusterService": {
    readonly ListNodes: {
      readonly request: Wire["skein.cluster.v1.ListNodesRequest"];
      readonly response: Wire["skein.cluster.v1.ListNodesResponse"];
      readonly streams: false;
    };
    readonly Status: {
      readonly request: Wire["skein.cluster.v1.StatusRequest"];
      readonly response: Wire["skein.cluster.v1.StatusResponse"];
      readonly streams: false;
    };
    readonly TransferLeadership: {
      readonly request: Wire["skein.cluster.v1.TransferLeadershipRequest"];
      readonly response: Wire["skein.cluster.v1.TransferLeadershipResponse"];
      readonly streams: false;
    };
    readonly AddNode: {
      readonly request: Wire["skein.cluster.v1.AddNodeRequest"];
      readonly response: Wire["skein.cluster.v1.MembershipResponse"];
      readonly streams: false;
    };
    readonly RemoveNode: {
      readonly request: Wire["skein.cluster.v1.RemoveNodeRequest"];
      readonly response: Wire["skein.cluster.v1.MembershipResponse"];
      readonly streams: false;
    };
    readonly PromoteNode: {
      readonly request: Wire["skein.cluster.v1.PromoteNodeRequest"];
      readonly response: Wire["skein.cluster.v1.MembershipResponse"];
      readonly streams: false;
    };
    readonly ChangeSuffrage: {
      readonly request: Wire["skein.cluster.v1.ChangeSuffrageRequest"];
      readonly response: Wire["skein.cluster.v1.MembershipResponse"];
      readonly streams: false;
    };
    readonly ReplaceNode: {
      readonly request: Wire["skein.cluster.v1.ReplaceNodeRequest"];
      readonly response: Wire["skein.cluster.v1.MembershipResponse"];
      readonly streams: false;
    };
    readonly WatchMembership: {
      readonly request: Wire["skein.cluster.v1.WatchMembershipRequest"];
      readonly response: Wire["skein.cluster.v1.WatchMembershipResponse"];
      readonly streams: true;
    };
    readonly Snapshot: {
      readonly request: Wire["skein.cluster.v1.SnapshotRequest"];
      readonly response: Wire["skein.cluster.v1.SnapshotResponse"];
      readonly streams: true;
    };
  };
  "skein.raft.v1.RaftService": {
    readonly Connect: {
      readonly request: Wire["skein.raft.v1.Frame"];
      readonly response: Wire["skein.raft.v1.Frame"];
      readonly streams: true;
    };
    readonly Snapshot: {
      readonly request: Wire["skein.raft.v1.Frame"];
      readonly response: Wire["skein.raft.v1.Frame"];
      readonly streams: true;
    };
    readonly Forward: {
      readonly request: Wire["skein.raft.v1.ForwardRequest"];
      readonly response: Wire["skein.raft.v1.ForwardResponse"];
      readonly streams: false;
    };
  };
}
