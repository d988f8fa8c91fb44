package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// writeBundle writes the bundle of an untrained model of pictures of 3x2, whose weights come from a seed.
func writeBundle(t testing.TB, dir string, seed uint64) { writeModel(t, dir, seed, []int{3, 2}, 4, 11) }

// writeModel writes the bundle of an untrained model with a layer of so many units, and so many bits.
func writeModel(t testing.TB, dir string, seed uint64, shape []int, units, bits int) {
	t.Helper()
	m := builder.Model{
		Input: shape, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: bits, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{units}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}
	params, err := builder.NewParams(tensor.Float32, seed)
	if err != nil {
		t.Fatal(err)
	}
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
}

// A running is a server under test.
type running struct {
	*Server
	url, grpc string
	repo      *repository.Repository
	stop      context.CancelFunc
	ended     chan error
}

// start serves the bundle m of a folder.
func start(t testing.TB, dir string, change ...func(*Options, *repository.Options)) *running {
	t.Helper()
	o := Options{MaxBody: 1 << 20, MaxRequests: 64, Timeout: 10 * time.Second, ReadTimeout: 5 * time.Second, Drain: 10 * time.Second, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	ro := repository.Options{Bundles: map[string]string{"m": dir}, Versions: 1, MaxRows: 100, MaxBatch: 32, QueueRows: 1000, Slots: batcher.NewSlots(2),
		Open: []runtime.Option{runtime.WithBackend(ortest.Backend(t, onnxruntime.WithThreads(1)))}, Poll: 100 * time.Millisecond, Grace: 10 * time.Second, Log: o.Log}
	for _, c := range change {
		c(&o, &ro)
	}
	o.Repository = repository.New(ro)
	if err := o.Repository.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	http, grpc := listen(), listen()
	s.Listen(http, grpc)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, url: "http://" + http.Addr().String(), grpc: grpc.Addr().String(), repo: o.Repository, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := o.Repository.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// tiny returns the folder of a bundle.
func tiny(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "bundle")
	writeBundle(t, dir, 1)
	return dir
}

// do sends a request and returns its status, headers and body.
func do(t testing.TB, method, url string, headers map[string]string, body io.Reader) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, data
}

// binaryRequest is a request of rows as binary data.
func binaryRequest(rows []byte, of string, size int) (map[string]string, []byte) {
	text := fmt.Sprintf(`{"id":"a","parameters":{"binary_data_output":true},"inputs":[{"name":"sample","shape":[%d,3,2],"datatype":%q,"parameters":{"binary_data_size":%d}}]}`, len(rows)/6/size, of, len(rows))
	return map[string]string{headerLength: strconv.Itoa(len(text))}, append([]byte(text), rows...)
}

func randomRows(n int) []byte {
	rows := make([]byte, 6*n)
	for i := range rows {
		rows[i] = byte(37*i + 11*n)
	}
	return rows
}

// Codes are those of the model itself, whichever way they are asked for.
func TestInfer(t *testing.T) {
	dir := tiny(t)
	s := start(t, dir)
	model, err := runtime.Open(t.Context(), dir, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	rows := randomRows(70) // more than a batch
	want, err := model.EncodeBytes(t.Context(), nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	headers, body := binaryRequest(rows, "UINT8", 1)
	code, h, got := do(t, "POST", s.url+"/v2/models/m/infer", headers, bytes.NewReader(body))
	n, _ := strconv.Atoi(h.Get(headerLength))
	if code != 200 || !bytes.Equal(got[n:], want) || !strings.Contains(string(got[:n]), `"id":"a"`) {
		t.Errorf("bytes: %d, %s", code, got[:n])
	}
	var floats []byte
	var list []string
	table := model.Manifest().Input.Values().Table()
	for _, b := range rows {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(table[b]))
		list = append(list, fmt.Sprint(table[b]))
	}
	headers, body = binaryRequest(floats, "FP32", 4)
	code, h, got = do(t, "POST", s.url+"/v2/models/m/versions/1/infer", headers, bytes.NewReader(body))
	if n, _ = strconv.Atoi(h.Get(headerLength)); code != 200 || !bytes.Equal(got[n:], want) {
		t.Errorf("floats: %d, %s", code, got)
	}
	text := `{"inputs":[{"name":"sample","shape":[70,3,2],"datatype":"FP32","data":[` + strings.Join(list, ",") + `]}]}`
	code, _, got = do(t, "POST", s.url+"/v2/models/m/infer", nil, strings.NewReader(text))
	var answer struct{ Outputs []struct{ Data []float32 } }
	if err := json.Unmarshal(got, &answer); err != nil || code != 200 || len(answer.Outputs) != 1 {
		t.Fatalf("JSON: %d, %v, %s", code, err, got)
	}
	for i, b := range want {
		if answer.Outputs[0].Data[i] != float32(b) {
			t.Fatalf("JSON: byte %d is %g, want %d", i, answer.Outputs[0].Data[i], b)
		}
	}
	chain(t, s.url, text, want)
}

// chain sends rows through the three graphs.
func chain(t *testing.T, url, text string, want []byte) {
	type tensors struct {
		Inputs []map[string]any `json:"inputs,omitempty"`
		// Outputs are maps, so that they can be sent on.
		Outputs []map[string]any `json:"outputs,omitempty"`
	}
	send := func(model, text string) (answer tensors) {
		code, _, got := do(t, "POST", url+"/v2/models/"+model+"/infer", nil, strings.NewReader(text))
		if err := json.Unmarshal(got, &answer); err != nil || code != 200 {
			t.Fatalf("%s: %d, %v, %s", model, code, err, got)
		}
		return answer
	}
	next := func(a tensors, output int) string {
		text, _ := json.Marshal(tensors{Inputs: a.Outputs[output : output+1]})
		return string(text)
	}
	a := send("m-threshold", next(send("m-encoder", text), 0))
	packed := a.Outputs[1]["data"].([]any)
	if !slices.EqualFunc(packed, want, func(x any, b byte) bool { return x == float64(b) }) {
		t.Errorf("encoder and threshold: %v, want %v", packed, want)
	}
	if a = send("m-decoder", next(a, 0)); a.Outputs[0]["name"] != "reconstruction" || len(a.Outputs[1]["data"].([]any)) != 70*6 {
		t.Errorf("decoder: %v", a)
	}
}

// What is wrong with a request is said with its status.
func TestStatuses(t *testing.T) {
	s := start(t, tiny(t))
	nan := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	nanHeaders, nanBody := binaryRequest(append(make([]byte, 24+8), slices.Concat(nan, make([]byte, 12))...), "FP32", 4)
	nanLogits := `{"inputs":[{"name":"latent_logits","shape":[1,11],"datatype":"FP32","parameters":{"binary_data_size":44}}]}`
	manyHeaders, manyBody := binaryRequest(make([]byte, 6*101), "UINT8", 1)
	good := `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`
	for name, c := range map[string]struct {
		method, path string
		headers      map[string]string
		body         string
		code         int
		want         string
	}{
		"good":             {"POST", "/v2/models/m/infer", nil, good, 200, "packed_code"},
		"one output":       {"POST", "/v2/models/m-threshold/infer", nil, `{"inputs":[{"name":"latent_logits","shape":[1,11],"datatype":"FP32","data":[1,1,1,1,1,1,1,1,1,1,1]}],"outputs":[{"name":"packed_code"}]}`, 200, `"data":[255,224]`},
		"live":             {"GET", "/v2/health/live", nil, "", 200, "live"},
		"ready":            {"GET", "/v2/health/ready", nil, "", 200, "ready"},
		"server":           {"GET", "/v2", nil, "", 200, "binary_tensor_data"},
		"metadata":         {"GET", "/v2/models/m", nil, "", 200, `"shape":[-1,3,2]`},
		"metadata, decode": {"GET", "/v2/models/m-decoder/versions/1", nil, "", 200, `reconstruction_logits`},
		"model ready":      {"GET", "/v2/models/m/ready", nil, "", 200, "true"},
		"config":           {"GET", "/v2/models/m/config", nil, "", 200, `"data_type":"TYPE_UINT8"`},
		"stats":            {"GET", "/v2/models/m/stats", nil, "", 200, `"inference_count":`},
		"all stats":        {"GET", "/v2/models/stats", nil, "", 200, `m-threshold`},
		"index":            {"POST", "/v2/repository/index", nil, "", 200, `"state":"READY"`},
		"metrics":          {"GET", "/metrics", nil, "", 200, `nv_inference_request_success{model="m",version="1"}`},
		"no model":         {"POST", "/v2/models/x/infer", nil, good, 404, `unknown model \"x\"`},
		"no version":       {"POST", "/v2/models/m/versions/7/infer", nil, good, 404, "the newest is 1"},
		"no path":          {"GET", "/v3", nil, "", 404, "docs/serve.md"},
		"method":           {"GET", "/v2/models/m/infer", nil, "", 404, "method"},
		"no JSON":          {"POST", "/v2/models/m/infer", nil, "rows", 400, "JSON"},
		"shape":            {"POST", "/v2/models/m/infer", nil, `{"inputs":[{"name":"sample","shape":[1,6],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`, 400, `[1 6], the model m takes [-1 3 2]`},
		"no rows":          {"POST", "/v2/models/m/infer", nil, `{"inputs":[{"name":"sample","shape":[0,3,2],"datatype":"UINT8","data":[]}]}`, 400, "at least 1"},
		"input's name":     {"POST", "/v2/models/m/infer", nil, `{"inputs":[{"name":"x","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`, 400, `takes one input, \"sample\"`},
		"datatype":         {"POST", "/v2/models/m-encoder/infer", nil, good, 400, `as FP32, not as \"UINT8\"`},
		"output's name":    {"POST", "/v2/models/m/infer", nil, good[:len(good)-1] + `,"outputs":[{"name":"code"}]}`, 400, `it has packed_code`},
		"NaN":              {"POST", "/v2/models/m/infer", nanHeaders, string(nanBody), 400, "row 1, column 2 is NaN"},
		"out of range":     {"POST", "/v2/models/m/infer", nil, `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"FP32","data":[0,0,0,0,0,2]}]}`, 400, "row 0, column 5 is 2"},
		"NaN, logits":      {"POST", "/v2/models/m-threshold/infer", map[string]string{headerLength: strconv.Itoa(len(nanLogits))}, nanLogits + string(nan) + strings.Repeat("\x00", 40), 400, "row 0, column 0 is NaN"},
		"bad code":         {"POST", "/v2/models/m-decoder/infer", nil, `{"inputs":[{"name":"code","shape":[1,11],"datatype":"FP32","data":[0,0,0,0,0,0,0,0,0,0,3]}]}`, 400, "number 10 is 3"},
		"too many rows":    {"POST", "/v2/models/m/infer", manyHeaders, string(manyBody), 400, "--max-rows"},
		"header length":    {"POST", "/v2/models/m/infer", map[string]string{headerLength: "1000"}, good, 400, headerLength},
		"large":            {"POST", "/v2/models/m/infer", nil, strings.Repeat(" ", 1<<20+1), 413, "--max-body"},
		"encoding":         {"POST", "/v2/models/m/infer", map[string]string{"Content-Encoding": "br"}, good, 415, "gzip"},
		"not packed":       {"POST", "/v2/models/m/infer", map[string]string{"Content-Encoding": "gzip"}, good, 400, "not packed"},
		"no picture":       {"POST", "/v1/encode", nil, "picture", 400, "picture 0"},
		"empty picture":    {"POST", "/v1/encode", nil, "", 400, "empty"},
		"text":             {"POST", "/v1/encode", map[string]string{"Content-Type": "text/plain"}, "picture", 415, "multipart"},
		"a part":           {"POST", "/v1/encode?model=m-decoder", nil, "picture", 400, "name the bundle"},
		"no index":         {"POST", "/v1/search", nil, "picture", 404, "--index"},
		"load":             {"POST", "/v2/repository/models/m/load", nil, "", 200, ""},
		"load a part":      {"POST", "/v2/repository/models/m-encoder/load", nil, "", 404, "a part of the bundle m"},
		"load with config": {"POST", "/v2/repository/models/m/load", nil, `{"parameters":{"config":"{}"}}`, 400, "without parameters"},
		"unload unknown":   {"POST", "/v2/repository/models/x/unload", nil, "", 404, "no such bundle"},
	} {
		code, _, got := do(t, c.method, s.url+c.path, c.headers, strings.NewReader(c.body))
		if code != c.code || !strings.Contains(string(got), c.want) {
			t.Errorf("%s: %d, want %d and %q: %s", name, code, c.code, c.want, got)
		}
		if code >= 400 && (!json.Valid(got) || !strings.HasPrefix(string(got), `{"error":`)) {
			t.Errorf("%s: the error is not the protocol's: %s", name, got)
		}
	}
}

// A token is asked for everywhere except for health.
func TestToken(t *testing.T) {
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.Token = "secret" })
	for _, c := range []struct {
		path, header string
		code         int
	}{
		{"/v2/health/ready", "", 200}, {"/v2/health/live", "", 200},
		{"/v2/models/m", "", 401}, {"/v2/models/m", "Bearer other!", 401}, {"/v2/models/m", "Basic secret", 401}, {"/v2/models/m", "Bearer secret", 200}, {"/v2/models/m", "bearer secret", 200}, {"/metrics", "", 401},
	} {
		if code, _, got := do(t, "GET", s.url+c.path, map[string]string{"Authorization": c.header}, nil); code != c.code {
			t.Errorf("%s with %q: %d, want %d: %s", c.path, c.header, code, c.code, got)
		}
	}
}

// Whoever finds no place is told to come again.
func TestBusy(t *testing.T) {
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.MaxRequests = 1 })
	slow, w := io.Pipe()
	ended := make(chan int)
	go func() {
		code, _, _ := do(t, "POST", s.url+"/v2/models/m/infer", nil, slow)
		ended <- code
	}()
	for len(s.slots) == 0 {
		time.Sleep(time.Millisecond)
	}
	code, h, got := do(t, "POST", s.url+"/v2/models/m/infer", nil, strings.NewReader("{}"))
	if code != 503 || h.Get("Retry-After") != "1" {
		t.Errorf("%d, %v: %s", code, h, got)
	}
	if _, err := io.WriteString(w, `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`); err != nil {
		t.Error(err)
	}
	w.Close()
	if code := <-ended; code != 200 {
		t.Errorf("the first request: %d", code)
	}
}

// A client that sends slowly is cut off, and one that goes away leaves nothing behind.
func TestSlowAndGone(t *testing.T) {
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.ReadTimeout = 200 * time.Millisecond })
	slow, _ := io.Pipe()
	defer slow.Close()
	if code, _, got := do(t, "POST", s.url+"/v2/models/m/infer", nil, slow); code != 408 {
		t.Errorf("slow: %d, %s", code, got)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	conn.Close()
	for deadline := time.Now().Add(5 * time.Second); len(s.slots) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a request of nobody is still there")
		}
	}
}

// Requests that were accepted before the end are finished, and the server says that it is not ready.
func TestEnd(t *testing.T) {
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.Leave = 500 * time.Millisecond })
	slow, w := io.Pipe()
	ended := make(chan int)
	go func() {
		code, _, _ := do(t, "POST", s.url+"/v2/models/m/infer", nil, slow)
		ended <- code
	}()
	for len(s.slots) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.stop()
	for s.ready.Load() {
		time.Sleep(time.Millisecond)
	}
	if code, h, _ := do(t, "GET", s.url+"/v2/health/ready", nil, nil); code != 503 || h.Get("Retry-After") == "" {
		t.Errorf("ready while it ends: %d", code)
	}
	time.Sleep(600 * time.Millisecond)
	if _, err := io.WriteString(w, `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`); err != nil {
		t.Error(err)
	}
	w.Close()
	if code := <-ended; code != 200 {
		t.Errorf("the accepted request: %d", code)
	}
	if err := <-s.ended; !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "longer") {
		t.Errorf("the server ended with %v", err)
	}
}

// Memory that was packed small does not grow beyond the limit.
func TestBomb(t *testing.T) {
	s := start(t, tiny(t))
	code, _, got := do(t, "POST", s.url+"/v2/models/m/infer", map[string]string{"Content-Encoding": "gzip"}, bytes.NewReader(packedZeros(t, 100<<20)))
	if code != 413 {
		t.Errorf("%d: %s", code, got)
	}
	want := `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`
	if code, _, got := do(t, "POST", s.url+"/v2/models/m/infer", map[string]string{"Content-Encoding": "gzip"}, bytes.NewReader(packed(t, []byte(want)))); code != 200 {
		t.Errorf("%d: %s", code, got)
	}
}

// TLS files are read, and what they hold is used by both listeners.
func TestOpenTLSRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cert"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTLS(filepath.Join(dir, "cert"), filepath.Join(dir, "cert")); err == nil || !strings.Contains(err.Error(), "--tls-cert") {
		t.Error(err)
	}
}
