package serve

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
	"github.com/catvae/catvae/runtime"
)

// encoded are packed codes, and what they are called.
type encoded struct {
	names []string
	codes []byte
	bytes int // of a code
}

// encode answers POST /v1/encode: pictures, as multipart or one as the body, become codes.
func (s *Server) encode(w http.ResponseWriter, r *http.Request) error {
	m, err := s.bundleOf(r)
	if err != nil {
		return err
	}
	defer m.Release()
	ctx, cancel := s.within(r)
	defer cancel()
	e, err := s.pictures(ctx, w, r, m)
	if err != nil {
		return err
	}
	if accepts(r, "application/octet-stream") {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(e.codes) // who does not read it learns nothing
		return nil
	}
	text, err := textOf(r.URL.Query().Get("encoding"))
	if err != nil {
		return err
	}
	type code struct {
		Name string `json:"name,omitempty"`
		Code string `json:"code"`
	}
	list := []code{}
	for i, name := range e.names {
		list = append(list, code{visible.Text(name), text(e.codes[i*e.bytes:][:e.bytes])})
	}
	return s.write(w, map[string]any{
		"model": m.Name, "version": m.Version, "hash": m.Bundle().Hash, "bits": m.Bundle().Model().Manifest().Latent.Bits(), "codes": list,
	})
}

// bundleOf acquires the model that encodes, of the bundle that a request names: the only one where it names none.
func (s *Server) bundleOf(r *http.Request) (*repository.Model, error) {
	q := r.URL.Query()
	name := q.Get("model")
	if name == "" {
		only, err := s.o.Repository.Only()
		if err != nil {
			return nil, err
		}
		name = only
	}
	m, err := s.o.Repository.Acquire(name, q.Get("version"))
	if err == nil && m.Name != m.Bundle().Name {
		m.Release()
		return nil, fmt.Errorf("%w: %s is a part of a bundle: name the bundle, %s", oip.ErrRequest, m.Name, m.Bundle().Name)
	}
	return m, err
}

// accepts reports whether a request asks for a type by its name.
func accepts(r *http.Request, want string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if of, _, err := mime.ParseMediaType(part); err == nil && of == want {
			return true
		}
	}
	return false
}

// textOf returns how codes are written.
func textOf(encoding string) (func([]byte) string, error) {
	switch encoding {
	case "", "hex":
		return hex.EncodeToString, nil
	case "base64":
		return base64.StdEncoding.EncodeToString, nil
	}
	return nil, fmt.Errorf("%w: encoding %.40q: use hex or base64", oip.ErrRequest, encoding)
}

// pictures encodes the pictures of a request.
func (s *Server) pictures(ctx context.Context, w http.ResponseWriter, r *http.Request, m *repository.Model) (*encoded, error) {
	model := m.Bundle().Model()
	rule, err := model.Pictures()
	if err != nil {
		return nil, err
	}
	files, err := s.files(w, r, m.MaxRows())
	if err != nil {
		return nil, err
	}
	e := &encoded{bytes: model.Manifest().Latent.PackedBytes()}
	rows := make([]byte, len(files)*rule.Size())
	for i, f := range files {
		if err := rule.Decode(ctx, rows[i*rule.Size():][:rule.Size()], f.data); errors.Is(err, picture.ErrBad) {
			return nil, fmt.Errorf("%w: %s: %w", runtime.ErrInput, f.describe(i), err)
		} else if err != nil {
			return nil, err
		}
		e.names = append(e.names, f.name)
	}
	result, err := m.Run(ctx, oip.UINT8, rows, 1)
	if err != nil {
		return nil, err
	}
	e.codes = result.Outputs[0]
	return e, nil
}

// A file is a picture that was sent.
type file struct {
	name string
	data []byte
}

func (f file) describe(i int) string {
	if f.name == "" {
		return fmt.Sprintf("picture %d", i)
	}
	return fmt.Sprintf("picture %d, %.100q", i, f.name)
}

// files returns the files of a request: each part of a multipart body, or the body.
func (s *Server) files(w http.ResponseWriter, r *http.Request, most int) ([]file, error) {
	of, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, fmt.Errorf("%w: Content-Type: %w", errType, err)
	}
	if of != "multipart/form-data" {
		if of != "" && of != "application/octet-stream" && !strings.HasPrefix(of, "image/") && of != "application/x-www-form-urlencoded" {
			return nil, fmt.Errorf("%w, %.100q: send a picture as it is, or several as multipart/form-data", errType, of)
		}
		b, err := s.readBody(w, r)
		if err != nil {
			return nil, err
		}
		defer b.free()
		if len(b.data) == 0 {
			return nil, fmt.Errorf("%w: the body is empty: send a picture (curl --data-binary @FILE, or -F picture=@FILE)", oip.ErrRequest)
		}
		return []file{{"", slices.Clone(b.data)}}, nil
	}
	if r.ContentLength > s.o.MaxBody {
		return nil, readError(&http.MaxBytesError{Limit: s.o.MaxBody})
	}
	return readParts(multipart.NewReader(http.MaxBytesReader(w, r.Body, s.o.MaxBody), parameters["boundary"]), most)
}

// readParts reads the files of a multipart body.
func readParts(parts *multipart.Reader, most int) (files []file, err error) {
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			if len(files) == 0 {
				return nil, fmt.Errorf("%w: the body has no files", oip.ErrRequest)
			}
			return files, nil
		}
		if err != nil {
			return nil, readError(err)
		}
		if len(files) == most {
			return nil, fmt.Errorf("%w: more than %d pictures (--max-rows)", oip.ErrRequest, most)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, readError(err)
		}
		name := part.FileName()
		if name == "" {
			name = part.FormName()
		}
		files = append(files, file{name, data})
	}
}
