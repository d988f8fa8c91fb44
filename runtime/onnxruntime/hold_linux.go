//go:build cgo && linux

package onnxruntime

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// The beginning of onnxruntime's C API, which never changes: see onnxruntime_c_api.h.
typedef struct {
	void *create_status, *get_error_code, *get_error_message;
	void *(*create_env)(int level, const char *name, void **env);
} catvae_api;
typedef struct {
	const catvae_api *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} catvae_api_base;

// Keeps a library that is loaded, and the environment in it. The environment counts who made it; it is made once more and
// never given back.
static int catvae_hold(const char *path, uint32_t version) {
	void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	if (library == NULL)
		return 1;
	const catvae_api_base *(*base)(void) = (const catvae_api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	if (base == NULL)
		return 2;
	const catvae_api *api = base()->get_api(version);
	void *env = NULL;
	if (api == NULL || api->create_env(4, "catvae", &env) != NULL)
		return 3;
	return 0;
}
*/
import "C"

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// hold keeps a loaded library and its environment for the rest of the process, whoever gives them back.
func hold(path string) (held bool) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return C.catvae_hold(name, apiVersion) == 0
}

// mapped returns the onnxruntime library that the process has loaded, "" where that is not known: there may be several.
func mapped() (path string) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		_, file, ok := strings.Cut(lines.Text(), "/")
		base := filepath.Base(file)
		if !ok || !strings.HasPrefix(base, "libonnxruntime.so") || "/"+file == path {
			continue
		}
		if path != "" {
			return ""
		}
		path = "/" + file
	}
	return path
}
