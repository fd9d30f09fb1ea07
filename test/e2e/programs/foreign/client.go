// A client of google.golang.org/grpc, as a stranger writes one who has no .proto file: it learns
// the services by reflection.
//
// It reads calls from standard input, one JSON object a line: {"at": "host:port", "method":
// "package.Service/Method", "request": {...}}, and writes the answers likewise, in the JSON mapping
// of protobuf. The method "reflection" asks which services there are. A call may have "metadata",
// and, where the method has many answers, "answers": after so many it is cancelled and they are
// written as a list.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const timeout = 10 * time.Second

type step struct {
	At      string          `json:"at"`
	Method  string          `json:"method"`
	Request json.RawMessage `json:"request"`

	Metadata map[string]string `json:"metadata"`
	Answers  int               `json:"answers"`
}

// node is one connection, with the files that its reflection has told of.
type node struct {
	conn   *grpc.ClientConn
	stream reflection.ServerReflection_ServerReflectionInfoClient
	files  *protoregistry.Files
}

func dial(at string) *node {
	conn, err := grpc.NewClient(at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	client := reflection.NewServerReflectionClient(conn)
	stream, err := client.ServerReflectionInfo(context.Background())
	check(err)
	return &node{conn, stream, new(protoregistry.Files)}
}

func (n *node) ask(request *reflection.ServerReflectionRequest) *reflection.ServerReflectionResponse {
	check(n.stream.Send(request))
	response, err := n.stream.Recv()
	check(err)
	if failure := response.GetErrorResponse(); failure != nil {
		log.Fatalf("reflection: %s", failure.ErrorMessage)
	}
	return response
}

func (n *node) services() any {
	response := n.ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_ListServices{},
	})
	names := []string{}
	for _, service := range response.GetListServicesResponse().Service {
		names = append(names, service.Name)
	}
	sort.Strings(names)
	return map[string]any{"services": names}
}

// learn registers the files of a reflection answer, those that they import before them.
func (n *node) learn(response *reflection.ServerReflectionResponse) {
	for _, bytes := range response.GetFileDescriptorResponse().FileDescriptorProto {
		file := new(descriptorpb.FileDescriptorProto)
		check(proto.Unmarshal(bytes, file))
		if _, err := n.files.FindFileByPath(file.GetName()); err == nil {
			continue
		}
		for _, name := range file.Dependency {
			n.learn(n.ask(&reflection.ServerReflectionRequest{
				MessageRequest: &reflection.ServerReflectionRequest_FileByFilename{
					FileByFilename: name,
				},
			}))
		}
		described, err := protodesc.NewFile(file, n.files)
		check(err)
		check(n.files.RegisterFile(described))
	}
}

func (n *node) method(service, name string) protoreflect.MethodDescriptor {
	full := protoreflect.FullName(service)
	if _, err := n.files.FindDescriptorByName(full); err != nil {
		n.learn(n.ask(&reflection.ServerReflectionRequest{
			MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{
				FileContainingSymbol: service,
			},
		}))
	}
	found, err := n.files.FindDescriptorByName(full)
	check(err)
	methods := found.(protoreflect.ServiceDescriptor).Methods()
	return methods.ByName(protoreflect.Name(name))
}

func (n *node) call(next step) any {
	service, name, _ := strings.Cut(next.Method, "/")
	described := n.method(service, name)
	asked := dynamicpb.NewMessage(described.Input())
	check(protojson.Unmarshal(next.Request, asked))
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for key, value := range next.Metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, key, value)
	}
	if next.Answers == 0 {
		answered := dynamicpb.NewMessage(described.Output())
		check(n.conn.Invoke(ctx, "/"+next.Method, asked, answered))
		return shown(answered)
	}
	stream, err := n.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+next.Method)
	check(err)
	check(stream.SendMsg(asked))
	check(stream.CloseSend())
	taken := []any{}
	for len(taken) < next.Answers {
		answered := dynamicpb.NewMessage(described.Output())
		check(stream.RecvMsg(answered))
		taken = append(taken, shown(answered))
	}
	return taken
}

func shown(answer proto.Message) json.RawMessage {
	line, err := protojson.Marshal(answer)
	check(err)
	return line
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	nodes := map[string]*node{}
	lines := json.NewDecoder(os.Stdin)
	for lines.More() {
		var next step
		check(lines.Decode(&next))
		if nodes[next.At] == nil {
			nodes[next.At] = dial(next.At)
		}
		var answer any
		if next.Method == "reflection" {
			answer = nodes[next.At].services()
		} else {
			answer = nodes[next.At].call(next)
		}
		line, err := json.Marshal(answer)
		check(err)
		fmt.Println(string(line))
	}
}
