//go:build cgo

package onnxruntime

import (
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
)

// appendCUDA puts every node on CUDA or fails: a graph that quietly ran in part on the CPU would be slow without a word.
func (b *ortBackend) appendCUDA(o *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"use_tf32": strconv.Itoa(boolInt(b.options.tf32))}); err != nil {
		return err
	}
	if err := o.AppendExecutionProviderCUDA(cuda); err != nil {
		return err
	}
	return o.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
}

// probeCUDA reports why CUDA cannot be used.
func (b *ortBackend) probeCUDA() error {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer o.Destroy()
	return b.appendCUDA(o)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
