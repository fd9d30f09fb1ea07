// Generated from proto/ by scripts/proto.ts. Do not edit.

export const schema = {
 "nested": {
  "d_engine": {
   "nested": {
    "client": {
     "nested": {
      "RaftClientService": {
       "methods": {
        "HandleClientWrite": {
         "requestType": "ClientWriteRequest",
         "responseType": "ClientResponse"
        },
        "HandleClientRead": {
         "requestType": "ClientReadRequest",
         "responseType": "ClientResponse"
        },
        "HandleClientScan": {
         "requestType": "ScanRequest",
         "responseType": "ScanResponse"
        },
        "Watch": {
         "requestType": "WatchRequest",
         "responseType": "WatchResponse",
         "responseStream": true
        },
        "WatchMembership": {
         "requestType": "WatchMembershipRequest",
         "responseType": "MembershipSnapshot",
         "responseStream": true
        }
       }
      },
      "WriteCommand": {
       "oneofs": {
        "operation": {
         "oneof": [
          "insert",
          "delete",
          "compareAndSwap"
         ]
        }
       },
       "fields": {
        "insert": {
         "type": "Insert",
         "id": 1
        },
        "delete": {
         "type": "Delete",
         "id": 2
        },
        "compareAndSwap": {
         "type": "CompareAndSwap",
         "id": 3
        }
       },
       "nested": {
        "Insert": {
         "fields": {
          "key": {
           "type": "bytes",
           "id": 1
          },
          "value": {
           "type": "bytes",
           "id": 2
          },
          "ttlSecs": {
           "type": "uint64",
           "id": 3
          }
         }
        },
        "Delete": {
         "fields": {
          "key": {
           "type": "bytes",
           "id": 1
          }
         }
        },
        "CompareAndSwap": {
         "oneofs": {
          "_expectedValue": {
           "oneof": [
            "expectedValue"
           ]
          }
         },
         "fields": {
          "key": {
           "type": "bytes",
           "id": 1
          },
          "expectedValue": {
           "type": "bytes",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "newValue": {
           "type": "bytes",
           "id": 3
          }
         }
        }
       }
      },
      "ClientWriteRequest": {
       "fields": {
        "clientId": {
         "type": "uint32",
         "id": 1
        },
        "command": {
         "type": "WriteCommand",
         "id": 2
        }
       }
      },
      "ReadConsistencyPolicy": {
       "values": {
        "READ_CONSISTENCY_POLICY_LEASE_READ": 0,
        "READ_CONSISTENCY_POLICY_LINEARIZABLE_READ": 1,
        "READ_CONSISTENCY_POLICY_EVENTUAL_CONSISTENCY": 2
       }
      },
      "ClientReadRequest": {
       "oneofs": {
        "_consistencyPolicy": {
         "oneof": [
          "consistencyPolicy"
         ]
        }
       },
       "fields": {
        "clientId": {
         "type": "uint32",
         "id": 1
        },
        "keys": {
         "rule": "repeated",
         "type": "bytes",
         "id": 2
        },
        "consistencyPolicy": {
         "type": "ReadConsistencyPolicy",
         "id": 3,
         "options": {
          "proto3_optional": true
         }
        }
       }
      },
      "WriteResult": {
       "fields": {
        "succeeded": {
         "type": "bool",
         "id": 1
        }
       }
      },
      "ClientResponse": {
       "oneofs": {
        "successResult": {
         "oneof": [
          "writeResult",
          "readData"
         ]
        }
       },
       "fields": {
        "error": {
         "type": "d_engine.error.ErrorCode",
         "id": 1
        },
        "writeResult": {
         "type": "WriteResult",
         "id": 2
        },
        "readData": {
         "type": "ReadResults",
         "id": 3
        },
        "metadata": {
         "type": "d_engine.error.ErrorMetadata",
         "id": 4
        }
       }
      },
      "ClientResult": {
       "fields": {
        "key": {
         "type": "bytes",
         "id": 1
        },
        "value": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "ReadResults": {
       "fields": {
        "results": {
         "rule": "repeated",
         "type": "ClientResult",
         "id": 1
        }
       }
      },
      "KvEntry": {
       "fields": {
        "key": {
         "type": "bytes",
         "id": 1
        },
        "value": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "ScanRequest": {
       "fields": {
        "clientId": {
         "type": "uint32",
         "id": 1
        },
        "prefix": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "ScanResponse": {
       "fields": {
        "entries": {
         "rule": "repeated",
         "type": "KvEntry",
         "id": 1
        },
        "revision": {
         "type": "uint64",
         "id": 2
        }
       }
      },
      "WatchMembershipRequest": {
       "fields": {
        "clientId": {
         "type": "uint32",
         "id": 1
        }
       }
      },
      "MembershipSnapshot": {
       "fields": {
        "members": {
         "rule": "repeated",
         "type": "uint32",
         "id": 1
        },
        "learners": {
         "rule": "repeated",
         "type": "uint32",
         "id": 2
        },
        "committedIndex": {
         "type": "uint64",
         "id": 3
        }
       }
      },
      "WatchEventType": {
       "values": {
        "WATCH_EVENT_TYPE_PUT": 0,
        "WATCH_EVENT_TYPE_DELETE": 1,
        "WATCH_EVENT_TYPE_CANCELED": 2,
        "WATCH_EVENT_TYPE_PROGRESS": 3
       }
      },
      "WatchRequest": {
       "fields": {
        "clientId": {
         "type": "uint32",
         "id": 1
        },
        "key": {
         "type": "bytes",
         "id": 2
        },
        "prefix": {
         "type": "bool",
         "id": 3
        },
        "prevKv": {
         "type": "bool",
         "id": 4
        }
       }
      },
      "WatchResponse": {
       "fields": {
        "key": {
         "type": "bytes",
         "id": 1
        },
        "value": {
         "type": "bytes",
         "id": 2
        },
        "eventType": {
         "type": "WatchEventType",
         "id": 3
        },
        "error": {
         "type": "d_engine.error.ErrorCode",
         "id": 4
        },
        "revision": {
         "type": "uint64",
         "id": 5
        },
        "prevValue": {
         "type": "bytes",
         "id": 6
        }
       }
      }
     }
    },
    "server": {
     "nested": {
      "cluster": {
       "nested": {
        "ClusterManagementService": {
         "methods": {
          "UpdateClusterConf": {
           "requestType": "ClusterConfChangeRequest",
           "responseType": "ClusterConfUpdateResponse"
          },
          "GetClusterMetadata": {
           "requestType": "MetadataRequest",
           "responseType": "ClusterMembership"
          },
          "JoinCluster": {
           "requestType": "JoinRequest",
           "responseType": "JoinResponse"
          },
          "DiscoverLeader": {
           "requestType": "LeaderDiscoveryRequest",
           "responseType": "LeaderDiscoveryResponse"
          }
         }
        },
        "ClusterConfChangeRequest": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "term": {
           "type": "uint64",
           "id": 2
          },
          "version": {
           "type": "uint64",
           "id": 3
          },
          "change": {
           "type": "d_engine.common.MembershipChange",
           "id": 4
          }
         }
        },
        "ClusterConfUpdateResponse": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "term": {
           "type": "uint64",
           "id": 2
          },
          "version": {
           "type": "uint64",
           "id": 3
          },
          "success": {
           "type": "bool",
           "id": 4
          },
          "errorCode": {
           "type": "ErrorCode",
           "id": 5
          }
         },
         "nested": {
          "ErrorCode": {
           "values": {
            "ERROR_CODE_UNSPECIFIED": 0,
            "ERROR_CODE_NOT_LEADER": 1,
            "ERROR_CODE_VERSION_CONFLICT": 2,
            "ERROR_CODE_TERM_OUTDATED": 3,
            "ERROR_CODE_INVALID_CHANGE": 4,
            "ERROR_CODE_INTERNAL_ERROR": 5
           }
          }
         }
        },
        "MetadataRequest": {
         "fields": {}
        },
        "ClusterMembership": {
         "oneofs": {
          "_currentLeaderId": {
           "oneof": [
            "currentLeaderId"
           ]
          }
         },
         "fields": {
          "version": {
           "type": "uint64",
           "id": 1
          },
          "nodes": {
           "rule": "repeated",
           "type": "NodeMeta",
           "id": 2
          },
          "currentLeaderId": {
           "type": "uint32",
           "id": 3,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "NodeMeta": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "address": {
           "type": "string",
           "id": 2
          },
          "role": {
           "type": "int32",
           "id": 3
          },
          "status": {
           "type": "d_engine.common.NodeStatus",
           "id": 4
          }
         }
        },
        "JoinRequest": {
         "fields": {
          "nodeId": {
           "type": "uint32",
           "id": 1
          },
          "nodeRole": {
           "type": "int32",
           "id": 2
          },
          "address": {
           "type": "string",
           "id": 3
          },
          "status": {
           "type": "d_engine.common.NodeStatus",
           "id": 4
          }
         }
        },
        "JoinResponse": {
         "oneofs": {
          "_snapshotMetadata": {
           "oneof": [
            "snapshotMetadata"
           ]
          }
         },
         "fields": {
          "success": {
           "type": "bool",
           "id": 1
          },
          "error": {
           "type": "string",
           "id": 2
          },
          "config": {
           "type": "ClusterMembership",
           "id": 3
          },
          "configVersion": {
           "type": "uint64",
           "id": 4
          },
          "snapshotMetadata": {
           "type": "d_engine.server.storage.SnapshotMetadata",
           "id": 5,
           "options": {
            "proto3_optional": true
           }
          },
          "leaderId": {
           "type": "uint32",
           "id": 6
          }
         }
        },
        "LeaderDiscoveryRequest": {
         "fields": {
          "nodeId": {
           "type": "uint32",
           "id": 1
          },
          "requesterAddress": {
           "type": "string",
           "id": 2
          }
         }
        },
        "LeaderDiscoveryResponse": {
         "fields": {
          "leaderId": {
           "type": "uint32",
           "id": 1
          },
          "leaderAddress": {
           "type": "string",
           "id": 2
          },
          "term": {
           "type": "uint64",
           "id": 3
          }
         }
        }
       }
      },
      "storage": {
       "nested": {
        "SnapshotMetadata": {
         "fields": {
          "lastIncluded": {
           "type": "d_engine.common.LogId",
           "id": 1
          },
          "checksum": {
           "type": "bytes",
           "id": 2
          }
         }
        }
       }
      }
     }
    },
    "common": {
     "nested": {
      "LogId": {
       "fields": {
        "term": {
         "type": "uint64",
         "id": 1
        },
        "index": {
         "type": "uint64",
         "id": 2
        }
       }
      },
      "MembershipChange": {
       "oneofs": {
        "change": {
         "oneof": [
          "addNode",
          "removeNode",
          "promote",
          "batchPromote",
          "batchRemove"
         ]
        }
       },
       "fields": {
        "addNode": {
         "type": "AddNode",
         "id": 1
        },
        "removeNode": {
         "type": "RemoveNode",
         "id": 2
        },
        "promote": {
         "type": "PromoteLearner",
         "id": 3
        },
        "batchPromote": {
         "type": "BatchPromote",
         "id": 4
        },
        "batchRemove": {
         "type": "BatchRemove",
         "id": 5
        }
       }
      },
      "AddNode": {
       "fields": {
        "nodeId": {
         "type": "uint32",
         "id": 1
        },
        "address": {
         "type": "string",
         "id": 2
        },
        "status": {
         "type": "NodeStatus",
         "id": 3
        }
       }
      },
      "RemoveNode": {
       "fields": {
        "nodeId": {
         "type": "uint32",
         "id": 1
        }
       }
      },
      "PromoteLearner": {
       "fields": {
        "nodeId": {
         "type": "uint32",
         "id": 1
        },
        "status": {
         "type": "NodeStatus",
         "id": 2
        }
       }
      },
      "BatchPromote": {
       "fields": {
        "nodeIds": {
         "rule": "repeated",
         "type": "uint32",
         "id": 1
        },
        "newStatus": {
         "type": "NodeStatus",
         "id": 2
        }
       }
      },
      "BatchRemove": {
       "fields": {
        "nodeIds": {
         "rule": "repeated",
         "type": "uint32",
         "id": 1
        }
       }
      },
      "NodeStatus": {
       "values": {
        "NODE_STATUS_UNSPECIFIED": 0,
        "NODE_STATUS_PROMOTABLE": 1,
        "NODE_STATUS_READ_ONLY": 2,
        "NODE_STATUS_ACTIVE": 3
       }
      },
      "NodeRole": {
       "values": {
        "NODE_ROLE_UNSPECIFIED": 0,
        "NODE_ROLE_FOLLOWER": 1,
        "NODE_ROLE_CANDIDATE": 2,
        "NODE_ROLE_LEADER": 3,
        "NODE_ROLE_LEARNER": 4
       }
      }
     }
    },
    "error": {
     "nested": {
      "ErrorCode": {
       "values": {
        "SUCCESS": 0,
        "CONNECTION_TIMEOUT": 1001,
        "INVALID_ADDRESS": 1002,
        "LEADER_CHANGED": 1003,
        "JOIN_ERROR": 1004,
        "INVALID_RESPONSE": 2001,
        "VERSION_MISMATCH": 2002,
        "DISK_FULL": 3001,
        "DATA_CORRUPTION": 3002,
        "STORAGE_IO_ERROR": 3003,
        "STORAGE_PERMISSION_DENIED": 3004,
        "KEY_NOT_EXIST": 3005,
        "NOT_LEADER": 4001,
        "STALE_OPERATION": 4002,
        "INVALID_REQUEST": 4003,
        "RATE_LIMITED": 4004,
        "CLUSTER_UNAVAILABLE": 4005,
        "PROPOSE_FAILED": 4006,
        "TERM_OUTDATED": 4007,
        "RETRY_REQUIRED": 4008,
        "WATCH_BUFFER_OVERFLOW": 5001,
        "GENERAL": 8888,
        "UNCATEGORIZED": 9999
       }
      },
      "ErrorMetadata": {
       "oneofs": {
        "_retryAfterMs": {
         "oneof": [
          "retryAfterMs"
         ]
        },
        "_leaderId": {
         "oneof": [
          "leaderId"
         ]
        },
        "_leaderAddress": {
         "oneof": [
          "leaderAddress"
         ]
        },
        "_debugMessage": {
         "oneof": [
          "debugMessage"
         ]
        }
       },
       "fields": {
        "retryAfterMs": {
         "type": "uint64",
         "id": 1,
         "options": {
          "proto3_optional": true
         }
        },
        "leaderId": {
         "type": "string",
         "id": 2,
         "options": {
          "proto3_optional": true
         }
        },
        "leaderAddress": {
         "type": "string",
         "id": 3,
         "options": {
          "proto3_optional": true
         }
        },
        "debugMessage": {
         "type": "string",
         "id": 15,
         "options": {
          "proto3_optional": true
         }
        }
       }
      }
     }
    }
   }
  },
  "google": {
   "nested": {
    "protobuf": {
     "nested": {
      "Any": {
       "fields": {
        "typeUrl": {
         "type": "string",
         "id": 1
        },
        "value": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "Duration": {
       "fields": {
        "seconds": {
         "type": "int64",
         "id": 1
        },
        "nanos": {
         "type": "int32",
         "id": 2
        }
       }
      }
     }
    },
    "rpc": {
     "nested": {
      "ErrorInfo": {
       "fields": {
        "reason": {
         "type": "string",
         "id": 1
        },
        "domain": {
         "type": "string",
         "id": 2
        },
        "metadata": {
         "keyType": "string",
         "type": "string",
         "id": 3
        }
       }
      },
      "RetryInfo": {
       "fields": {
        "retryDelay": {
         "type": "google.protobuf.Duration",
         "id": 1
        }
       }
      },
      "BadRequest": {
       "fields": {
        "fieldViolations": {
         "rule": "repeated",
         "type": "FieldViolation",
         "id": 1
        }
       },
       "nested": {
        "FieldViolation": {
         "fields": {
          "field": {
           "type": "string",
           "id": 1
          },
          "description": {
           "type": "string",
           "id": 2
          }
         }
        }
       }
      },
      "Status": {
       "fields": {
        "code": {
         "type": "int32",
         "id": 1
        },
        "message": {
         "type": "string",
         "id": 2
        },
        "details": {
         "rule": "repeated",
         "type": "google.protobuf.Any",
         "id": 3
        }
       }
      }
     }
    }
   }
  },
  "grpc": {
   "nested": {
    "health": {
     "nested": {
      "v1": {
       "nested": {
        "Health": {
         "methods": {
          "Check": {
           "requestType": "HealthCheckRequest",
           "responseType": "HealthCheckResponse"
          },
          "List": {
           "requestType": "HealthListRequest",
           "responseType": "HealthListResponse"
          },
          "Watch": {
           "requestType": "HealthCheckRequest",
           "responseType": "HealthCheckResponse",
           "responseStream": true
          }
         }
        },
        "HealthCheckRequest": {
         "fields": {
          "service": {
           "type": "string",
           "id": 1
          }
         }
        },
        "HealthCheckResponse": {
         "fields": {
          "status": {
           "type": "ServingStatus",
           "id": 1
          }
         },
         "nested": {
          "ServingStatus": {
           "values": {
            "UNKNOWN": 0,
            "SERVING": 1,
            "NOT_SERVING": 2,
            "SERVICE_UNKNOWN": 3
           }
          }
         }
        },
        "HealthListRequest": {
         "fields": {}
        },
        "HealthListResponse": {
         "fields": {
          "statuses": {
           "keyType": "string",
           "type": "HealthCheckResponse",
           "id": 1
          }
         }
        }
       }
      }
     }
    },
    "reflection": {
     "nested": {
      "v1": {
       "nested": {
        "ServerReflection": {
         "methods": {
          "ServerReflectionInfo": {
           "requestType": "ServerReflectionRequest",
           "requestStream": true,
           "responseType": "ServerReflectionResponse",
           "responseStream": true
          }
         }
        },
        "ServerReflectionRequest": {
         "oneofs": {
          "messageRequest": {
           "oneof": [
            "fileByFilename",
            "fileContainingSymbol",
            "fileContainingExtension",
            "allExtensionNumbersOfType",
            "listServices"
           ]
          }
         },
         "fields": {
          "host": {
           "type": "string",
           "id": 1
          },
          "fileByFilename": {
           "type": "string",
           "id": 3
          },
          "fileContainingSymbol": {
           "type": "string",
           "id": 4
          },
          "fileContainingExtension": {
           "type": "ExtensionRequest",
           "id": 5
          },
          "allExtensionNumbersOfType": {
           "type": "string",
           "id": 6
          },
          "listServices": {
           "type": "string",
           "id": 7
          }
         }
        },
        "ExtensionRequest": {
         "fields": {
          "containingType": {
           "type": "string",
           "id": 1
          },
          "extensionNumber": {
           "type": "int32",
           "id": 2
          }
         }
        },
        "ServerReflectionResponse": {
         "oneofs": {
          "messageResponse": {
           "oneof": [
            "fileDescriptorResponse",
            "allExtensionNumbersResponse",
            "listServicesResponse",
            "errorResponse"
           ]
          }
         },
         "fields": {
          "validHost": {
           "type": "string",
           "id": 1
          },
          "originalRequest": {
           "type": "ServerReflectionRequest",
           "id": 2
          },
          "fileDescriptorResponse": {
           "type": "FileDescriptorResponse",
           "id": 4
          },
          "allExtensionNumbersResponse": {
           "type": "ExtensionNumberResponse",
           "id": 5
          },
          "listServicesResponse": {
           "type": "ListServiceResponse",
           "id": 6
          },
          "errorResponse": {
           "type": "ErrorResponse",
           "id": 7
          }
         }
        },
        "FileDescriptorResponse": {
         "fields": {
          "fileDescriptorProto": {
           "rule": "repeated",
           "type": "bytes",
           "id": 1
          }
         }
        },
        "ExtensionNumberResponse": {
         "fields": {
          "baseTypeName": {
           "type": "string",
           "id": 1
          },
          "extensionNumber": {
           "rule": "repeated",
           "type": "int32",
           "id": 2
          }
         }
        },
        "ListServiceResponse": {
         "fields": {
          "service": {
           "rule": "repeated",
           "type": "ServiceResponse",
           "id": 1
          }
         }
        },
        "ServiceResponse": {
         "fields": {
          "name": {
           "type": "string",
           "id": 1
          }
         }
        },
        "ErrorResponse": {
         "fields": {
          "errorCode": {
           "type": "int32",
           "id": 1
          },
          "errorMessage": {
           "type": "string",
           "id": 2
          }
         }
        }
       }
      },
      "v1alpha": {
       "nested": {
        "ServerReflection": {
         "methods": {
          "ServerReflectionInfo": {
           "requestType": "ServerReflectionRequest",
           "requestStream": true,
           "responseType": "ServerReflectionResponse",
           "responseStream": true
          }
         }
        },
        "ServerReflectionRequest": {
         "oneofs": {
          "messageRequest": {
           "oneof": [
            "fileByFilename",
            "fileContainingSymbol",
            "fileContainingExtension",
            "allExtensionNumbersOfType",
            "listServices"
           ]
          }
         },
         "fields": {
          "host": {
           "type": "string",
           "id": 1
          },
          "fileByFilename": {
           "type": "string",
           "id": 3
          },
          "fileContainingSymbol": {
           "type": "string",
           "id": 4
          },
          "fileContainingExtension": {
           "type": "ExtensionRequest",
           "id": 5
          },
          "allExtensionNumbersOfType": {
           "type": "string",
           "id": 6
          },
          "listServices": {
           "type": "string",
           "id": 7
          }
         }
        },
        "ExtensionRequest": {
         "fields": {
          "containingType": {
           "type": "string",
           "id": 1
          },
          "extensionNumber": {
           "type": "int32",
           "id": 2
          }
         }
        },
        "ServerReflectionResponse": {
         "oneofs": {
          "messageResponse": {
           "oneof": [
            "fileDescriptorResponse",
            "allExtensionNumbersResponse",
            "listServicesResponse",
            "errorResponse"
           ]
          }
         },
         "fields": {
          "validHost": {
           "type": "string",
           "id": 1
          },
          "originalRequest": {
           "type": "ServerReflectionRequest",
           "id": 2
          },
          "fileDescriptorResponse": {
           "type": "FileDescriptorResponse",
           "id": 4
          },
          "allExtensionNumbersResponse": {
           "type": "ExtensionNumberResponse",
           "id": 5
          },
          "listServicesResponse": {
           "type": "ListServiceResponse",
           "id": 6
          },
          "errorResponse": {
           "type": "ErrorResponse",
           "id": 7
          }
         }
        },
        "FileDescriptorResponse": {
         "fields": {
          "fileDescriptorProto": {
           "rule": "repeated",
           "type": "bytes",
           "id": 1
          }
         }
        },
        "ExtensionNumberResponse": {
         "fields": {
          "baseTypeName": {
           "type": "string",
           "id": 1
          },
          "extensionNumber": {
           "rule": "repeated",
           "type": "int32",
           "id": 2
          }
         }
        },
        "ListServiceResponse": {
         "fields": {
          "service": {
           "rule": "repeated",
           "type": "ServiceResponse",
           "id": 1
          }
         }
        },
        "ServiceResponse": {
         "fields": {
          "name": {
           "type": "string",
           "id": 1
          }
         }
        },
        "ErrorResponse": {
         "fields": {
          "errorCode": {
           "type": "int32",
           "id": 1
          },
          "errorMessage": {
           "type": "string",
           "id": 2
          }
         }
        }
       }
      }
     }
    }
   }
  },
  "skein": {
   "nested": {
    "cluster": {
     "nested": {
      "v1": {
       "nested": {
        "RaftClusterService": {
         "methods": {
          "ListNodes": {
           "requestType": "ListNodesRequest",
           "responseType": "ListNodesResponse"
          },
          "Status": {
           "requestType": "StatusRequest",
           "responseType": "StatusResponse"
          },
          "TransferLeadership": {
           "requestType": "TransferLeadershipRequest",
           "responseType": "TransferLeadershipResponse"
          },
          "AddNode": {
           "requestType": "AddNodeRequest",
           "responseType": "MembershipResponse"
          },
          "RemoveNode": {
           "requestType": "RemoveNodeRequest",
           "responseType": "MembershipResponse"
          },
          "PromoteNode": {
           "requestType": "PromoteNodeRequest",
           "responseType": "MembershipResponse"
          },
          "ChangeSuffrage": {
           "requestType": "ChangeSuffrageRequest",
           "responseType": "MembershipResponse"
          },
          "ReplaceNode": {
           "requestType": "ReplaceNodeRequest",
           "responseType": "MembershipResponse"
          },
          "WatchMembership": {
           "requestType": "WatchMembershipRequest",
           "responseType": "WatchMembershipResponse",
           "responseStream": true
          },
          "Snapshot": {
           "requestType": "SnapshotRequest",
           "responseType": "SnapshotResponse",
           "responseStream": true
          }
         }
        },
        "Suffrage": {
         "values": {
          "SUFFRAGE_UNSPECIFIED": 0,
          "SUFFRAGE_VOTER": 1,
          "SUFFRAGE_LEARNER": 2,
          "SUFFRAGE_READ_ONLY": 3
         }
        },
        "Role": {
         "values": {
          "ROLE_UNSPECIFIED": 0,
          "ROLE_FOLLOWER": 1,
          "ROLE_PRECANDIDATE": 2,
          "ROLE_CANDIDATE": 3,
          "ROLE_LEADER": 4
         }
        },
        "Node": {
         "oneofs": {
          "_http": {
           "oneof": [
            "http"
           ]
          },
          "_rpc": {
           "oneof": [
            "rpc"
           ]
          },
          "_clientRpc": {
           "oneof": [
            "clientRpc"
           ]
          },
          "_match": {
           "oneof": [
            "match"
           ]
          },
          "_applied": {
           "oneof": [
            "applied"
           ]
          },
          "_lagMs": {
           "oneof": [
            "lagMs"
           ]
          },
          "_healthy": {
           "oneof": [
            "healthy"
           ]
          },
          "_version": {
           "oneof": [
            "version"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 2
          },
          "role": {
           "type": "Role",
           "id": 3
          },
          "http": {
           "type": "string",
           "id": 4,
           "options": {
            "proto3_optional": true
           }
          },
          "rpc": {
           "type": "string",
           "id": 5,
           "options": {
            "proto3_optional": true
           }
          },
          "clientRpc": {
           "type": "string",
           "id": 6,
           "options": {
            "proto3_optional": true
           }
          },
          "match": {
           "type": "uint64",
           "id": 7,
           "options": {
            "proto3_optional": true
           }
          },
          "applied": {
           "type": "uint64",
           "id": 8,
           "options": {
            "proto3_optional": true
           }
          },
          "lagMs": {
           "type": "uint64",
           "id": 9,
           "options": {
            "proto3_optional": true
           }
          },
          "healthy": {
           "type": "bool",
           "id": 10,
           "options": {
            "proto3_optional": true
           }
          },
          "version": {
           "type": "string",
           "id": 11,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "ConfigurationInfo": {
         "fields": {
          "index": {
           "type": "uint64",
           "id": 1
          },
          "joint": {
           "type": "bool",
           "id": 2
          },
          "pending": {
           "type": "PendingConfiguration",
           "id": 3
          }
         }
        },
        "PendingConfiguration": {
         "fields": {
          "index": {
           "type": "uint64",
           "id": 1
          },
          "joint": {
           "type": "bool",
           "id": 2
          },
          "voters": {
           "rule": "repeated",
           "type": "uint32",
           "id": 3
          }
         }
        },
        "ClusterView": {
         "oneofs": {
          "_leader": {
           "oneof": [
            "leader"
           ]
          },
          "_leaderReady": {
           "oneof": [
            "leaderReady"
           ]
          },
          "_dataVersion": {
           "oneof": [
            "dataVersion"
           ]
          }
         },
         "fields": {
          "clusterId": {
           "type": "string",
           "id": 1
          },
          "nodeId": {
           "type": "uint32",
           "id": 2
          },
          "term": {
           "type": "uint64",
           "id": 3
          },
          "role": {
           "type": "Role",
           "id": 4
          },
          "leader": {
           "type": "uint32",
           "id": 5,
           "options": {
            "proto3_optional": true
           }
          },
          "leaderReady": {
           "type": "bool",
           "id": 6,
           "options": {
            "proto3_optional": true
           }
          },
          "nodes": {
           "rule": "repeated",
           "type": "Node",
           "id": 7
          },
          "configuration": {
           "type": "ConfigurationInfo",
           "id": 8
          },
          "commitIndex": {
           "type": "uint64",
           "id": 9
          },
          "applied": {
           "type": "uint64",
           "id": 10
          },
          "lastIndex": {
           "type": "uint64",
           "id": 11
          },
          "revision": {
           "type": "uint64",
           "id": 12
          },
          "dataVersion": {
           "type": "uint32",
           "id": 13,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "Check": {
         "fields": {
          "name": {
           "type": "string",
           "id": 1
          },
          "ok": {
           "type": "bool",
           "id": 2
          },
          "detail": {
           "type": "string",
           "id": 3
          }
         }
        },
        "ListNodesRequest": {
         "fields": {}
        },
        "ListNodesResponse": {
         "oneofs": {
          "_leader": {
           "oneof": [
            "leader"
           ]
          }
         },
         "fields": {
          "nodes": {
           "rule": "repeated",
           "type": "Node",
           "id": 1
          },
          "leader": {
           "type": "uint32",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "configuration": {
           "type": "ConfigurationInfo",
           "id": 3
          }
         }
        },
        "StatusRequest": {
         "fields": {
          "local": {
           "type": "bool",
           "id": 1
          }
         }
        },
        "StatusResponse": {
         "fields": {
          "view": {
           "type": "ClusterView",
           "id": 1
          },
          "ready": {
           "type": "bool",
           "id": 2
          },
          "checks": {
           "rule": "repeated",
           "type": "Check",
           "id": 3
          }
         }
        },
        "TransferLeadershipRequest": {
         "oneofs": {
          "_target": {
           "oneof": [
            "target"
           ]
          }
         },
         "fields": {
          "target": {
           "type": "uint32",
           "id": 1,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "TransferLeadershipResponse": {
         "fields": {
          "leader": {
           "type": "uint32",
           "id": 1
          }
         }
        },
        "AddNodeRequest": {
         "oneofs": {
          "_id": {
           "oneof": [
            "id"
           ]
          },
          "_clientRpc": {
           "oneof": [
            "clientRpc"
           ]
          },
          "_expectedConfiguration": {
           "oneof": [
            "expectedConfiguration"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1,
           "options": {
            "proto3_optional": true
           }
          },
          "incarnation": {
           "type": "string",
           "id": 2
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 3
          },
          "rpc": {
           "type": "string",
           "id": 4
          },
          "http": {
           "type": "string",
           "id": 5
          },
          "clientRpc": {
           "type": "string",
           "id": 6,
           "options": {
            "proto3_optional": true
           }
          },
          "expectedConfiguration": {
           "type": "uint64",
           "id": 7,
           "options": {
            "proto3_optional": true
           }
          },
          "dryRun": {
           "type": "bool",
           "id": 8
          }
         }
        },
        "RemoveNodeRequest": {
         "oneofs": {
          "_expectedConfiguration": {
           "oneof": [
            "expectedConfiguration"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "expectedConfiguration": {
           "type": "uint64",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "dryRun": {
           "type": "bool",
           "id": 3
          }
         }
        },
        "PromoteNodeRequest": {
         "oneofs": {
          "_expectedConfiguration": {
           "oneof": [
            "expectedConfiguration"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "expectedConfiguration": {
           "type": "uint64",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "dryRun": {
           "type": "bool",
           "id": 3
          }
         }
        },
        "ChangeSuffrageRequest": {
         "oneofs": {
          "_expectedConfiguration": {
           "oneof": [
            "expectedConfiguration"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 2
          },
          "expectedConfiguration": {
           "type": "uint64",
           "id": 3,
           "options": {
            "proto3_optional": true
           }
          },
          "dryRun": {
           "type": "bool",
           "id": 4
          }
         }
        },
        "ReplaceNodeRequest": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "replacement": {
           "type": "AddNodeRequest",
           "id": 2
          }
         }
        },
        "MembershipResponse": {
         "fields": {
          "nodes": {
           "rule": "repeated",
           "type": "Node",
           "id": 1
          },
          "configuration": {
           "type": "ConfigurationInfo",
           "id": 2
          },
          "quorum": {
           "type": "uint32",
           "id": 3
          },
          "id": {
           "type": "uint32",
           "id": 4
          },
          "added": {
           "type": "bool",
           "id": 5
          },
          "voters": {
           "type": "uint32",
           "id": 6
          },
          "healthyVoters": {
           "type": "uint32",
           "id": 7
          }
         }
        },
        "WatchMembershipRequest": {
         "fields": {}
        },
        "WatchMembershipResponse": {
         "oneofs": {
          "_leader": {
           "oneof": [
            "leader"
           ]
          }
         },
         "fields": {
          "nodes": {
           "rule": "repeated",
           "type": "Node",
           "id": 1
          },
          "leader": {
           "type": "uint32",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "configuration": {
           "type": "ConfigurationInfo",
           "id": 3
          }
         }
        },
        "SnapshotRequest": {
         "fields": {}
        },
        "SnapshotResponse": {
         "fields": {
          "header": {
           "type": "SnapshotHeader",
           "id": 1
          },
          "chunk": {
           "type": "bytes",
           "id": 2
          }
         }
        },
        "SnapshotHeader": {
         "fields": {
          "revision": {
           "type": "uint64",
           "id": 1
          },
          "bytes": {
           "type": "uint64",
           "id": 2
          },
          "digest": {
           "type": "bytes",
           "id": 3
          }
         }
        }
       }
      }
     }
    },
    "raft": {
     "nested": {
      "v1": {
       "nested": {
        "RaftService": {
         "methods": {
          "Connect": {
           "requestType": "Frame",
           "requestStream": true,
           "responseType": "Frame",
           "responseStream": true
          },
          "Snapshot": {
           "requestType": "Frame",
           "requestStream": true,
           "responseType": "Frame",
           "responseStream": true
          },
          "Forward": {
           "requestType": "ForwardRequest",
           "responseType": "ForwardResponse"
          }
         }
        },
        "Frame": {
         "fields": {
          "hello": {
           "type": "Hello",
           "id": 1
          },
          "helloAnswer": {
           "type": "HelloAnswer",
           "id": 2
          },
          "envelopes": {
           "rule": "repeated",
           "type": "Envelope",
           "id": 3
          }
         }
        },
        "Hello": {
         "fields": {
          "clusterId": {
           "type": "string",
           "id": 1
          },
          "from": {
           "type": "uint32",
           "id": 2
          },
          "to": {
           "type": "uint32",
           "id": 3
          },
          "incarnation": {
           "type": "string",
           "id": 4
          },
          "logEpoch": {
           "type": "uint64",
           "id": 5
          },
          "starts": {
           "type": "uint64",
           "id": 6
          },
          "nonce": {
           "type": "uint64",
           "id": 7
          },
          "protocolVersion": {
           "type": "uint32",
           "id": 8
          },
          "addresses": {
           "type": "Addresses",
           "id": 9
          },
          "bootstrapIds": {
           "rule": "repeated",
           "type": "uint32",
           "id": 10
          },
          "dataVersion": {
           "type": "uint32",
           "id": 11
          },
          "programVersion": {
           "type": "string",
           "id": 12
          },
          "electionTimeoutMinMs": {
           "type": "uint32",
           "id": 13
          },
          "protocolVersionMin": {
           "type": "uint32",
           "id": 14
          }
         }
        },
        "HelloAnswer": {
         "oneofs": {
          "answer": {
           "oneof": [
            "accepted",
            "refused"
           ]
          }
         },
         "fields": {
          "accepted": {
           "type": "HelloAccepted",
           "id": 1
          },
          "refused": {
           "type": "HelloRefused",
           "id": 2
          }
         }
        },
        "HelloAccepted": {
         "fields": {
          "hello": {
           "type": "Hello",
           "id": 1
          },
          "cluster": {
           "type": "Configuration",
           "id": 2
          }
         }
        },
        "HelloRefused": {
         "fields": {
          "reason": {
           "type": "string",
           "id": 1
          },
          "final": {
           "type": "bool",
           "id": 2
          },
          "nodeId": {
           "type": "uint32",
           "id": 3
          },
          "incarnation": {
           "type": "string",
           "id": 4
          },
          "removed": {
           "type": "bool",
           "id": 5
          }
         }
        },
        "Addresses": {
         "oneofs": {
          "_clientRpc": {
           "oneof": [
            "clientRpc"
           ]
          }
         },
         "fields": {
          "rpc": {
           "type": "string",
           "id": 1
          },
          "http": {
           "type": "string",
           "id": 2
          },
          "clientRpc": {
           "type": "string",
           "id": 3,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "Suffrage": {
         "values": {
          "SUFFRAGE_VOTER": 0,
          "SUFFRAGE_LEARNER": 1,
          "SUFFRAGE_READ_ONLY": 2
         }
        },
        "Member": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "incarnation": {
           "type": "string",
           "id": 2
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 3
          },
          "addresses": {
           "type": "Addresses",
           "id": 4
          }
         }
        },
        "MemberList": {
         "fields": {
          "members": {
           "rule": "repeated",
           "type": "Member",
           "id": 1
          }
         }
        },
        "Configuration": {
         "fields": {
          "members": {
           "rule": "repeated",
           "type": "Member",
           "id": 1
          },
          "outgoing": {
           "type": "MemberList",
           "id": 2
          },
          "nodeIdMax": {
           "type": "uint32",
           "id": 3
          }
         }
        },
        "LogPosition": {
         "fields": {
          "index": {
           "type": "uint64",
           "id": 1
          },
          "term": {
           "type": "uint64",
           "id": 2
          }
         }
        },
        "PositionedConfiguration": {
         "fields": {
          "position": {
           "type": "LogPosition",
           "id": 1
          },
          "configuration": {
           "type": "Configuration",
           "id": 2
          }
         }
        },
        "EntryKind": {
         "values": {
          "ENTRY_KIND_NOOP": 0,
          "ENTRY_KIND_CONFIGURATION": 1,
          "ENTRY_KIND_COMMAND": 2
         }
        },
        "Entry": {
         "fields": {
          "index": {
           "type": "uint64",
           "id": 1
          },
          "term": {
           "type": "uint64",
           "id": 2
          },
          "kind": {
           "type": "EntryKind",
           "id": 3
          },
          "timeMs": {
           "type": "uint64",
           "id": 4
          },
          "data": {
           "type": "bytes",
           "id": 5
          },
          "crc32c": {
           "type": "fixed32",
           "id": 6
          }
         }
        },
        "SnapshotMeta": {
         "fields": {
          "position": {
           "type": "LogPosition",
           "id": 1
          },
          "timeMs": {
           "type": "uint64",
           "id": 2
          },
          "configuration": {
           "type": "PositionedConfiguration",
           "id": 3
          },
          "bytes": {
           "type": "uint64",
           "id": 4
          },
          "digest": {
           "type": "bytes",
           "id": 5
          }
         }
        },
        "Envelope": {
         "oneofs": {
          "message": {
           "oneof": [
            "appendEntries",
            "appendEntriesReply",
            "heartbeat",
            "heartbeatReply",
            "readIndexRequest",
            "readIndexReply",
            "requestVote",
            "requestVoteReply",
            "preVote",
            "preVoteReply",
            "timeoutNow",
            "installSnapshot",
            "installSnapshotReply"
           ]
          }
         },
         "fields": {
          "from": {
           "type": "uint32",
           "id": 1
          },
          "to": {
           "type": "uint32",
           "id": 2
          },
          "fromEpoch": {
           "type": "uint64",
           "id": 3
          },
          "toEpoch": {
           "type": "uint64",
           "id": 4
          },
          "term": {
           "type": "uint64",
           "id": 5
          },
          "appendEntries": {
           "type": "AppendEntries",
           "id": 6
          },
          "appendEntriesReply": {
           "type": "AppendEntriesReply",
           "id": 7
          },
          "heartbeat": {
           "type": "Heartbeat",
           "id": 8
          },
          "heartbeatReply": {
           "type": "HeartbeatReply",
           "id": 9
          },
          "readIndexRequest": {
           "type": "ReadIndexRequest",
           "id": 10
          },
          "readIndexReply": {
           "type": "ReadIndexReply",
           "id": 11
          },
          "requestVote": {
           "type": "RequestVote",
           "id": 12
          },
          "requestVoteReply": {
           "type": "RequestVoteReply",
           "id": 13
          },
          "preVote": {
           "type": "PreVote",
           "id": 14
          },
          "preVoteReply": {
           "type": "PreVoteReply",
           "id": 15
          },
          "timeoutNow": {
           "type": "TimeoutNow",
           "id": 16
          },
          "installSnapshot": {
           "type": "InstallSnapshot",
           "id": 17
          },
          "installSnapshotReply": {
           "type": "InstallSnapshotReply",
           "id": 18
          }
         }
        },
        "RequestVote": {
         "fields": {
          "lastLog": {
           "type": "LogPosition",
           "id": 1
          },
          "transfer": {
           "type": "bool",
           "id": 2
          }
         }
        },
        "RequestVoteReply": {
         "fields": {
          "voteGranted": {
           "type": "bool",
           "id": 1
          },
          "notMember": {
           "type": "LogPosition",
           "id": 2
          }
         }
        },
        "PreVote": {
         "fields": {
          "lastLog": {
           "type": "LogPosition",
           "id": 1
          }
         }
        },
        "PreVoteReply": {
         "fields": {
          "requestedTerm": {
           "type": "uint64",
           "id": 1
          },
          "voteGranted": {
           "type": "bool",
           "id": 2
          },
          "notMember": {
           "type": "LogPosition",
           "id": 3
          }
         }
        },
        "AppendEntries": {
         "fields": {
          "prevLog": {
           "type": "LogPosition",
           "id": 1
          },
          "entries": {
           "rule": "repeated",
           "type": "Entry",
           "id": 2
          },
          "leaderCommit": {
           "type": "uint64",
           "id": 3
          },
          "attempt": {
           "type": "uint64",
           "id": 4
          }
         }
        },
        "AppendEntriesReply": {
         "oneofs": {
          "result": {
           "oneof": [
            "matched",
            "conflict"
           ]
          }
         },
         "fields": {
          "matched": {
           "type": "LogPosition",
           "id": 1
          },
          "conflict": {
           "type": "Conflict",
           "id": 2
          },
          "needsSnapshot": {
           "type": "bool",
           "id": 3
          },
          "attempt": {
           "type": "uint64",
           "id": 4
          }
         }
        },
        "Conflict": {
         "fields": {
          "rejected": {
           "type": "LogPosition",
           "id": 1
          },
          "hint": {
           "type": "LogPosition",
           "id": 2
          }
         }
        },
        "Heartbeat": {
         "fields": {
          "round": {
           "type": "uint64",
           "id": 1
          },
          "leaderCommit": {
           "type": "uint64",
           "id": 2
          },
          "match": {
           "type": "LogPosition",
           "id": 3
          }
         }
        },
        "HeartbeatReply": {
         "fields": {
          "round": {
           "type": "uint64",
           "id": 1
          },
          "verifiedIndex": {
           "type": "uint64",
           "id": 2
          },
          "appliedIndex": {
           "type": "uint64",
           "id": 3
          }
         }
        },
        "ReadId": {
         "fields": {
          "node": {
           "type": "uint32",
           "id": 1
          },
          "nonce": {
           "type": "uint64",
           "id": 2
          },
          "counter": {
           "type": "uint64",
           "id": 3
          }
         }
        },
        "ReadIndexRequest": {
         "fields": {
          "id": {
           "type": "ReadId",
           "id": 1
          }
         }
        },
        "ReadIndexReply": {
         "fields": {
          "id": {
           "type": "ReadId",
           "id": 1
          },
          "index": {
           "type": "uint64",
           "id": 2
          }
         }
        },
        "TimeoutNow": {
         "fields": {}
        },
        "InstallSnapshot": {
         "fields": {
          "meta": {
           "type": "SnapshotMeta",
           "id": 1
          },
          "offset": {
           "type": "uint64",
           "id": 2
          },
          "data": {
           "type": "bytes",
           "id": 3
          },
          "crc32c": {
           "type": "fixed32",
           "id": 4
          },
          "last": {
           "type": "bool",
           "id": 5
          }
         }
        },
        "SnapshotRefusal": {
         "values": {
          "SNAPSHOT_REFUSAL_NONE": 0,
          "SNAPSHOT_REFUSAL_CORRUPT": 1,
          "SNAPSHOT_REFUSAL_BUSY": 2,
          "SNAPSHOT_REFUSAL_NOT_NEEDED": 3
         }
        },
        "InstallSnapshotReply": {
         "fields": {
          "position": {
           "type": "LogPosition",
           "id": 1
          },
          "nextOffset": {
           "type": "uint64",
           "id": 2
          },
          "refused": {
           "type": "SnapshotRefusal",
           "id": 3
          }
         }
        },
        "ForwardRequest": {
         "oneofs": {
          "body": {
           "oneof": [
            "write",
            "view",
            "transferLeadership",
            "changeMembers",
            "stateHashes"
           ]
          }
         },
         "fields": {
          "clusterId": {
           "type": "string",
           "id": 1
          },
          "from": {
           "type": "uint32",
           "id": 2
          },
          "requestId": {
           "type": "string",
           "id": 3
          },
          "timeoutMs": {
           "type": "uint64",
           "id": 4
          },
          "write": {
           "type": "ForwardedWrite",
           "id": 5
          },
          "view": {
           "type": "ForwardedView",
           "id": 6
          },
          "transferLeadership": {
           "type": "ForwardedTransfer",
           "id": 7
          },
          "changeMembers": {
           "type": "ForwardedMembership",
           "id": 8
          },
          "stateHashes": {
           "type": "AskedStateHashes",
           "id": 9
          }
         }
        },
        "ForwardedWrite": {
         "fields": {
          "operation": {
           "type": "bytes",
           "id": 1
          },
          "idempotency": {
           "type": "Idempotency",
           "id": 2
          }
         }
        },
        "Idempotency": {
         "fields": {
          "identity": {
           "type": "string",
           "id": 1
          },
          "key": {
           "type": "string",
           "id": 2
          },
          "requestHash": {
           "type": "bytes",
           "id": 3
          }
         }
        },
        "ForwardedView": {
         "fields": {}
        },
        "AskedStateHashes": {
         "fields": {}
        },
        "ForwardedTransfer": {
         "oneofs": {
          "_target": {
           "oneof": [
            "target"
           ]
          }
         },
         "fields": {
          "target": {
           "type": "uint32",
           "id": 1,
           "options": {
            "proto3_optional": true
           }
          }
         }
        },
        "ForwardedMembership": {
         "oneofs": {
          "change": {
           "oneof": [
            "add",
            "setSuffrage",
            "replace",
            "remove"
           ]
          }
         },
         "fields": {
          "add": {
           "type": "AddMember",
           "id": 1
          },
          "setSuffrage": {
           "type": "SetSuffrage",
           "id": 2
          },
          "replace": {
           "type": "ReplaceMember",
           "id": 3
          },
          "remove": {
           "type": "RemoveMember",
           "id": 4
          },
          "expected": {
           "rule": "repeated",
           "type": "uint64",
           "id": 5
          },
          "dryRun": {
           "type": "bool",
           "id": 6
          },
          "again": {
           "type": "bool",
           "id": 7
          }
         }
        },
        "OfferedMember": {
         "oneofs": {
          "_id": {
           "oneof": [
            "id"
           ]
          },
          "_incarnation": {
           "oneof": [
            "incarnation"
           ]
          }
         },
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1,
           "options": {
            "proto3_optional": true
           }
          },
          "incarnation": {
           "type": "string",
           "id": 2,
           "options": {
            "proto3_optional": true
           }
          },
          "addresses": {
           "type": "Addresses",
           "id": 3
          }
         }
        },
        "AddMember": {
         "fields": {
          "member": {
           "type": "OfferedMember",
           "id": 1
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 2
          }
         }
        },
        "SetSuffrage": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "suffrage": {
           "type": "Suffrage",
           "id": 2
          }
         }
        },
        "ReplaceMember": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          },
          "by": {
           "type": "OfferedMember",
           "id": 2
          }
         }
        },
        "RemoveMember": {
         "fields": {
          "id": {
           "type": "uint32",
           "id": 1
          }
         }
        },
        "ForwardResponse": {
         "oneofs": {
          "answer": {
           "oneof": [
            "written",
            "view",
            "transferred",
            "failure",
            "membersChanged",
            "stateHashes"
           ]
          }
         },
         "fields": {
          "written": {
           "type": "Written",
           "id": 1
          },
          "view": {
           "type": "skein.cluster.v1.ClusterView",
           "id": 2
          },
          "transferred": {
           "type": "Transferred",
           "id": 3
          },
          "failure": {
           "type": "Failure",
           "id": 4
          },
          "membersChanged": {
           "type": "skein.cluster.v1.MembershipResponse",
           "id": 5
          },
          "stateHashes": {
           "type": "StateHashes",
           "id": 6
          }
         }
        },
        "Written": {
         "oneofs": {
          "_leader": {
           "oneof": [
            "leader"
           ]
          }
         },
         "fields": {
          "result": {
           "type": "bytes",
           "id": 1
          },
          "revision": {
           "type": "uint64",
           "id": 2
          },
          "servedBy": {
           "type": "uint32",
           "id": 3
          },
          "leader": {
           "type": "uint32",
           "id": 4,
           "options": {
            "proto3_optional": true
           }
          },
          "clusterId": {
           "type": "string",
           "id": 5
          }
         }
        },
        "StateHashes": {
         "fields": {
          "hashes": {
           "rule": "repeated",
           "type": "StateHash",
           "id": 1
          }
         }
        },
        "StateHash": {
         "fields": {
          "position": {
           "type": "LogPosition",
           "id": 1
          },
          "a": {
           "type": "fixed32",
           "id": 2
          },
          "b": {
           "type": "fixed32",
           "id": 3
          }
         }
        },
        "Transferred": {
         "fields": {
          "leader": {
           "type": "uint32",
           "id": 1
          }
         }
        },
        "Outcome": {
         "values": {
          "OUTCOME_UNSPECIFIED": 0,
          "OUTCOME_NOT_APPLIED": 1,
          "OUTCOME_APPLIED": 2,
          "OUTCOME_UNKNOWN": 3
         }
        },
        "Failure": {
         "oneofs": {
          "_retryAfterMs": {
           "oneof": [
            "retryAfterMs"
           ]
          }
         },
         "fields": {
          "code": {
           "type": "string",
           "id": 1
          },
          "detail": {
           "type": "string",
           "id": 2
          },
          "outcome": {
           "type": "Outcome",
           "id": 3
          },
          "retryable": {
           "type": "bool",
           "id": 4
          },
          "retryAfterMs": {
           "type": "uint64",
           "id": 5,
           "options": {
            "proto3_optional": true
           }
          },
          "issues": {
           "rule": "repeated",
           "type": "Issue",
           "id": 6
          },
          "extraJson": {
           "type": "string",
           "id": 7
          }
         }
        },
        "Issue": {
         "fields": {
          "path": {
           "type": "string",
           "id": 1
          },
          "message": {
           "type": "string",
           "id": 2
          }
         }
        }
       }
      }
     }
    }
   }
  }
 }
};
