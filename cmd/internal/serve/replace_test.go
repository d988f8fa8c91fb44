package serve

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// copyTo copies a bundle file by file, the manifest first, as no careful program would.
func copyTo(t *testing.T, to, from string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// codesOf returns the codes that a bundle makes of rows.
func codesOf(t *testing.T, dir string, rows []byte) []byte {
	t.Helper()
	m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	codes, err := m.EncodeBytes(t.Context(), nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// ask sends rows to a server until it is told to stop, and counts what is lost, or is no bundle's code.
func ask(ctx context.Context, t *testing.T, url string, rows []byte, known ...[]byte) (answered int, last []byte) {
	headers, body := binaryRequest(rows, "UINT8", 1)
	for ctx.Err() == nil {
		r, _ := http.NewRequest("POST", url+"/v2/models/m/infer", bytes.NewReader(body))
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("a request was lost: %v", err)
			return answered, last
		}
		var all bytes.Buffer
		_, err = all.ReadFrom(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 {
			t.Errorf("a request was lost: %d, %v, %s", response.StatusCode, err, all.Bytes())
			return answered, last
		}
		ok := false
		for _, codes := range known {
			ok = ok || bytes.HasSuffix(all.Bytes(), codes)
		}
		if !ok {
			t.Errorf("a code is neither bundle's")
		}
		answered++
		last = all.Bytes()[all.Len()-len(known[0]):]
	}
	return answered, last
}

// A bundle that is replaced under load, again and again, loses no request, and every code is one or the other bundle's. A broken one in its
// place changes nothing.
func TestReplacedUnderLoad(t *testing.T) {
	rows := randomRows(3)
	one, two, served := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two"), filepath.Join(t.TempDir(), "served")
	writeBundle(t, one, 1)
	writeBundle(t, two, 2)
	codes := [][]byte{codesOf(t, one, rows), codesOf(t, two, rows)}
	if bytes.Equal(codes[0], codes[1]) {
		t.Fatal("both bundles make the same codes: the test could not fail")
	}
	copyTo(t, served, one)
	s := start(t, served)
	watching, stopWatching := context.WithCancel(t.Context())
	defer stopWatching()
	go s.repo.Watch(watching)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var answered atomic.Int64
	for range 8 {
		wg.Go(func() {
			n, _ := ask(ctx, t, s.url, rows, codes...)
			answered.Add(int64(n))
		})
	}
	hash := func() string {
		m, err := s.repo.Acquire("m", "")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release()
		return m.Bundle().Hash
	}
	for i := range 4 {
		before := hash()
		copyTo(t, served, []string{two, one}[i%2])
		for deadline := time.Now().Add(20 * time.Second); hash() == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the new bundle does not come")
			}
		}
	}
	if err := os.WriteFile(filepath.Join(served, "encoder.onnx"), []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.repo.Index()[0].Reason, "encoder.onnx"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the broken bundle is not reported")
		}
	}
	if e := s.repo.Index()[0]; e.State != repository.Ready {
		t.Errorf("beside a broken bundle the old one is %s", e.State)
	}
	stop()
	wg.Wait()
	t.Logf("%d requests", answered.Load())
	if answered.Load() == 0 {
		t.Error("there was no load")
	}
}

// Versions come and go, by folder and by call.
func TestVersions(t *testing.T) {
	rows := randomRows(3)
	models, one, two := t.TempDir(), filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	writeBundle(t, one, 1)
	writeBundle(t, two, 2)
	codes := [][]byte{codesOf(t, one, rows), codesOf(t, two, rows)}
	copyTo(t, filepath.Join(models, "m", "1"), one)
	s := start(t, "", func(_ *Options, r *repository.Options) { r.Bundles, r.Folder, r.Versions = nil, models, 2 })
	served := func(version string, code int, want []byte) {
		t.Helper()
		headers, body := binaryRequest(rows, "UINT8", 1)
		path := "/v2/models/m"
		if version != "" {
			path += "/versions/" + version
		}
		got, _, answer := do(t, "POST", s.url+path+"/infer", headers, bytes.NewReader(body))
		if got != code || code == 200 && !bytes.HasSuffix(answer, want) {
			t.Errorf("version %q: %d, want %d: %s", version, got, code, answer)
		}
	}
	sync := func() {
		t.Helper()
		if err := s.repo.Sync(t.Context()); err != nil {
			t.Error(err)
		}
	}
	served("", 200, codes[0])
	copyTo(t, filepath.Join(models, "m", "2"), two)
	sync()
	served("", 200, codes[1])
	served("1", 200, codes[0])
	copyTo(t, filepath.Join(models, "m", "10"), one)
	sync()
	served("", 200, codes[0])
	served("1", 404, nil) // only two are served
	if err := os.RemoveAll(filepath.Join(models, "m", "10")); err != nil {
		t.Fatal(err)
	}
	sync()
	served("", 200, codes[1])
	served("1", 200, codes[0])
	if err := os.Mkdir(filepath.Join(models, "m", "3"), fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	if err := s.repo.Sync(t.Context()); err == nil {
		t.Error("an empty version was loaded")
	}
	served("", 200, codes[1])
	if code, _, got := do(t, "POST", s.url+"/v2/repository/models/m/unload", nil, nil); code != 200 {
		t.Errorf("unload: %s", got)
	}
	sync()
	served("", 404, nil)
	if code, _, _ := do(t, "GET", s.url+"/v2/models/m/ready", nil, nil); code != 404 {
		t.Errorf("an unloaded model is ready: %d", code)
	}
	if err := os.Remove(filepath.Join(models, "m", "3")); err != nil {
		t.Fatal(err)
	}
	if code, _, got := do(t, "POST", s.url+"/v2/repository/models/m/load", nil, nil); code != 200 {
		t.Errorf("load: %s", got)
	}
	served("", 200, codes[1])
	if err := os.RemoveAll(filepath.Join(models, "m")); err != nil {
		t.Fatal(err)
	}
	sync()
	served("", 404, nil)
	copyTo(t, filepath.Join(models, "m-encoder"), one) // would have a model of m's names
	copyTo(t, filepath.Join(models, "m"), one)
	if err := s.repo.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("two bundles have a model of one name: %v", err)
	}
}
