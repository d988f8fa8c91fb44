// Package serve answers requests for codes over the network: what `catvae serve` does.
//
// # Mental model
//
// A [Server] has a repository of models and two listeners, HTTP and gRPC, that say the same in two languages: the Open Inference Protocol,
// version 2, with what Triton's tools ask for besides. A request goes
//
//	listener ─> limits ─> decode ─> model ─> queue ─> batch ─> encode ─> answer
//	            body, requests      repository   batcher, of all requests
//	            at once, time
//
// What goes wrong has one table (status.go), from the error to HTTP's status and gRPC's code. Beside the protocol there are /v1/encode, which
// takes pictures as they are, /v1/search, and /metrics.
//
// # Its end
//
// When the context of [Server.Run] is done, the server says that it is not ready, takes no more connections, finishes what it accepted, and
// returns the context's error.
//
// # Packages
//
// batcher joins requests; oip is the protocol without a network; inferencepb its protobuf; repository holds what is served. Command-line
// flags are made in cmd/catvae.
package serve
