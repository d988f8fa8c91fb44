package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func rpcRequest(rows []byte) *pb.ModelInferRequest {
	return &pb.ModelInferRequest{ModelName: "m", Id: "7", RawInputContents: [][]byte{rows}, Inputs: []*pb.ModelInferRequest_InferInputTensor{{Name: "sample", Datatype: "UINT8", Shape: []int64{int64(len(rows) / 6), 3, 2}}}}
}

// gRPC gives the codes that the model makes, as raw contents and as values, in calls and in a stream.
func TestGRPC(t *testing.T) {
	dir := tiny(t)
	s := start(t, dir)
	conn, rows := dial(t, s.grpc), randomRows(5)
	want := codesOf(t, dir, rows)
	values := rpcRequest(rows)
	values.RawInputContents = nil
	values.Inputs[0].Contents = &pb.InferTensorContents{}
	for _, b := range rows {
		values.Inputs[0].Contents.UintContents = append(values.Inputs[0].Contents.UintContents, uint32(b))
	}
	for name, r := range map[string]*pb.ModelInferRequest{"raw": rpcRequest(rows), "values": values} {
		var got pb.ModelInferResponse
		if err := conn.Invoke(t.Context(), "/"+pb.Name+"/ModelInfer", r, &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Id != "7" || len(got.RawOutputContents) != 1 || !bytes.Equal(got.RawOutputContents[0], want) {
			t.Errorf("%s: %v", name, &got)
		}
	}
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+pb.Name+"/ModelStreamInfer")
	if err != nil {
		t.Fatal(err)
	}
	bad := rpcRequest(rows)
	bad.Inputs[0].Name = "x"
	for _, r := range []*pb.ModelInferRequest{bad, rpcRequest(rows)} {
		if err := stream.SendMsg(r); err != nil {
			t.Fatal(err)
		}
	}
	var first, second, end pb.ModelStreamInferResponse
	if err := errors.Join(stream.RecvMsg(&first), stream.RecvMsg(&second), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first.ErrorMessage, "sample") || second.ErrorMessage != "" || !bytes.Equal(second.InferResponse.RawOutputContents[0], want) {
		t.Errorf("stream: %v, %v", &first, &second)
	}
	if err := stream.RecvMsg(&end); !errors.Is(err, io.EOF) {
		t.Errorf("the stream's end: %v", err)
	}
}

// What is wrong with a call is said with its code.
func TestGRPCCodes(t *testing.T) {
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.Token = "secret" })
	conn := dial(t, s.grpc)
	with := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer secret")
	change := func(f func(*pb.ModelInferRequest)) *pb.ModelInferRequest {
		r := rpcRequest(randomRows(2))
		f(r)
		return r
	}
	for name, c := range map[string]struct {
		ctx    context.Context
		method string
		in     any
		out    any
		want   codes.Code
	}{
		"no token":     {t.Context(), "ModelInfer", rpcRequest(randomRows(1)), &pb.ModelInferResponse{}, codes.Unauthenticated},
		"live":         {t.Context(), "ServerLive", &pb.ServerLiveRequest{}, &pb.ServerLiveResponse{}, codes.OK},
		"good":         {with, "ModelInfer", rpcRequest(randomRows(1)), &pb.ModelInferResponse{}, codes.OK},
		"no model":     {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.ModelName = "x" }), &pb.ModelInferResponse{}, codes.NotFound},
		"shape":        {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.Inputs[0].Shape = []int64{2, 6} }), &pb.ModelInferResponse{}, codes.InvalidArgument},
		"short":        {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.RawInputContents[0] = []byte{1} }), &pb.ModelInferResponse{}, codes.InvalidArgument},
		"no contents":  {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.RawInputContents = nil }), &pb.ModelInferResponse{}, codes.InvalidArgument},
		"two contents": {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.RawInputContents = make([][]byte, 2) }), &pb.ModelInferResponse{}, codes.InvalidArgument},
		"large":        {with, "ModelInfer", change(func(r *pb.ModelInferRequest) { r.RawInputContents[0] = make([]byte, 2<<20) }), &pb.ModelInferResponse{}, codes.ResourceExhausted},
		"metadata":     {with, "ModelMetadata", &pb.ModelMetadataRequest{Name: "m-encoder"}, &pb.ModelMetadataResponse{}, codes.OK},
		"config":       {with, "ModelConfig", &pb.ModelConfigRequest{Name: "m"}, &pb.ModelConfigResponse{}, codes.OK},
		"statistics":   {with, "ModelStatistics", &pb.ModelStatisticsRequest{}, &pb.ModelStatisticsResponse{}, codes.OK},
		"index":        {with, "RepositoryIndex", &pb.RepositoryIndexRequest{}, &pb.RepositoryIndexResponse{}, codes.OK},
		"load":         {with, "RepositoryModelLoad", &pb.RepositoryModelLoadRequest{ModelName: "m"}, &pb.RepositoryModelLoadResponse{}, codes.OK},
		"unload":       {with, "RepositoryModelUnload", &pb.RepositoryModelUnloadRequest{ModelName: "x"}, &pb.RepositoryModelUnloadResponse{}, codes.NotFound},
		"shared":       {with, "SystemSharedMemoryStatus", &pb.ServerLiveRequest{}, &pb.ServerLiveResponse{}, codes.Unimplemented},
	} {
		if err := conn.Invoke(c.ctx, "/"+pb.Name+"/"+c.method, c.in, c.out); status.Code(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
