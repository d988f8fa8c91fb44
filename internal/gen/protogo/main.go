// Command protogo turns one .proto file into Go with the protoc-gen-go that go.mod pins, without needing protoc.
//
//	go run ./internal/gen/protogo DIR/FILE.proto GO_IMPORT_PATH
//
// The schema is registered under GO_IMPORT_PATH/FILE.proto, because protobuf's registry refuses two files of one name
// in one binary. FILE.pb.go is written next to the source.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: protogo DIR/FILE.proto GO_IMPORT_PATH")
		os.Exit(64)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "protogo:", err)
		os.Exit(1)
	}
}

func generate(file, importPath string) error {
	registered := path.Join(importPath, filepath.Base(file))
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: func(name string) (io.ReadCloser, error) {
			if name != registered {
				return nil, os.ErrNotExist
			}
			return os.Open(file)
		},
	}, SourceInfoMode: protocompile.SourceInfoStandard}
	files, err := compiler.Compile(context.Background(), registered)
	if err != nil {
		return fmt.Errorf("compile %s: %w", file, err)
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{registered},
		Parameter:      proto.String(fmt.Sprintf("paths=source_relative,M%s=%s", registered, importPath)),
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(files[0])},
	}
	input, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	plugin := exec.Command("go", "tool", "protoc-gen-go")
	plugin.Stdin = bytes.NewReader(input)
	plugin.Stderr = os.Stderr
	output, err := plugin.Output()
	if err != nil {
		return fmt.Errorf("run protoc-gen-go: %w", err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil {
		return fmt.Errorf("decode response: %w", err)
	}
	if response.Error != nil {
		return fmt.Errorf("protoc-gen-go: %s", response.GetError())
	}
	target := strings.TrimSuffix(file, ".proto") + ".pb.go"
	return os.WriteFile(target, []byte(response.File[0].GetContent()), 0o644)
}
