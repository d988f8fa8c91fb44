package picture

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// Budget bounds the bytes that decoding pictures takes at once, in the whole program, whoever decodes: a small file may claim to be a
// very large picture. A picture that needs more by itself is an [Error]. Files' own bytes, and images that come decoded, are the
// caller's.
const Budget = 128 << 20

// maxPixels is what a picture may claim to have before it is decoded.
const maxPixels = 1 << 26

// decoding is what is left of the budget.
var decoding = semaphore.NewWeighted(Budget)

// largePicture is what leaves so much behind that it is collected before the next picture takes its place in the budget.
const largePicture = 8 << 20

// take takes bytes of the budget, and waits for them. They are given back by release once nothing refers to them.
func take(ctx context.Context, bytes int64) (release func(), err error) {
	if bytes > Budget {
		return nil, &Error{Reason: fmt.Sprintf("decoding it takes %d MiB of memory, up to %d are given", bytes>>20+1, Budget>>20)}
	}
	if err := decoding.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	return func() {
		if bytes >= largePicture {
			runtime.GC()
		}
		decoding.Release(bytes)
	}, nil
}
