package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// maxConfig is the largest configuration that is read: names of columns are most of it, see mostNames.
const maxConfig = 8 << 20

// sealKey is the last key of a run's config.json: the SHA-256 of the object without it, as compact JSON.
const sealKey = `,"sha256":"`

// sealConfig returns the content of config.json.
func sealConfig(c Config) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("train: configuration: %w", err)
	}
	sealed := append(bytes.TrimSuffix(bytes.Clone(text), []byte("}")), sealKey+hashOf(text)+`"}`...)
	var out bytes.Buffer
	if err := json.Indent(&out, sealed, "", "  "); err != nil {
		return nil, fmt.Errorf("train: configuration: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

// checkSeal reports a configuration that is not what its last key says. One without that key is by an earlier version, or
// a person's.
func checkSeal(text []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return err
	}
	var seal struct {
		SHA256 *string `json:"sha256"`
	}
	if err := json.Unmarshal(text, &seal); err != nil {
		return err
	}
	if seal.SHA256 == nil {
		return nil
	}
	body, ok := bytes.CutSuffix(compact.Bytes(), []byte(sealKey+*seal.SHA256+`"}`))
	if !ok || hashOf(append(body, '}')) != *seal.SHA256 {
		return errors.New("its SHA-256 is not the one that its last key says (whoever changes the file leaves that key out)")
	}
	return nil
}

// isSealed reports the configuration of a run.
func isSealed(text []byte) bool {
	var seal struct {
		SHA256 *string `json:"sha256"`
	}
	return json.Unmarshal(text, &seal) == nil && seal.SHA256 != nil
}

// RunConfig returns the configuration of the run in a folder, with the names of its graphs as paths. A folder without one is
// fs.ErrNotExist; one that is damaged is an [ErrResume].
func RunConfig(dir string) (Config, error) {
	c, _, err := readRunConfig(dir)
	if err != nil {
		return c, err
	}
	for _, part := range []*builder.NetworkConfig{&c.Encoder, &c.Decoder} {
		if o, ok := part.Network.(builder.ONNX); ok && o.Graph != "" {
			if err := checkGraph(dir, o.Graph); err != nil {
				return c, err
			}
			o.Graph = filepath.Join(dir, filepath.FromSlash(o.Graph))
			part.Network = o
		}
	}
	return c, nil
}

// checkGraph reports a graph of a run that is not the one that the run began with: its name holds the start of its SHA-256.
func checkGraph(dir, name string) error {
	local, err := readfile.Local(name)
	if err != nil {
		return fmt.Errorf("train: the configuration of %s: graph %w", dir, err)
	}
	path := filepath.Join(dir, local)
	data, err := readfile.Bytes(path, maxGraph)
	if err != nil {
		return fmt.Errorf("train: graph of the run: %w", err)
	}
	if strings.HasPrefix(name, graphsDir+"/") && !strings.HasSuffix(name, "-"+hashOf(data)[:12]+".onnx") {
		return fmt.Errorf("train: %s is damaged: it is not the graph that the run began with, whose SHA-256 its name begins: restore it, or import it again: %w", path, ErrResume)
	}
	return nil
}

// readRunConfig reads a run's configuration. It returns the file's content too.
func readRunConfig(dir string) (Config, []byte, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := readfile.Bytes(path, maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, nil, fmt.Errorf("train: %s is not a run: %w", dir, err)
	case err != nil:
		return Config{}, nil, fmt.Errorf("train: %w", err)
	}
	c, err := parseConfig(Config{}, string(text))
	if err == nil {
		err = c.Validate()
	}
	if err == nil {
		err = checkSeal(text)
	}
	if err != nil { // not the caller's configuration: no ErrConfig
		return c, nil, visible.Error(fmt.Errorf("train: %s is damaged: restore it, or start a new run: %w: %v", path, ErrResume, err))
	}
	return c, text, nil
}
