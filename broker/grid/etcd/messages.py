"""etcd's messages, made at run time from a table of their fields: no generated code, any protobuf from 4 on.

Numbers and types are those of etcd's public API (etcdserverpb and mvccpb, v3). Only what this client sends or reads
is listed: the rest is skipped as unknown fields. Enumerations are plain numbers here.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "portcullis.etcd"
_SCALARS = {
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}

# `name: type=number`, `*` repeated, `|` of the message's one-of.
_TABLE: dict[str, str] = {
    "KeyValue": "key:bytes=1 create_revision:int64=2 mod_revision:int64=3 value:bytes=5 lease:int64=6",
    "Event": "type:int32=1 kv:KeyValue=2",
    "Header": "cluster_id:uint64=1 member_id:uint64=2 revision:int64=3 raft_term:uint64=4",
    "RangeRequest": "key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4",
    "RangeResponse": "header:Header=1 kvs:*KeyValue=2 more:bool=3",
    "PutRequest": "key:bytes=1 value:bytes=2 lease:int64=3",
    "PutResponse": "header:Header=1",
    "DeleteRequest": "key:bytes=1 prev_kv:bool=3",
    "DeleteResponse": "header:Header=1 prev_kvs:*KeyValue=3",
    "RequestOp": "range:|RangeRequest=1 put:|PutRequest=2 delete:|DeleteRequest=3 txn:|TxnRequest=4",
    "ResponseOp": "range:|RangeResponse=1 put:|PutResponse=2 delete:|DeleteResponse=3 txn:|TxnResponse=4",
    "Compare": (
        "result:int32=1 target:int32=2 key:bytes=3 "
        "create_revision:|int64=5 mod_revision:|int64=6 value:|bytes=7"
    ),
    "TxnRequest": "compare:*Compare=1 success:*RequestOp=2 failure:*RequestOp=3",
    "TxnResponse": "header:Header=1 succeeded:bool=2 responses:*ResponseOp=3",
    "WatchCreate": "key:bytes=1 range_end:bytes=2 start_revision:int64=3",
    "WatchProgress": "",
    "WatchRequest": "create:|WatchCreate=1 progress:|WatchProgress=3",
    "WatchResponse": (
        "header:Header=1 created:bool=3 canceled:bool=4 compact_revision:int64=5 cancel_reason:string=6 "
        "events:*Event=11"
    ),
    "LeaseGrantRequest": "ttl:int64=1 id:int64=2",
    "LeaseGrantResponse": "header:Header=1 id:int64=2 ttl:int64=3",
    "LeaseRequest": "id:int64=1",
    "LeaseResponse": "header:Header=1 id:int64=2 ttl:int64=3 granted_ttl:int64=4",
    "CompactRequest": "revision:int64=1",
    "Empty": "",
    "StatusResponse": (
        "header:Header=1 version:string=2 db_size:int64=3 leader:uint64=4 raft_index:uint64=5 raft_term:uint64=6 "
        "errors:*string=8 db_size_quota:int64=12"
    ),
    "Member": "id:uint64=1 name:string=2",
    "MemberListResponse": "header:Header=1 members:*Member=2",
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="portcullis/etcd.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _TABLE.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add_field(message, field)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, text: str) -> None:
    name, _, rest = text.partition(":")
    kind, _, number = rest.partition("=")
    field = message.field.add(name=name, number=int(number), label=1)
    if kind.startswith("*"):
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    elif kind.startswith("|"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="which")
        field.oneof_index = 0
    kind = kind.lstrip("*|")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


CompactRequest = _class("CompactRequest")
Compare = _class("Compare")
DeleteRequest = _class("DeleteRequest")
Empty = _class("Empty")
Event = _class("Event")
KeyValue = _class("KeyValue")
LeaseGrantRequest = _class("LeaseGrantRequest")
LeaseGrantResponse = _class("LeaseGrantResponse")
LeaseRequest = _class("LeaseRequest")
LeaseResponse = _class("LeaseResponse")
MemberListResponse = _class("MemberListResponse")
PutRequest = _class("PutRequest")
RangeRequest = _class("RangeRequest")
RangeResponse = _class("RangeResponse")
RequestOp = _class("RequestOp")
StatusResponse = _class("StatusResponse")
TxnRequest = _class("TxnRequest")
TxnResponse = _class("TxnResponse")
WatchCreate = _class("WatchCreate")
WatchProgress = _class("WatchProgress")
WatchRequest = _class("WatchRequest")
WatchResponse = _class("WatchResponse")

PUT, DELETE = 0, 1
EQUAL, GREATER = 0, 1
CREATE, MOD, VALUE = 1, 2, 3
