package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// writeMessage answers by a message as JSON: names as they are in the schema, numbers as numbers, which protobuf's own JSON writes as text.
func (s *Server) writeMessage(w http.ResponseWriter, m proto.Message) error {
	return s.write(w, asJSON(m.ProtoReflect()))
}

// asJSON returns a message as what encoding/json writes. Every field is there, except for messages that are not.
func asJSON(m protoreflect.Message) any {
	object := map[string]any{}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Message() != nil && !f.IsList() && !f.IsMap() && !m.Has(f) {
			continue
		}
		v := m.Get(f)
		if !f.IsList() {
			object[string(f.Name())] = scalar(f, v)
			continue
		}
		list := []any{}
		for j := range v.List().Len() {
			list = append(list, scalar(f, v.List().Get(j)))
		}
		object[string(f.Name())] = list
	}
	return object
}

func scalar(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case f.Message() != nil:
		return asJSON(v.Message())
	case f.Enum() != nil:
		return string(f.Enum().Values().ByNumber(v.Enum()).Name())
	}
	return v.Interface()
}

func (s *Server) serverMetadata(w http.ResponseWriter, r *http.Request) error {
	return s.writeMessage(w, s.describeServer())
}

// with calls f with the model that a path names.
func (s *Server) with(r *http.Request, f func(m *repository.Model) error) error {
	m, err := s.o.Repository.Acquire(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer m.Release()
	return f(m)
}

func (s *Server) modelMetadata(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(m *repository.Model) error { return s.writeMessage(w, s.describe(m)) })
}

func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) error {
	if !s.ready.Load() {
		return errEnding
	}
	return s.with(r, func(m *repository.Model) error {
		return s.write(w, map[string]any{"name": m.Name, "ready": true})
	})
}

func (s *Server) modelConfig(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(m *repository.Model) error { return s.writeMessage(w, configure(m)) })
}

func (s *Server) modelStats(w http.ResponseWriter, r *http.Request) error {
	list, err := s.statistics(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	return s.writeMessage(w, &pb.ModelStatisticsResponse{ModelStats: list})
}

// index answers POST /v2/repository/index: an array.
func (s *Server) index(w http.ResponseWriter, r *http.Request) error {
	var request struct {
		Ready bool `json:"ready"`
	}
	if err := s.small(w, r, &request); err != nil {
		return err
	}
	list := []any{}
	for _, e := range s.indexed(request.Ready) {
		list = append(list, asJSON(e.ProtoReflect()))
	}
	return s.write(w, list)
}

// small reads a body of a few lines of JSON, or none.
func (s *Server) small(w http.ResponseWriter, r *http.Request, into any) error {
	data, err := readAll(http.MaxBytesReader(w, r.Body, 1<<20), nil, 1<<20)
	if err != nil {
		return readError(err)
	}
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: the body is not the JSON that it should be: %w", oip.ErrRequest, err)
	}
	return nil
}

func (s *Server) load(w http.ResponseWriter, r *http.Request) error {
	var request struct {
		Parameters map[string]any `json:"parameters"`
	}
	if err := s.small(w, r, &request); err != nil {
		return err
	}
	if err := s.loadModel(r.Context(), r.PathValue("model"), len(request.Parameters)); err != nil {
		return err
	}
	return s.write(w, map[string]any{})
}

// loadModel loads a bundle from its folder.
func (s *Server) loadModel(ctx context.Context, name string, parameters int) error {
	if parameters > 0 {
		return fmt.Errorf("%w: a bundle is loaded from its folder, without parameters", oip.ErrRequest)
	}
	// A load that has begun goes on when who asked for it goes away.
	return s.o.Repository.Load(context.WithoutCancel(ctx), name)
}

func (s *Server) unload(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Repository.Unload(r.PathValue("model")); err != nil {
		return err
	}
	return s.write(w, map[string]any{})
}
