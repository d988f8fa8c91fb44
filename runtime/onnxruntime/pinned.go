package onnxruntime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/catvae/catvae/runtime/backend"
)

// A pin is what a library's file must be.
type pin struct {
	size   int64
	sha256 string
}

// A platform is how the sources name an operating system and processor, and the library that each holds.
type platform struct {
	wheelTag, npmPath string
	wheel, npm        pin
	fileName          string // in the wheel and in the cache
}

// platforms holds the sources of onnxruntime 1.29.0. Sizes and hashes are those of the library files inside the wheels and the
// npm package, computed from the files themselves; every wheel of a platform holds the same library.
var platforms = map[string]platform{
	"linux/amd64": {
		wheelTag: "manylinux_2_28_x86_64", npmPath: "linux/x64/libonnxruntime.so.1",
		wheel:    pin{28501848, "8902e52a04bf6bf26f1613746811d6194f9c97ce7a6a7a28452b48522d3bd8d0"},
		npm:      pin{44726808, "89688f5cf51c7e31befbb7b9101bc027799009b18d1baa9a5b1146a72e69538d"},
		fileName: "libonnxruntime.so.1.29.0",
	},
	"linux/arm64": {
		wheelTag: "manylinux_2_28_aarch64", npmPath: "linux/arm64/libonnxruntime.so.1",
		wheel:    pin{24538024, "1444bdca675524f4d265f71397810c9b1f39164b6dccc8f1a39cd81d938e98f4"},
		npm:      pin{24538024, "a27d21126db312aa8f02f3d5eaebe466e991f51f469882e6d0407d5a8b64afda"},
		fileName: "libonnxruntime.so.1.29.0",
	},
	"windows/amd64": {
		wheelTag: "win_amd64", npmPath: "win32/x64/onnxruntime.dll",
		wheel:    pin{18093408, "590ef4358a8fb8e4fcea23113838eed4384f12f358eab4412d6c3e22e3048a0e"},
		npm:      pin{27989816, "5e289b5494cc338d62806f2d24c24aa7cc09a00bbab0404d9169487a45e0053a"},
		fileName: "onnxruntime.dll",
	},
	"windows/arm64": {
		wheelTag: "win_arm64", npmPath: "win32/arm64/onnxruntime.dll",
		wheel:    pin{17878328, "da8fc438fdb6de98b016943f8d2564765dcf4a4306986c28a3a0b87ef5856fa7"},
		npm:      pin{28949344, "020f2f84f8029f2fa4b4c1443f8b1e0a659dc6cbed4a105ff908ff9a24d46306"},
		fileName: "onnxruntime.dll",
	},
	"darwin/arm64": {
		wheelTag: "macosx_14_0_arm64", npmPath: "darwin/arm64/libonnxruntime.1.29.0.dylib",
		wheel:    pin{33332888, "7af5534acfb76283a8734a6f8684617879446e98823f0144ea918438a15981e2"},
		npm:      pin{43888264, "3e4c63909e9fc6648c93c68741c1ccf1e3d89218dd1d6a7d4f3d629ffc7f9918"},
		fileName: "libonnxruntime.1.29.0.dylib",
	},
}

// thisPlatform returns the sources for this operating system and processor.
func thisPlatform() (platform, error) {
	key := goruntime.GOOS + "/" + goruntime.GOARCH
	p, ok := platforms[key]
	switch {
	case ok:
		return p, nil
	case key == "darwin/amd64":
		return platform{}, fmt.Errorf("onnxruntime: there is no build of onnxruntime %s for Intel Macs: build it from source and set CATVAE_ORT_LIB: %w", Version, backend.ErrLibrary)
	}
	return platform{}, fmt.Errorf("onnxruntime: there is no build of onnxruntime %s for %s: build it from source and set CATVAE_ORT_LIB: %w", Version, key, backend.ErrLibrary)
}

// pins returns what the library of this platform may be.
func pins() []pin {
	p, err := thisPlatform()
	if err != nil {
		return nil
	}
	return []pin{p.wheel, p.npm}
}

// pinnedSum hashes an open file and says whether it is one that this program knows. Where any reports false, the hash of a
// file whose size is no known one is not computed: it is "", and the file not known.
func pinnedSum(ctx context.Context, f *os.File, any bool) (sum string, known bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", false, err
	}
	for _, p := range pins() {
		known = known || p.size == info.Size()
	}
	if !known && !any {
		return "", false, nil
	}
	h := sha256.New()
	n, err := io.CopyBuffer(h, onlyReader{contextReader{ctx, io.NewSectionReader(f, 0, info.Size())}}, make([]byte, 256<<10))
	if err != nil {
		return "", false, err
	}
	sum, known = hex.EncodeToString(h.Sum(nil)), false
	for _, p := range pins() {
		known = known || p == pin{n, sum}
	}
	return sum, known, nil
}

// onlyReader hides what else a reader can do, so that copies go through the buffer that they are given.
type onlyReader struct{ io.Reader }

// contextReader ends a copy when its context is done.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// inCache reports whether a path lies in the folder that [Install] fills: everything there is pinned.
func inCache(path string) bool {
	dir, err := cacheDir()
	if err != nil {
		return false
	}
	if filepath.Dir(path) == dir {
		return true
	}
	real, err := filepath.EvalSymlinks(dir)
	return err == nil && filepath.Dir(path) == real
}
