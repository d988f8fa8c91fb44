//go:build cgo

package onnxruntime

import (
	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// cudaProvider is NVIDIA's. onnxruntime's CUDA build loads it from a library of its own, which loads CUDA's and cuDNN's.
// https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
var cudaProvider = provider{
	device:  backend.CUDA,
	join:    joinCUDA,
	signals: true,
	// Tensors are in the host's memory, so that each run copies a training step's whole state there and back.
	stepsPerCall: 64,
	libraries: map[string][]string{"linux": {
		"libcuda.so.1", "libcudart.so.1[23]", "libcublas.so.1[23]", "libcublasLt.so.1[23]", "libcufft.so.1[12]",
		"libcurand.so.10", "libnvrtc.so.1[23]", "libcudnn.so.9",
	}},
	folder:  "/usr/local/cuda/lib64",
	install: "install the CUDA 12 or 13 libraries and cuDNN 9 with a CUDA build of onnxruntime " + Version + " (pip install onnxruntime-gpu==" + Version + ")",
}

// joinCUDA puts every node on CUDA or fails: a graph that quietly ran in part on the CPU would be slow without a word.
func joinCUDA(o *sessionOptions, chosen options) error {
	c, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer c.Destroy()
	if err := c.Update(map[string]string{"use_tf32": zeroOrOne(chosen.tf32)}); err != nil {
		return err
	}
	if err := o.AppendExecutionProviderCUDA(c); err != nil {
		return err
	}
	return o.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
}
