package infer

import (
	"encoding/json"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// VariantAuto asks for the variant that is fastest on a device.
const VariantAuto = "auto"

// fast holds the variants that are meant to be faster than float32, each on its own devices.
var fast = []string{bundle.VariantInt8, bundle.VariantFloat16}

// ChooseVariant replaces [VariantAuto] by the best variant for a device: the first fast one that is meant for it, takes
// the rows, is in the bundle, and was not slower when the bundle was exported; else float32. Only encoding and scores
// have variants. Call it before anything else on the plan.
func (p *Plan) ChooseVariant(d backend.Device) {
	if p.Job.Variant == VariantAuto {
		p.Job.Variant = p.fastest(d)
		p.made.Variant, p.made.Manifest = p.Job.Variant, manifestSum(p.bundle.Manifest, p.Job.Variant)
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
	data, err := bundle.ReadVerification(p.bundle.Dir)
	if err != nil || json.Unmarshal(data, &v) != nil { // a record, which a bundle can do without
		return false
	}
	measured, ok := v.Variants[name]
	return ok && !measured.Faster && slices.Contains(made.Devices, string(backend.CPU))
}
