package train

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train/engine"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("bad configuration")

// A Config defines a run: with its data it determines every number of the result. It is saved as RUN/config.json. Keys
// are nested in JSON and dotted on the command line: `latent.variables`. docs/configuration.md lists them all with
// their ranges and defaults, made from the fields' tags. [Config.Validate] checks the same tags.
type Config struct {
	Latent      builder.Latent        `json:"latent"`
	Encoder     builder.NetworkConfig `json:"encoder"`
	Decoder     builder.NetworkConfig `json:"decoder"`
	Activation  builder.Activation    `json:"activation" doc:"between the layers of both networks" when:"leaky_relu or elu where units die, gelu or silu for deep networks, tanh for small smooth ones" oneof:"activations"`
	InitialBias string                `json:"initial_bias,omitempty" doc:"where the decoder's last bias starts: data: at the mean of the training rows; left out or zero: at 0" when:"data: the first epochs are not spent on learning the mean row" oneof:"biases"`
	Likelihood  dist.LikelihoodConfig `json:"likelihood,omitzero"`
	Temperature Temperature           `json:"temperature"`
	Objective   ObjectiveConfig       `json:"objective"`
	Optimizer   engine.Optimizer      `json:"optimizer"`
	Data        Data                  `json:"data"`
	Epochs      int                   `json:"epochs" doc:"passes over the training rows; 0 where both networks are fitted, which then are not trained" when:"more while the validation bound still improves at the end; --resume with more continues" range:"[0,1e6]"`
	Steps       int                   `json:"steps,omitempty" doc:"steps of the run, whatever epochs says; the last epoch may then be partial, and is measured as the others. Left out or 0: as many as epochs takes" when:"to compare runs on data of different sizes, or with little data, where an epoch is a few steps" range:"[0,1e12]"`
	Best        string                `json:"best,omitempty" doc:"which epoch's weights are exported: bound: that of the best bound on the held-out rows; last: the newest. Left out: last where objective.detached is true, else bound" when:"last with a cosine, and where codes are for search: the bound prefers codes that reconstruct well" oneof:"bests"`
	Patience    int                   `json:"patience,omitempty" doc:"epochs without a better bound on the held-out rows after which the run ends; left out or 0: it never ends before its time" when:"5 or so, with many epochs, where it is not known how long a model improves" range:"[0,1e6]"`
	Batch       int                   `json:"batch" doc:"rows a step" when:"smaller for little data, so that an epoch has more steps; larger for speed on large machines, with a larger learning rate" range:"[1,1048576]"`
	Seed        uint64                `json:"seed" doc:"of all random numbers" when:"to see how much of a difference between two runs is chance"`
}

// Temperature is a schedule of tau over the global step t: max(floor, start·exp(-rate·t)) where none is named, as in Jang et al. 1611.01144,
// section 4.2.
type Temperature struct {
	Start float64 `json:"start" doc:"temperature of the relaxation at the first step" when:"higher, 1 for categorical variables, where training is unstable at its beginning; a high one makes relaxed codes unlike hard ones" range:"(0,1e6]"`
	Floor float64 `json:"floor" doc:"lowest temperature" when:"lower for relaxed codes nearer to hard ones, at the price of noisier gradients" range:"(0,1e6]"`
	Rate  float64 `json:"rate" doc:"how fast it falls, per step: max(floor, start·exp(-rate·step))" when:"higher in short runs, so that the floor is reached; the logarithm of start/floor, divided by the steps, reaches it at the end" range:"[0,1e6]"`

	Schedule string `json:"schedule,omitempty" doc:"exponential falls by rate to the floor; linear goes from start to floor over temperature.steps; constant stays at start. Left out: exponential" when:"constant with estimators that want one temperature, such as reinmax" oneof:"temperatures"`
	Steps    int    `json:"steps,omitempty" doc:"for linear only: the step at which the floor is reached; left out or 0: the end of the run, and the run's config.json says which step that is" when:"shorter, so that the last epochs have the lowest temperature" range:"[0,1e12]"`
}

// ObjectiveConfig says what is minimised: the divergence has the weight(t) = kl_weight · min(1, t/kl_warmup). A run makes
// steps of a part when it begins, so that its schedule stays when it is resumed for longer.
type ObjectiveConfig struct {
	KLWeight     float64 `json:"kl_weight" doc:"weight of the divergence; 1 is the ELBO" when:"lower, such as 0.1, where codes collapse or reconstructions are too blurred; above 1 for fewer, more independent bits. Bounds are always those of 1" range:"[0,1e6]"`
	KLWarmup     int     `json:"kl_warmup" doc:"steps over which that weight rises from 0; 0 means none, or what kl_warmup_part says" when:"to fix the warm-up in steps, whatever the length of the run" range:"[0,1e12]"`
	KLWarmupPart float64 `json:"kl_warmup_part,omitempty" doc:"the same as a part of the run's steps, 0.25 for a quarter; a run's config.json has it as kl_warmup. Not both" when:"longer, 0.5, where bits die early or the codes collapse; 0 where the weights are trained already" range:"[0,1]"`
	Estimator    string  `json:"estimator,omitempty" doc:"how the gradient reaches the encoder; left out: gumbel, or reparametrised for gaussian variables" when:"to reinmax, with temperature.start and temperature.floor between 1 and 1.5 and no warm-up of the divergence, for the best bound" oneof:"estimators"`
	Samples      int     `json:"samples,omitempty" doc:"samples of a row in a step, each one more pass through the decoder: of concrete (left out: 1), rloo (2) and vimco (5)" when:"more for less noise, or for a tighter bound (concrete, vimco), at the price of slower steps" range:"[0,64]"`

	builder.Terms

	Neighbours Neighbours `json:"neighbours,omitzero"`
}

// Data says how rows are prepared.
type Data struct {
	Binarize   dataset.Binarization `json:"binarize" doc:"how grey values become 0 and 1; threshold is part of the encoder's graph" when:"none for grey values that mean something themselves, such as intensities or shares, and for values that are 0 and 1 already; threshold for scans that are black and white; dynamic for figures that compare with papers on MNIST" oneof:"binarizations"`
	Validation int                  `json:"validation" doc:"rows held out of the training split, by which the best epoch is chosen; -1 means a sixth" when:"fewer rows where there is little data, at the price of a noisier choice" range:"[-1,1e12]"`

	Rows int `json:"rows,omitempty" doc:"how many rows of the source are drawn by the seed, to be trained on and held out; left out or 0, or where there are no more: all of them. The others are never in memory; those of a test split stay as they are" when:"where the rows are more than fit into memory, as float32, or more than a model learns from" range:"[0,1e12]"`

	ImageSize []int  `json:"image_size,omitempty" doc:"of pictures only: height and width of rows, such as 28x28; left out, the size of the first picture" when:"whenever pictures differ in size: give the size that they are resized to, and set data.resize" range:"[1,4096]"`
	Resize    string `json:"resize,omitempty" doc:"how pictures of other sizes are made to fit; left out or none: they are errors" when:"whenever pictures differ in size: bilinear for photographs, nearest for drawings of few colours" oneof:"resizes"`

	Fit    string `json:"fit,omitempty" doc:"of pictures only: how those of another aspect become data.image_size: stretch; fit: the whole picture in the middle of the background; fill: as much of its middle as fills the size; left out: stretch. data.resize is bilinear then, where it is left out" when:"fill for photographs, fit for drawings and logos, which must not be cut off" oneof:"fits"`
	Color  string `json:"color,omitempty" doc:"of pictures only: grey for rows of [height, width], rgb for [3, height, width]; auto is rgb where a training picture has a colour, and training writes which it is; left out: grey" when:"grey where colours say nothing, since rows are then a third as long" oneof:"colors"`
	Layout string `json:"layout,omitempty" doc:"of arrays only: channels_last turns rows of [height, width, 3] into [3, height, width], as models want them; auto does so for uint8; left out or channels_first: rows are as they lie" when:"channels_last for pictures in floats, whose colours lie next to each other" oneof:"layouts"`

	Background  string `json:"background,omitempty" doc:"of pictures only: what transparent pixels are laid on: black, white, a grey level from 0 to 255, or a colour such as #ff8000; left out: black" when:"black where the ink of transparent pictures is light"`
	Orientation string `json:"orientation,omitempty" doc:"of pictures only: exif turns them upright, as their files say; left out or none: as the pixels lie in the file" when:"none where pictures were labelled, or boxes drawn, by a program that ignores the entry" oneof:"orientations"`

	Table Table `json:"table,omitzero"`

	Embedder bundle.Embedder `json:"embedder,omitzero"`
	Texts    *Texts          `json:"-"` // what reads the source's texts, nil where it holds numbers: see [Config.WithTexts]

	Holdout    string  `json:"holdout,omitempty" doc:"which rows are held out: random ones, of each label in proportion where there are labels, or the last in the order of the source; last where a source has test rows of its own; left out: last" when:"last for rows in an order in time, where the newest are to be foretold; nothing else makes the last rows better to measure on" oneof:"holdouts"`
	Numbers    string  `json:"numbers,omitempty" doc:"how numbers become values: alike divides all by data.divide, whatever type they have in a file, and training makes it whole or real, which it found the rows to hold; left out: by the type, bytes by 255 and other numbers by 1, or both by data.divide" when:"whole to refuse training rows with fractions; real to take fractions later, though the training rows have none" oneof:"numbers"`
	Divide     float64 `json:"divide,omitempty" doc:"what every number of the files is divided by, bytes too; left out or 0: found from all training rows: 255 for pictures and for whole numbers of 0 to 255, 1 for numbers within [0,1]" when:"to the greatest value that the numbers can have, where they are neither within [0,1] nor pixels" range:"[0,1e30]"`
	DivideFrom string  `json:"divide_from,omitempty" doc:"where data.divide comes from; training writes it" when:"never by hand" oneof:"origins"`

	Augment augment.List `json:"augment,omitempty" doc:"what training rows go through, in this order and drawn anew in each step, before they are binarised and the encoder sees them: objects with one key, the augmentation's name; validation, test rows and bundles see rows as they are; left out: nothing" when:"for codes that find a picture again after changes that mean nothing, such as [{\"affine\": {\"rotate\": 20, \"shift\": 2}}, {\"elastic\": 0.5}], or with few rows"`
	Target  string       `json:"target,omitempty" doc:"what the decoder is to explain where rows are augmented: clean, the row as it was, or moved, what the encoder sees; left out: clean" when:"to moved where the moves make further rows of the kind that the model is of" oneof:"targets"`

	Predict int `json:"predict,omitempty" doc:"how many lines at the end of a row the decoder predicts from those before, which alone the encoder sees: of pictures lines of pixels, of other rows values; codes are of what is seen, and bounds of ln p(y|x), y the predicted part; left out or 0: the encoder sees the whole row, and the decoder gives it back" when:"where some values of a row are to be told from the others, such as the lower half of a picture, or the last columns of a table; latent.prior is conditional then" range:"[0,1048576]"`

	Standardise string `json:"standardise,omitempty" doc:"what the encoder's graph does with rows first: column subtracts each value's mean and divides by its deviation, all does so by one mean and one deviation, both of the rows trained on; log takes ln(1+x) of counts, in the encoder alone; left out: none. Likelihoods and bounds are of standardised rows, reconstructions in the units of the rows" when:"column for tables, whose columns have units of their own; all for embeddings and pictures; log for counts" oneof:"standards"`
	StandardSum string `json:"standard_sha256,omitempty" doc:"SHA-256 of the run's standard.npy, which has the means and deviations; training writes it" when:"never by hand"`

	Vector Vector `json:"vector,omitzero"`
}

func (d Data) validate() error {
	if n := len(d.ImageSize); n != 0 && n != 2 {
		return fmt.Errorf("train: data.image_size is %v: use height and width, such as 28x28: %w", d.ImageSize, ErrConfig)
	}
	if err := d.validatePictures(); err != nil {
		return err
	}
	if err := d.checkAugment(); err != nil {
		return err
	}
	return d.Table.validate()
}

// LoadConfig returns the configuration of a name of the catalogue ("bernoulli-mlp") or of a JSON file. What a file
// leaves out is as in bernoulli-mlp; a key that does not exist is an error that names it. ONNX graphs that a file names
// are looked for next to it.
func LoadConfig(nameOrFile string, read func(file string) ([]byte, error)) (Config, error) {
	c, err := parseConfig(Config{}, models.Default)
	if err != nil {
		return c, err
	}
	if data, ok := models.Get(nameOrFile); ok {
		return parseConfig(c, string(data))
	}
	if !strings.HasSuffix(nameOrFile, ".json") {
		return c, fmt.Errorf("train: no model is called %q: use %s, or a file that ends in .json: %w", nameOrFile, strings.Join(models.Names(), ", "), ErrConfig)
	}
	data, err := read(nameOrFile)
	if err != nil {
		return c, fmt.Errorf("train: %w", err)
	}
	if isSealed(data) { // of a run: it is whole, and a key that it lacks has the meaning that it had then
		c = Config{}
	}
	c, err = parseConfig(c, string(data))
	if err != nil {
		return c, visible.Error(fmt.Errorf("%w (%s)", err, nameOrFile))
	}
	for _, part := range []*builder.NetworkConfig{&c.Encoder, &c.Decoder} {
		if o, ok := part.Network.(builder.ONNX); ok && o.Graph != "" && !filepath.IsAbs(o.Graph) {
			o.Graph = filepath.Join(filepath.Dir(nameOrFile), filepath.FromSlash(o.Graph))
			part.Network = o
		}
	}
	return c, nil
}

// parseConfig changes a configuration by JSON. Lists and the object "latent" replace the old ones as a whole.
func parseConfig(c Config, text string) (Config, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return c, fmt.Errorf("train: configuration: %w: %w", err, ErrConfig)
	}
	if _, ok := keys["latent"]; ok {
		prior := c.Latent.Prior
		c.Latent = builder.Latent{Prior: prior} // the categories of another kind must not stay
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	file := struct {
		*Config
		Doc    string `json:"doc"`    // what the configuration is for: not part of it
		SHA256 string `json:"sha256"` // of a run's config.json: see sealConfig
	}{Config: &c}
	if err := d.Decode(&file); err != nil {
		return c, fmt.Errorf("train: configuration: %w: %w", err, ErrConfig)
	}
	given := func(key string) bool {
		path, in := strings.Split(key, "."), keys
		for _, name := range path[:len(path)-1] {
			outer := in[name]
			in = nil
			if json.Unmarshal(outer, &in) != nil {
				return false
			}
		}
		_, ok := in[path[len(path)-1]]
		return ok
	}
	c.replaceRivals(given)
	if priors := c.Latent.Dist().Priors(); !given("latent.prior") && !slices.Contains(priors, c.Latent.Prior) {
		c.Latent.Prior = priors[0]
	}
	if !given("latent.variables") && len(c.Latent.Groups) > 0 {
		c.Latent.Variables = dist.GroupSum(c.Latent.Groups)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("train: configuration: there is text after its end: %w", ErrConfig)
	}
	return c, nil
}

// Model returns the architecture for rows of the given shape.
func (c Config) Model(input []int) builder.Model {
	m := builder.Model{
		Input: input, Latent: c.Latent, Encoder: c.Encoder.Network, Decoder: c.Decoder.Network, Activation: c.Activation,
		Likelihood: c.Likelihood, Estimator: c.Objective.Estimator, Samples: c.Objective.Samples, Terms: c.Objective.Terms, Standard: c.Standard(), Cut: c.Data.cut(),
	}
	if c.Data.Binarize == dataset.Threshold {
		m.Binarize = 0.5
	}
	return m
}

// Values returns the rule by which the numbers of files become a row's values: the likelihood's, with what data.divide says.
func (c Config) Values() (dist.Values, error) {
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err != nil {
		return dist.Values{}, fmt.Errorf("train: %w: %w", err, ErrConfig)
	}
	v := l.Values()
	if c.Data.Divide > 0 {
		v.Bytes, v.Numbers = c.Data.Divide, c.Data.Divide
		if c.Data.Numbers != "" {
			v = v.Alike(c.Data.Divide, c.Data.Numbers == bundle.NumbersWhole)
		}
	}
	if err := v.Check(); err != nil {
		return v, fmt.Errorf("train: data.divide: %w: %w", err, ErrConfig)
	}
	return v, nil
}

// Validate reports the first thing wrong with a configuration, by its key.
func (c Config) Validate() error {
	if err := c.Model(nil).Check(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	if err := c.checkKeys(); err != nil {
		return err
	}
	if err := c.checkUntrained(); err != nil {
		return err
	}
	if err := cmp.Or(c.checkPredict(), c.checkBest()); err != nil {
		return err
	}
	if c.InitialBias == builder.BiasData && c.Decoder.Network != nil && c.Decoder.Kind() == (builder.ONNX{}).Kind() {
		return fmt.Errorf("train: initial_bias is data, and decoder.kind %s: an imported graph has a bias of its own: leave initial_bias out: %w", c.Decoder.Kind(), ErrConfig)
	}
	if c.Objective.KLWarmup > 0 && c.Objective.KLWarmupPart > 0 {
		return fmt.Errorf("train: objective.kl_warmup is %d and objective.kl_warmup_part %g: both say how long the warm-up is: leave one out: %w", c.Objective.KLWarmup, c.Objective.KLWarmupPart, ErrConfig)
	}
	if c.Patience > 0 && c.chooses() == BestLast {
		return fmt.Errorf("train: patience is %d, and the last epoch is always the best one: leave patience out, or set best to %s: %w", c.Patience, BestBound, ErrConfig)
	}
	if err := c.checkNeighbours(); err != nil {
		return err
	}
	if t := c.Temperature; t.Steps > 0 && t.Schedule != LinearTemperature {
		return fmt.Errorf("train: temperature.steps is %d, and the schedule is not linear: set temperature.schedule to %s, or leave it out: %w", t.Steps, LinearTemperature, ErrConfig)
	}
	if err := c.Data.validate(); err != nil {
		return err
	}
	if err := c.checkLikelihood(); err != nil {
		return err
	}
	if err := c.Optimizer.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	if _, err := c.Values(); err != nil {
		return err
	}
	return cmp.Or(c.checkStandard(), c.checkVector())
}

// canonical returns the configuration without those defaults that may be left out, so that two ways to write the same
// are equal.
func (c Config) canonical() Config {
	c.Likelihood = c.Likelihood.Canonical()
	if c.Objective.Estimator == (builder.Model{Latent: c.Latent, Encoder: c.Encoder.Network}).EstimatorName() {
		c.Objective.Estimator = ""
	}
	if c.Temperature.Schedule == ExponentialTemperature {
		c.Temperature.Schedule = ""
	}
	if c.Optimizer.Schedule == engine.ConstantRate {
		c.Optimizer.Schedule = ""
	}
	if !c.Latent.Calibrated() {
		c.Latent.Thresholds = ""
	}
	c.Data.canonicalPictures()
	if c.Data.Target == TargetClean || len(c.Data.Augment) == 0 {
		c.Data.Target = ""
	}
	if c.Data.Standardise == dist.StandardNone {
		c.Data.Standardise = ""
	}
	if len(c.Data.Vector.Steps) == 0 {
		c.Data.Vector.Steps = nil
	}
	c.Data.StandardSum = ""
	c.Data.Table = c.Data.Table.canonical()
	if c.Data.Holdout == HoldoutLast {
		c.Data.Holdout = ""
	}
	c.Data.DivideFrom = ""
	return c
}
