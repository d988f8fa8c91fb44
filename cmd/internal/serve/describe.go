package serve

import (
	"slices"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/internal/visible"
)

// What the server and its models say of themselves, as protobuf messages: gRPC sends them, and HTTP writes them as JSON.

// extensions are what the server has beside the protocol.
var extensions = []string{"binary_tensor_data", "model_configuration", "model_repository", "model_repository(unload_dependents)", "statistics"}

// platform is what the models are run by.
const platform = "catvae_bundle"

func (s *Server) describeServer() *pb.ServerMetadataResponse {
	return &pb.ServerMetadataResponse{Name: "catvae", Version: s.o.Version, Extensions: extensions}
}

// describe returns what a model takes and gives.
func (s *Server) describe(m *repository.Model) *pb.ModelMetadataResponse {
	d := &pb.ModelMetadataResponse{Name: m.Name, Versions: s.o.Repository.Versions(m.Name), Platform: platform}
	d.Inputs = append(d.Inputs, describeTensor(m.Input))
	for _, o := range m.Outputs {
		d.Outputs = append(d.Outputs, describeTensor(o))
	}
	return d
}

func describeTensor(s repository.Spec) *pb.ModelMetadataResponse_TensorMetadata {
	return &pb.ModelMetadataResponse_TensorMetadata{Name: s.Name, Datatype: string(s.Datatype), Shape: slices.Concat([]int64{-1}, s.Shape)}
}

// configure returns a model's configuration, as Triton would have it.
func configure(m *repository.Model) *pb.ModelConfig {
	c := &pb.ModelConfig{Name: m.Name, Platform: platform, Backend: "catvae", MaxBatchSize: int32(m.MaxRows()),
		VersionPolicy:   &pb.ModelVersionPolicy{PolicyChoice: &pb.ModelVersionPolicy_Latest_{Latest: &pb.ModelVersionPolicy_Latest{NumVersions: 1}}},
		DynamicBatching: &pb.ModelDynamicBatching{PreferredBatchSize: []int32{int32(m.MaxBatch())}, MaxQueueDelayMicroseconds: uint64(m.Delay().Microseconds())},
	}
	_, number := m.Input.Datatype.Config()
	c.Input = append(c.Input, &pb.ModelInput{Name: m.Input.Name, DataType: pb.DataType(number), Dims: m.Input.Shape})
	for _, o := range m.Outputs {
		_, number := o.Datatype.Config()
		c.Output = append(c.Output, &pb.ModelOutput{Name: o.Name, DataType: pb.DataType(number), Dims: o.Shape})
	}
	return c
}

// statistics returns what models did: one model's, or all where name is "".
func (s *Server) statistics(name, version string) ([]*pb.ModelStatistics, error) {
	if name != "" {
		m, err := s.o.Repository.Acquire(name, version)
		if err != nil {
			return nil, err
		}
		m.Release()
	}
	list := []*pb.ModelStatistics{}
	s.o.Repository.Each(func(m *repository.Model) {
		if (name == "" || name == m.Name) && (version == "" || version == m.Version) {
			list = append(list, statisticsOf(m))
		}
	})
	return list, nil
}

func statisticsOf(m *repository.Model) *pb.ModelStatistics {
	v := m.Stats.Read()
	of := func(d repository.Duration) *pb.StatisticDuration {
		return &pb.StatisticDuration{Count: d.Count, Ns: uint64(d.Took)}
	}
	list := &pb.ModelStatistics{Name: m.Name, Version: m.Version, InferenceCount: v.Rows, ExecutionCount: v.Runs, InferenceStats: &pb.InferStatistics{
		Success: of(v.Success), Fail: of(v.Fail), Queue: of(v.Queue), ComputeInput: of(v.Input), ComputeInfer: of(v.Infer), ComputeOutput: of(v.Output),
		CacheHit: &pb.StatisticDuration{}, CacheMiss: &pb.StatisticDuration{},
	}}
	if !v.Last.IsZero() {
		list.LastInference = uint64(v.Last.UnixMilli())
	}
	for _, b := range v.Batches {
		list.BatchStats = append(list.BatchStats, &pb.InferBatchStatistics{BatchSize: uint64(b.Rows), ComputeInput: of(b.Input), ComputeInfer: of(b.Infer), ComputeOutput: &pb.StatisticDuration{Count: b.Infer.Count}})
	}
	return list
}

// indexed returns the repository's index.
func (s *Server) indexed(readyOnly bool) []*pb.RepositoryIndexResponse_ModelIndex {
	list := []*pb.RepositoryIndexResponse_ModelIndex{}
	for _, e := range s.o.Repository.Index() {
		if !readyOnly || e.State == repository.Ready {
			list = append(list, &pb.RepositoryIndexResponse_ModelIndex{Name: e.Name, Version: e.Version, State: string(e.State), Reason: visible.Text(e.Reason)})
		}
	}
	return list
}
