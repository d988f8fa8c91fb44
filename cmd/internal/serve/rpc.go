package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

// newGRPC returns the gRPC server with its limits.
func (s *Server) newGRPC() *grpc.Server {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(int(s.o.MaxBody)), grpc.MaxConcurrentStreams(uint32(s.o.MaxRequests)), grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream),
		grpc.WaitForHandlers(true),
	}
	if s.o.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.o.TLS)))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(pb.Describe(), service{s})
	return server
}

// open are the calls that need no token.
var open = map[string]bool{"/" + pb.Name + "/ServerLive": true, "/" + pb.Name + "/ServerReady": true}

// grpcAllowed reports whether a call has the token.
func (s *Server) grpcAllowed(ctx context.Context, method string) bool {
	header := ""
	if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("authorization")) > 0 {
		header = md.Get("authorization")[0]
	}
	return open[method] || s.allowed(header)
}

// unary goes before each call of one request.
func (s *Server) unary(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() { err = s.failed(info.FullMethod, s.caught(info.FullMethod, recover(), err)) }()
	if !s.grpcAllowed(ctx, info.FullMethod) {
		return nil, errToken
	}
	return next(ctx, in)
}

// stream goes before each call of many requests.
func (s *Server) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() { err = s.failed(info.FullMethod, s.caught(info.FullMethod, recover(), err)) }()
	if !s.grpcAllowed(stream.Context(), info.FullMethod) {
		return errToken
	}
	return next(server, stream)
}

// caught makes an error of a panic.
func (s *Server) caught(method string, p any, err error) error {
	if p == nil {
		return err
	}
	s.o.Log.Error("a request panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
	return errors.New("the server has a fault, which its log names")
}

// service is the server as its clients see it.
type service struct{ s *Server }

var _ pb.Server = service{}

func (v service) ServerLive(context.Context, *pb.ServerLiveRequest) (*pb.ServerLiveResponse, error) {
	return &pb.ServerLiveResponse{Live: true}, nil
}

func (v service) ServerReady(context.Context, *pb.ServerReadyRequest) (*pb.ServerReadyResponse, error) {
	return &pb.ServerReadyResponse{Ready: v.s.ready.Load()}, nil
}

func (v service) ModelReady(_ context.Context, r *pb.ModelReadyRequest) (*pb.ModelReadyResponse, error) {
	m, err := v.s.o.Repository.Acquire(r.GetName(), r.GetVersion())
	if err == nil {
		m.Release()
	}
	return &pb.ModelReadyResponse{Ready: err == nil && v.s.ready.Load()}, nil
}

func (v service) ServerMetadata(context.Context, *pb.ServerMetadataRequest) (*pb.ServerMetadataResponse, error) {
	return v.s.describeServer(), nil
}

func (v service) ModelMetadata(_ context.Context, r *pb.ModelMetadataRequest) (*pb.ModelMetadataResponse, error) {
	m, err := v.s.o.Repository.Acquire(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	defer m.Release()
	return v.s.describe(m), nil
}

func (v service) ModelConfig(_ context.Context, r *pb.ModelConfigRequest) (*pb.ModelConfigResponse, error) {
	m, err := v.s.o.Repository.Acquire(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	defer m.Release()
	return &pb.ModelConfigResponse{Config: configure(m)}, nil
}

func (v service) ModelStatistics(_ context.Context, r *pb.ModelStatisticsRequest) (*pb.ModelStatisticsResponse, error) {
	list, err := v.s.statistics(r.GetName(), r.GetVersion())
	return &pb.ModelStatisticsResponse{ModelStats: list}, err
}

func (v service) RepositoryIndex(_ context.Context, r *pb.RepositoryIndexRequest) (*pb.RepositoryIndexResponse, error) {
	return &pb.RepositoryIndexResponse{Models: v.s.indexed(r.GetReady())}, nil
}

func (v service) RepositoryModelLoad(ctx context.Context, r *pb.RepositoryModelLoadRequest) (*pb.RepositoryModelLoadResponse, error) {
	return &pb.RepositoryModelLoadResponse{}, v.s.loadModel(ctx, r.GetModelName(), len(r.GetParameters()))
}

func (v service) RepositoryModelUnload(_ context.Context, r *pb.RepositoryModelUnloadRequest) (*pb.RepositoryModelUnloadResponse, error) {
	return &pb.RepositoryModelUnloadResponse{}, v.s.o.Repository.Unload(r.GetModelName())
}

func (v service) ModelInfer(ctx context.Context, r *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
	leave, err := v.s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, v.s.o.Timeout)
	defer cancel()
	request, err := requestOf(r)
	if err != nil {
		return nil, err
	}
	response, err := v.s.run(ctx, r.GetModelName(), r.GetModelVersion(), request, headersOf(ctx))
	if err != nil {
		return nil, err
	}
	return responseOf(response), nil
}

// ModelStreamInfer answers requests one after the other. A request that fails does not end the stream; the server's end does, behind the
// request in hand.
func (v service) ModelStreamInfer(stream pb.Stream) error {
	type message struct {
		*pb.ModelInferRequest
		err error
	}
	messages := make(chan message)
	go func() {
		for {
			r, err := stream.Recv()
			select {
			case messages <- message{r, err}:
			case <-stream.Context().Done(): // also when the call has returned
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		var m message
		select {
		case m = <-messages:
		case <-v.s.ending:
			return errEnding
		}
		if errors.Is(m.err, io.EOF) {
			return nil
		}
		if m.err != nil {
			return m.err
		}
		answer := &pb.ModelStreamInferResponse{}
		var err error
		if answer.InferResponse, err = v.ModelInfer(stream.Context(), m.ModelInferRequest); err != nil {
			answer.ErrorMessage = told(err)
			answer.InferResponse = &pb.ModelInferResponse{ModelName: m.GetModelName(), ModelVersion: m.GetModelVersion(), Id: m.GetId()}
		}
		if err := stream.Send(answer); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

// headersOf returns a call's metadata.
func headersOf(ctx context.Context) carrier {
	md, _ := metadata.FromIncomingContext(ctx)
	return headerOfMetadata(md)
}

// headerOfMetadata is metadata as traces read headers.
type headerOfMetadata metadata.MD

func (h headerOfMetadata) Get(key string) string {
	if list := metadata.MD(h).Get(key); len(list) > 0 {
		return list[0]
	}
	return ""
}
