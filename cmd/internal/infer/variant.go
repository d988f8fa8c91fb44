package infer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// VariantAuto is what a job says for the variant that is fastest on a device.
const VariantAuto = "auto"

// fast are the variants that are meant to be faster than float32, each on devices of its own.
var fast = []string{bundle.VariantInt8, bundle.VariantFloat16}

// ChooseVariant settles a job that leaves the variant open, for a device: the first of the fast ones that is meant for it and
// takes the rows, where the bundle has it and did not find it slower when it was exported; else float32. Only encoding and
// scores have variants. It must come before the plan is used further.
func (p *Plan) ChooseVariant(d backend.Device) {
	if p.Job.Variant == VariantAuto {
		p.Job.Variant = p.fastest(d)
		p.made.Variant = p.Job.Variant
	}
}

func (p *Plan) fastest(d backend.Device) string {
	for _, name := range fast {
		v, ok := p.bundle.Manifest.Variants[name]
		if ok && slices.Contains(v.Devices, string(d)) && (v.Input != onnxtensor.Uint8 || p.Bytes()) && !p.out.takesCodes && !p.slower(name, v) {
			return name
		}
	}
	return bundle.VariantFloat32
}

// slower reports a variant that was measured on a CPU when the bundle was exported, and was not faster than float32.
func (p *Plan) slower(name string, made bundle.Variant) bool {
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
	return ok && !measured.Faster && slices.Contains(made.Devices, string(backend.CPU))
}
