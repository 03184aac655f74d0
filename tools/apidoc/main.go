package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// contract is the package of which the reference is.
const contract = "cloudops.v1"

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "apidoc:", err)
		os.Exit(1)
	}
}

// run writes the reference of a set of files to a path.
func run(args []string, in io.Reader) error {
	if len(args) != 1 {
		return errors.New("needs the path to write to, and gets what buf build says")
	}
	image, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the contract: %w", err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(image, &set); err != nil {
		return fmt.Errorf("read the contract: %w", err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return fmt.Errorf("link the contract: %w", err)
	}
	var own []protoreflect.FileDescriptor
	files.RangeFilesByPackage(contract, func(f protoreflect.FileDescriptor) bool {
		own = append(own, f)
		return true
	})
	if len(own) == 0 {
		return fmt.Errorf("there is no package %s in what came", contract)
	}
	return os.WriteFile(args[0], []byte(reference(own)), 0o644) //nolint:gosec // it is documentation
}
