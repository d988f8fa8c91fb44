package inferencepb

import (
	"context"

	"google.golang.org/grpc"
)

// Name is the service's name.
const Name = "inference.GRPCInferenceService"

// A Stream is a call of ModelStreamInfer: each request gets a response, in order.
type Stream interface {
	Context() context.Context
	Recv() (*ModelInferRequest, error)
	Send(*ModelStreamInferResponse) error
}

// A Server answers the service's calls.
type Server interface {
	ServerLive(context.Context, *ServerLiveRequest) (*ServerLiveResponse, error)
	ServerReady(context.Context, *ServerReadyRequest) (*ServerReadyResponse, error)
	ModelReady(context.Context, *ModelReadyRequest) (*ModelReadyResponse, error)
	ServerMetadata(context.Context, *ServerMetadataRequest) (*ServerMetadataResponse, error)
	ModelMetadata(context.Context, *ModelMetadataRequest) (*ModelMetadataResponse, error)
	ModelInfer(context.Context, *ModelInferRequest) (*ModelInferResponse, error)
	ModelStreamInfer(Stream) error
	ModelConfig(context.Context, *ModelConfigRequest) (*ModelConfigResponse, error)
	ModelStatistics(context.Context, *ModelStatisticsRequest) (*ModelStatisticsResponse, error)
	RepositoryIndex(context.Context, *RepositoryIndexRequest) (*RepositoryIndexResponse, error)
	RepositoryModelLoad(context.Context, *RepositoryModelLoadRequest) (*RepositoryModelLoadResponse, error)
	RepositoryModelUnload(context.Context, *RepositoryModelUnloadRequest) (*RepositoryModelUnloadResponse, error)
}

// Describe returns the service's description, for [grpc.Server.RegisterService].
func Describe() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: Name, HandlerType: (*Server)(nil), Metadata: "inference.proto",
		Methods: []grpc.MethodDesc{
			unary("ServerLive", Server.ServerLive),
			unary("ServerReady", Server.ServerReady),
			unary("ModelReady", Server.ModelReady),
			unary("ServerMetadata", Server.ServerMetadata),
			unary("ModelMetadata", Server.ModelMetadata),
			unary("ModelInfer", Server.ModelInfer),
			unary("ModelConfig", Server.ModelConfig),
			unary("ModelStatistics", Server.ModelStatistics),
			unary("RepositoryIndex", Server.RepositoryIndex),
			unary("RepositoryModelLoad", Server.RepositoryModelLoad),
			unary("RepositoryModelUnload", Server.RepositoryModelUnload),
		},
		Streams: []grpc.StreamDesc{{StreamName: "ModelStreamInfer", ServerStreams: true, ClientStreams: true, Handler: func(s any, stream grpc.ServerStream) error {
			return s.(Server).ModelStreamInfer(&grpc.GenericServerStream[ModelInferRequest, ModelStreamInferResponse]{ServerStream: stream})
		}}},
	}
}

// unary describes a call of one request and one response.
func unary[Q, R any](name string, call func(Server, context.Context, *Q) (*R, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(s any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		in := new(Q)
		if err := decode(in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, in any) (any, error) { return call(s.(Server), ctx, in.(*Q)) }
		if intercept == nil {
			return handle(ctx, in)
		}
		return intercept(ctx, in, &grpc.UnaryServerInfo{Server: s, FullMethod: "/" + Name + "/" + name}, handle)
	}}
}
