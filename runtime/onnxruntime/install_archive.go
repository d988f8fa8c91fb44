package onnxruntime

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const lockRetry = 200 * time.Millisecond

// releases is where the onnxruntime project publishes its archives.
const releases = "https://github.com/microsoft/onnxruntime/releases/download/v" + Version + "/"

// fromArchive fetches the project's release archive. Where the network is closed, the connection ends after seconds and
// the next source has its turn.
func (p platform) fromArchive(ctx context.Context, tmp string) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
	}, Timeout: 10 * time.Minute}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, releases+p.archive, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	file := filepath.Join(tmp, p.archive)
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, io.LimitReader(response.Body, maxLibrary))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(p.archive, ".zip") {
		return fromZip(file, p.fileName)
	}
	return fromTar(file, p.fileName)
}
