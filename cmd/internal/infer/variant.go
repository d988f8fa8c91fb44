package infer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// VariantAuto is what a job says for the variant that is fastest on a device.
const VariantAuto = "auto"

// ChooseVariant settles a job that leaves the variant open, for a device: float16 on CUDA, int8 for bytes on a CPU, where the
// bundle has them and did not find them slower when it was exported; else float32. Only encoding and scores have variants.
// It must come before the plan is used further.
func (p *Plan) ChooseVariant(d backend.Device) {
	if p.Job.Variant == VariantAuto {
		p.Job.Variant = p.fastest(d)
		p.made.Variant = p.Job.Variant
	}
}

func (p *Plan) fastest(d backend.Device) string {
	name := bundle.VariantInt8
	if d == runtime.CUDA {
		name = bundle.VariantFloat16
	}
	v, ok := p.bundle.Manifest.Variants[name]
	if !ok || p.out.takesCodes || p.slower(name) || v.Input == onnxtensor.Uint8 && !p.Bytes() || !slices.Contains(v.Devices, string(d)) {
		return bundle.VariantFloat32
	}
	return name
}

// slower reports a variant that was measured on a CPU when the bundle was exported, and was not faster than float32.
func (p *Plan) slower(name string) bool {
	var v struct {
		Variants map[string]struct {
			Faster bool `json:"faster"`
		} `json:"variants"`
	}
	data, err := os.ReadFile(filepath.Join(p.bundle.Dir, bundle.VerificationFile))
	if err != nil || json.Unmarshal(data, &v) != nil { // a record, which a bundle can do without
		return false
	}
	measured, ok := v.Variants[name]
	return ok && !measured.Faster && name != bundle.VariantFloat16
}
