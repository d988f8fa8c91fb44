package bundle

import (
	"cmp"
	"encoding/json"
	"math"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// The names of the files in a bundle.
const (
	ManifestFile     = "manifest.json"
	EncoderFile      = "encoder.onnx"
	ThresholdFile    = "threshold.onnx"
	DecoderFile      = "decoder.onnx"
	LayersFile       = "layers.onnx" // only where the variables are in layers
	VerificationFile = "verification.json"
	TextFile         = "text/model.onnx"     // only where the bundle was exported with an embedder
	TokenizerFile    = "text/tokenizer.json" // beside it
)

// The names of the graphs' inputs and outputs. They chain by equality: the encoder's output is the threshold's input,
// the threshold's first output is the decoder's input, and that of the graph of layers. BatchAxis is the name of the one dynamic dimension.
const (
	Sample               = "sample"
	LatentLogits         = "latent_logits"
	Code                 = "code"
	PackedCode           = "packed_code"
	Reconstruction       = "reconstruction"
	ReconstructionLogits = "reconstruction_logits"
	PosteriorLogits      = "posterior_logits" // of q(z2|z1), of layers
	PriorLogits          = "prior_logits"     // of p(z1|z2), which a conditional prior has not
	BatchAxis            = "batch_size"
)

// BitOrderMSBFirst is the only bit order: bit i of a code is bit 7-i%8 of byte i/8, as numpy.packbits has it.
const BitOrderMSBFirst = "msb_first"

// What the training rows hold: see [Input].
const (
	NumbersWhole = "whole"
	NumbersReal  = "real"
)

// A Manifest is manifest.json. Fields that this version does not know are kept when it is read and written again.
type Manifest struct {
	FormatVersion string          `json:"format_version"` // MAJOR.MINOR
	Name          string          `json:"name"`
	Producer      string          `json:"producer"`
	Model         json.RawMessage `json:"model"` // the training configuration, as the run's config.json has it
	Input         Input           `json:"input"`
	Latent        Latent          `json:"latent"`
	// Predicted says which part of a row the decoder gives; absent means all of it.
	Predicted  *Predicted `json:"predicted,omitempty"`
	Likelihood string     `json:"likelihood"` // a likelihood of package dist; "bernoulli": reconstruction_logits are of p(x=1|code)
	// Parameters are those of the likelihood, without its kind: see [Manifest.LikelihoodConfig].
	Parameters dist.LikelihoodConfig `json:"likelihood_parameters,omitzero"`
	Opset      int64                 `json:"opset"`
	IRVersion  int64                 `json:"ir_version"`
	// Outputs names the outputs that the graphs have behind those of every bundle: [IndexCode], [Query].
	Outputs []string `json:"outputs,omitempty"`
	// Warnings say what a user of the model must know of its training, for people: a line each.
	Warnings []string `json:"warnings,omitempty"`
	// Variants are further encoders with their thresholds, each one graph, by their names.
	Variants map[string]Variant `json:"variants,omitempty"`
	Files    map[string]File    `json:"files"` // every file of the bundle except the manifest, by its slash-separated name

	unknown map[string]json.RawMessage
}

// Input says what the encoder takes.
type Input struct {
	Name  string  `json:"name"`
	DType DType   `json:"dtype"`
	Shape []int64 `json:"shape"` // of one row, without the batch
	// Scale is what a byte is multiplied with before it enters the graph. What enters must lie in Range.
	Scale float64    `json:"scale"`
	Range [2]float64 `json:"range"`
	// Divide is what numbers that are not bytes are divided by; absent means 1. Where Numbers is there, it is 1/Scale, so that
	// every number becomes the same value whatever type it has.
	Divide float64 `json:"divide,omitempty"`
	// Numbers says what the training rows hold: "whole" numbers only, where a fraction of a divisor other than 1 is an error, or
	// "real" ones. Absent means that bytes and other numbers may have divisors of their own.
	Numbers string `json:"numbers,omitempty"`
	// DivideFrom says where the divisor comes from: "configuration", "pictures" or "rows". It is for people.
	DivideFrom string `json:"divide_from,omitempty"`
	// Mean and Deviation standardise what was scaled, bytes too: (x - mean) / deviation; absent means 0 and 1.
	Mean      float64 `json:"mean,omitempty"`
	Deviation float64 `json:"deviation,omitempty"`
	// Seen says what the encoder saw in training: "none" (grey), "fixed", "dynamic" or "threshold" binarisation.
	Seen string `json:"seen"`
	// Standard says how the graphs standardise rows; absent means that they do not.
	Standard *Standard `json:"standard,omitempty"`
	// Embedder says which text model made the rows of texts; absent means that they are anything else.
	Embedder *Embedder `json:"embedder,omitempty"`
	// Image says how pictures become rows, for models of rows of the shape [height, width] or [3, height, width]. Absent means that pictures of
	// any other size are bad rows.
	Image *Image `json:"image,omitempty"`
	// Columns are the names of a row's values, where it was made of a table whose columns have names: the values of other tables with
	// names are taken by these, whatever their order. Those of all else are taken in their order.
	Columns []string `json:"columns,omitempty"`
	// FirstColumn is the number of the first column of LIBSVM's text, 0 or 1, where the model was trained on such.
	FirstColumn *int `json:"first_column,omitempty"`
	// ColumnsSum is the SHA-256 of the names, see dataset.SumOfNames, where they are too long to be kept: other tables with names must
	// have these, in the same order.
	ColumnsSum string `json:"columns_sha256,omitempty"`
}

// Image says how a picture is made to fit a model: it is turned upright, laid on the background, turned
// grey or taken apart into red, green and blue, then resized. Grey is
// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Package picture has the steps, docs/preprocessing.md their formulas.
type Image struct {
	// Resize is "none" (another size is a bad row), "nearest", "bilinear" or "catmull-rom". After "fit-" the whole picture lies on the
	// background, after "fill-" its middle fills the row, and else it is stretched.
	Resize string `json:"resize"`
	// Color is "rgb" for rows of [3, height, width]; absent means grey, for rows of [height, width].
	Color string `json:"color,omitempty"`
	// Background is what transparent pixels are laid on: "black", "white", a grey level from "0" to "255", or a colour such as
	// "#ff8000". Absent means black.
	Background string `json:"background,omitempty"`
	// Orientation is "exif" (upright, as the file says) or "none" (as the pixels lie in the file). Absent means none.
	Orientation string `json:"orientation,omitempty"`
}

// The ways to resize, which stretch a picture to the model's size, whatever its aspect, except where they begin with "fit-" or "fill-".
const (
	ResizeNone       = "none"
	ResizeNearest    = "nearest"
	ResizeBilinear   = "bilinear"
	ResizeCatmullRom = "catmull-rom"
)

// The names of the variants. Float32 has no file of its own: it means encoder.onnx and threshold.onnx.
const (
	VariantFloat32 = "float32"
	VariantUint8   = "uint8"   // float32 inside; pixels go in as bytes
	VariantInt8    = "int8"    // weights and activations of 8 bits; pixels go in as bytes
	VariantFloat16 = "float16" // products in float16, for CUDA
)

// A Variant is one graph from rows to latent_logits and packed_code: an encoder and its threshold, computed
// differently.
type Variant struct {
	File  string `json:"file"`  // "variants/int8.onnx"
	Input DType  `json:"input"` // of the sample: uint8 pixels as they are, or float32 within the input's range
	// Devices are where the variant is meant to run, "cpu" and "cuda".
	Devices []string `json:"devices"`
	// Activations are the static scales of quantised activations, by tensor: real value = scale · (byte - zero point).
	Activations map[string]Quantization `json:"activations,omitempty"`
	// Calibrated says what the scales were taken from: rows, and the fingerprint of the data set.
	Calibrated *Calibration `json:"calibrated,omitempty"`
}

// A Quantization maps bytes to numbers: x = scale · (q - zero point).
type Quantization struct {
	Scale     float64 `json:"scale"`
	ZeroPoint int     `json:"zero_point"`
}

// A Calibration says which rows activation scales were taken from.
type Calibration struct {
	Rows        int    `json:"rows"`
	Fingerprint string `json:"fingerprint"` // dataset.Set.Fingerprint
}

// Latent says what a code is made of.
type Latent struct {
	Kind       string       `json:"kind"`                 // a family of package dist: "bernoulli", "categorical", "gaussian", "mixed" or "hierarchical"
	Variables  int          `json:"variables"`            // in all groups together
	Categories int          `json:"categories,omitempty"` // of each variable; only of "categorical"
	Groups     []dist.Group `json:"groups,omitempty"`     // only of "mixed", and the two layers of "hierarchical"
	Prior      Prior        `json:"prior"`
	Posterior  string       `json:"posterior,omitempty"`  // "point": certain of the hard code, the logits are none of it; absent: what the logits say
	Thresholds []float32    `json:"thresholds,omitempty"` // one for each Bernoulli variable, in their order; absent means 0
	BitOrder   string       `json:"bit_order"`
}

// A Prior is p(z): uniform or normal, or conditional, which is the encoder's own p(z|x), or learned with logits (one a variable, or variables x categories row by row). Of layers it is
// p(z2), that of the second: p(z1|z2) is in the graph of layers.
type Prior struct {
	Kind   string    `json:"kind"` // "uniform", "normal", "conditional" or "learned"
	Logits []float32 `json:"logits,omitempty"`
}

// A File is the manifest's entry for a file.
type File struct {
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Size   int64  `json:"size"`   // bytes
}

// Dist returns the latent variables as a distribution: what a code is made of, how it is drawn and what it costs.
func (l Latent) Dist() dist.Latent {
	return dist.Latent{Family: dist.FamilyOf(l.Kind), Variables: l.Variables, Categories: l.Categories, Groups: l.Groups, Prior: l.Prior.Logits, Thresholds: l.Thresholds, Conditional: l.Prior.Kind == dist.ConditionalPrior, Point: l.Posterior == dist.PointPosterior}
}

// Graphs returns the names of the graphs that the bundle must hold: those that every bundle has, and that of layers where there are any.
func (m *Manifest) Graphs() []string {
	names := []string{EncoderFile, ThresholdFile, DecoderFile}
	if m.Latent.Dist().Layered() {
		names = append(names, LayersFile)
	}
	return names
}

// Bits returns the number of bits of a code, which is also how many numbers the decoder takes.
func (l Latent) Bits() int { return l.Dist().Bits() }

// PackedBytes returns the number of bytes of a packed code: the bits, rounded up to whole bytes.
func (l Latent) PackedBytes() int { return (l.Bits() + 7) / 8 }

// InputOf returns an encoder's input of float32 rows, for the rule by which a file's numbers become them. The name is
// the usual one; the caller sets the shape.
func InputOf(v dist.Values) Input {
	in := Input{Name: Sample, DType: Float32, Scale: 1 / v.Bytes, Range: [2]float64{max(v.Least, -math.MaxFloat32), min(v.Most, math.MaxFloat32)}, Mean: v.Mean}
	if v.Numbers != 1 || v.One {
		in.Divide = v.Numbers
	}
	if v.One {
		in.Numbers = NumbersReal
	}
	if v.One && v.Whole {
		in.Numbers = NumbersWhole
	}
	if v.Deviation != 1 {
		in.Deviation = v.Deviation
	}
	return in
}

// Values returns the rule by which a file's numbers become the values of a row.
func (in Input) Values() dist.Values {
	v := dist.Values{
		Bytes: divisor(in.Scale), Numbers: cmp.Or(in.Divide, 1), Mean: in.Mean, Deviation: cmp.Or(in.Deviation, 1),
		Least: in.Range[0], Most: in.Range[1],
	}
	if in.Numbers != "" {
		return v.Alike(v.Numbers, in.Numbers == NumbersWhole)
	}
	return v
}

// divisor returns 1/scale, as a whole number where it is one up to rounding.
func divisor(scale float64) float64 {
	if n := math.Round(1 / scale); math.Abs(n*scale-1) < 1e-12 {
		return n
	}
	return 1 / scale
}

// RowSize returns the number of values in one row.
func (in Input) RowSize() int {
	n, err := onnxtensor.Size(in.Shape)
	if err != nil {
		return 0
	}
	return n
}

// Resizes are the ways to resize.
var Resizes = []string{
	ResizeNone, ResizeNearest, ResizeBilinear, ResizeCatmullRom,
	"fit-" + ResizeNearest, "fit-" + ResizeBilinear, "fit-" + ResizeCatmullRom,
	"fill-" + ResizeNearest, "fill-" + ResizeBilinear, "fill-" + ResizeCatmullRom,
}

// RGB is the color of rows of [3, height, width].
const RGB = "rgb"
