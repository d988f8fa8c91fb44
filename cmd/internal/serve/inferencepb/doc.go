// Package inferencepb is the protobuf of the Open Inference Protocol's gRPC service, inference.GRPCInferenceService, as Go types.
//
// inference.proto has the messages that KServe publishes (open_inference_grpc.proto), and Triton's additions that its clients call: model
// configuration, statistics, the repository, streams, raw contents. Names and field numbers are theirs, which bench/serve/schema.py compares with
// those of tritonclient; what no model of ours has is left out, and is unknown on the wire. The service itself has few lines, in [Describe], instead of
// generated ones.
package inferencepb

//go:generate go run ../../../../internal/gen/protogo inference.proto github.com/catvae/catvae/cmd/internal/serve/inferencepb
