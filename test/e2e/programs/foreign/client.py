"""A client of Python's grpcio, as a stranger writes one.

It reads calls from standard input, one JSON object a line: {"at": "host:port", "method":
"package.Service/Method", "request": {...}}, and writes the answers likewise, in the JSON mapping of
protobuf. The method "reflection" asks which services there are. A call may have "metadata", and,
where the method has many answers, "answers": after so many it is cancelled and they are written as
a list.

Arguments: a file with the descriptors of proto/ as a FileDescriptorSet, and, where grpc_tools could
make them, the folder of the stubs generated from proto/.
"""

import importlib
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TIMEOUT_S = 60
REFLECTION = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


class Described:
    """Calls by descriptors that were loaded at run time."""

    def __init__(self, path):
        self.pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet()
        with open(path, "rb") as file:
            files.ParseFromString(file.read())
        for file in files.file:
            self.pool.Add(file)

    def types(self, method):
        service, name = method.split("/")
        found = self.pool.FindServiceByName(service).FindMethodByName(name)
        get = message_factory.GetMessageClass
        return get(found.input_type), get(found.output_type)

    def call(self, channel, method, step):
        asked, answered = self.types(method)
        make = channel.unary_stream if "answers" in step else channel.unary_unary
        run = make(
            "/" + method,
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        return answer_of(run, asked(), step)

    def services(self, channel):
        asked, answered = self.types(REFLECTION)
        run = channel.stream_stream(
            "/" + REFLECTION,
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        answers = run(iter([asked(list_services="")]), timeout=TIMEOUT_S)
        listed = next(answers).list_services_response.service
        return {"services": sorted(service.name for service in listed)}


def answer_of(run, asked, step):
    """Runs a call and gives its answer, or the list of those that are wanted."""
    request = json_format.ParseDict(step["request"], asked)
    metadata = tuple(step.get("metadata", {}).items())
    answer = run(request, timeout=TIMEOUT_S, metadata=metadata)
    if "answers" not in step:
        return json_format.MessageToDict(answer)
    taken = [json_format.MessageToDict(next(answer)) for _ in range(step["answers"])]
    answer.cancel()
    return taken


def call_stub(channel, method, step):
    """Calls the stub that grpc_tools generated for a service of d_engine/*.proto."""
    service, name = method.split("/")
    file = "client" if service == "d_engine.client.RaftClientService" else "cluster"
    messages = importlib.import_module(f"d_engine.{file}_pb2")
    stubs = importlib.import_module(f"d_engine.{file}_pb2_grpc")
    stub = getattr(stubs, service.split(".")[-1] + "Stub")(channel)
    described = messages.DESCRIPTOR.services_by_name[service.split(".")[-1]]
    asked = getattr(messages, described.methods_by_name[name].input_type.name)
    return answer_of(getattr(stub, name), asked(), step)


def main():
    described = Described(sys.argv[1])
    generated = len(sys.argv) > 2
    if generated:
        sys.path.insert(0, sys.argv[2])
    channels = {}
    for line in sys.stdin:
        step = json.loads(line)
        at, method = step["at"], step["method"]
        channel = channels.setdefault(at, grpc.insecure_channel(at))
        if method == "reflection":
            answer = described.services(channel)
        elif generated and method.startswith("d_engine."):
            answer = call_stub(channel, method, step)
        else:
            answer = described.call(channel, method, step)
        print(json.dumps(answer), flush=True)


main()
