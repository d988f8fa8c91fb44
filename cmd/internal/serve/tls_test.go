package serve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// writeCertificate writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func writeCertificate(t *testing.T, cert, key string, serial int64) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{key: {Type: "PRIVATE KEY", Bytes: privateDER}, cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// Both listeners speak TLS, and a certificate that was renewed is used without a new start.
func TestTLS(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	trusted := writeCertificate(t, cert, key, 1)
	config, err := OpenTLS(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.TLS = config })
	address := "https://" + strings.TrimPrefix(s.url, "http://")
	ask := func(trusted *x509.CertPool) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
		defer client.CloseIdleConnections()
		headers, body := binaryRequest(randomRows(2), "UINT8", 1)
		r, _ := http.NewRequest("POST", address+"/v2/models/m/infer", bytes.NewReader(body))
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
			return errors.Join(err, errors.New(response.Status))
		}
		return nil
	}
	if err := ask(trusted); err != nil {
		t.Error(err)
	}
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: trusted})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Invoke(t.Context(), "/"+pb.Name+"/ModelInfer", rpcRequest(randomRows(2)), &pb.ModelInferResponse{}); err != nil {
		t.Error(err)
	}
	c := &certificates{cert: cert, key: key}
	if err := c.read(); err != nil {
		t.Fatal(err)
	}
	before, _ := c.get(nil)
	writeCertificate(t, cert, key, 2)
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	c.looked = time.Time{}
	if after, _ := c.get(nil); after == before {
		t.Error("the renewed certificate is not used")
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.looked = time.Time{}
	if after, err := c.get(nil); after == nil || err != nil {
		t.Errorf("a half-written certificate: %v", err)
	}
}

// An open stream does not keep the server from its end.
func TestEndOfStreams(t *testing.T) {
	s := start(t, tiny(t))
	stream, err := dial(t, s.grpc).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+pb.Name+"/ModelStreamInfer")
	if err != nil {
		t.Fatal(err)
	}
	var answer pb.ModelStreamInferResponse
	if err := errors.Join(stream.SendMsg(rpcRequest(randomRows(1))), stream.RecvMsg(&answer)); err != nil || answer.ErrorMessage != "" {
		t.Fatal(err, answer.ErrorMessage)
	}
	s.stop()
	if err := stream.RecvMsg(&answer); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream's end: %v", err)
	}
	if err := <-s.ended; strings.Contains(err.Error(), "longer") {
		t.Error(err)
	}
}
