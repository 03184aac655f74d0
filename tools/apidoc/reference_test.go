package main

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// What is checked in is of the contract as the generated code has it: each line of it but for
// the comments, which that has not.
func TestReference_IsOfThisContract(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/api-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		there[withoutMeaning(line)] = true
	}
	files := []protoreflect.FileDescriptor{
		pb.File_cloudops_v1_execution_service_proto, pb.File_cloudops_v1_execution_proto,
		pb.File_cloudops_v1_event_proto, pb.File_cloudops_v1_plan_proto, pb.File_cloudops_v1_request_proto,
	}
	for line := range strings.Lines(reference(files)) {
		if !there[withoutMeaning(line)] {
			t.Errorf("docs/api-reference.md lacks %q: run make generate", line)
		}
	}
}

// withoutMeaning is a line, of a table without its last column.
func withoutMeaning(line string) string {
	if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) > 2 {
		return strings.Join(cells[:len(cells)-1], " | ")
	}
	return strings.TrimSpace(line)
}

// Comments are what things mean, also where they would end a cell.
func TestRun_WritesWhatCommentsSay(t *testing.T) {
	t.Parallel()
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
		{
			Name: new("a.proto"), Package: new(contract), Syntax: new("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: new("Thing"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: new("size"), Number: new(int32(1)), Type: descriptorpb.FieldDescriptorProto_TYPE_INT32.Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
			}}}},
			SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
				{Path: []int32{4, 0, 2, 0}, Span: []int32{1, 1, 1}, LeadingComments: new(" Large|small,\n or none.\n")},
			}},
		},
	}}
	image, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/out.md"
	if err := run([]string{path}, strings.NewReader(string(image))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := "### Thing\n\n| field | type | meaning |\n|---|---|---|\n| `size` | list of int32 | Large\\|small, or none. |\n"; err != nil || !strings.HasSuffix(string(text), want) {
		t.Errorf("got %q, %v", text, err)
	}
	for what, in := range map[string]string{"nothing": "", "no contract": "garbage"} {
		if err := run([]string{path}, strings.NewReader(in)); err == nil {
			t.Errorf("%s is taken for a contract", what)
		}
	}
}
