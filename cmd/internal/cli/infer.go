package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	goruntime "runtime"
	"time"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/dataset"
	_ "github.com/catvae/catvae/dataset/parquet" // a format of sources
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// Rows are the flags of every command that turns rows into something with a bundle. Their texts have [Vars] in them.
type Rows struct {
	Model    string  `help:"Run folder or bundle." placeholder:"RUN|BUNDLE"`
	In       string  `help:"${sources}." placeholder:"SRC"`
	Split    string  `help:"Which rows of MNIST's folder or of glyphs: train or test." default:"test" enum:"train,test"`
	Divide   float64 `help:"Divide numbers by this, 1 for such as were divided before; 0 divides as the bundle's manifest says. For bundles of older versions: numbers that are not bytes." default:"0" placeholder:"N" range:"0,1e38"`
	Out      string  `help:"File to write, which appears whole or not at all; folder of parts where it ends in a slash; or - for standard output. A name that ends in .gz or .zst packs the file." placeholder:"FILE|DIR/|-"`
	Format   string  `help:"${formats_help}." default:"auto" enum:"${formats}"`
	Text     string  `help:"How ${text_formats} write packed codes: ${texts_help}." default:"bits" enum:"${texts}"`
	PartRows int     `help:"Rows of a part; 0 makes parts of about 256 MiB of input and output." default:"0" placeholder:"N" range:"0,1000000000"`
	Shard    string  `help:"Do the I-th of N shares of the parts, I from 0." placeholder:"I/N"`
	MaxBad   float64 `help:"Ratio of bad rows (broken pictures, wrong shapes, NaN) to tolerate; more end the run with status 4. Tolerated ones are zeros in the output, FILE.bad.jsonl lists them with reasons, and the exit status is 3." default:"0" placeholder:"RATIO" range:"0,1"`
	Batch    int     `help:"Rows that go through the graph at once; 0 means 512, fewer where rows are large." default:"0" placeholder:"N" range:"0,1048576"`
	Callers  int     `help:"Goroutines that run graphs and share the threads; 0 means one a thread." default:"0" placeholder:"N" range:"0,1024"`
	Force    bool    `help:"Replace the output where it exists."`
	Check    string  `help:"What is compared before a part of an earlier run is kept: content, the hash of every byte that its rows are read from, or sample, the header and 16 rows a part, which is faster and does not prove that the other rows are the same. With sample this run hashes no more than those either, so that its parts are kept by sample only." default:"content" enum:"content,sample"`
	Table
	Texts
	Backend
}

// Job returns the flags as a job.
func (r Rows) Job(mode infer.Mode, codes infer.Codes, variant string) (infer.Job, error) {
	shard, err := infer.ParseShard(r.Shard)
	if err == nil && r.Divide != 0 && math.IsInf(1/r.Divide, 0) {
		err = fmt.Errorf("%w: --divide %g: its inverse is infinite", ErrUsage, r.Divide)
	}
	texts, err2 := r.Texts.job()
	err = errors.Join(err, err2)
	return infer.Job{
		Model: r.Model, In: r.In, Texts: texts, Split: dataset.Split(r.Split), Divide: r.Divide, Table: r.Table.Table(), Out: r.Out, Mode: mode, Codes: codes, Format: infer.Format(r.Format),
		Text: infer.Text(r.Text), Variant: variant, PartRows: r.PartRows, Shard: shard, MaxBad: r.MaxBad, Force: r.Force, Check: infer.Check(r.Check), Batch: r.Batch, Callers: r.callers(),
	}, err
}

// callers is how many goroutines run graphs: on a CPU, one for each thread. Several callers with a thread each were 5 to 15 %
// faster for a 784-400-200 encoder than one with as many threads, and their codes depend only on the row.
func (r Rows) callers() int {
	if r.Callers > 0 {
		return r.Callers
	}
	if r.Threads > 0 {
		return r.Threads
	}
	return cores.Count()
}

// open loads onnxruntime with each caller's share of the threads.
//
// Go has as many processors as cores. A caller inside onnxruntime loses its processor to the reader or the writer, and
// waits for one when it returns: two more processors made streams of a 784-400-200 encoder 4 to 6 % faster on two
// cores.
func (r Rows) open(ctx context.Context, env Env) (backend.Backend, error) {
	if os.Getenv("GOMAXPROCS") == "" {
		goruntime.GOMAXPROCS(max(goruntime.GOMAXPROCS(0), r.callers()+2))
	}
	b := r.Backend
	if b.Threads == 0 {
		b.Threads = cores.Count()
	}
	b.Threads = max(1, b.Threads/r.callers())
	return b.Open(ctx, env, false)
}

// withVariantFlags adds to an error which flags choose and make variants.
func withVariantFlags(err error) error {
	if errors.Is(err, runtime.ErrVariant) {
		return fmt.Errorf("%w (--variant chooses one; catvae export --variants makes them)", err)
	}
	return err
}

// Infer does a job and reports rows and rate on stderr.
func (r Rows) Infer(ctx context.Context, env Env, job infer.Job) error {
	plan, err := infer.NewPlan(ctx, job)
	if err != nil {
		return err
	}
	defer plan.Close()
	plan.Say = func(line string) { fmt.Fprintf(env.Stderr, "%s: %s\n", plan.Job.Mode, line) }
	on, err := r.open(ctx, env)
	if err != nil {
		return err
	}
	plan.ChooseVariant(deviceOf(on))
	began := time.Now()
	total := 0
	for _, b := range plan.Blocks() {
		total += b.Rows
	}
	quiet := job.Out == outfile.Stdout
	show := env.Stderr
	if quiet {
		show = io.Discard
	}
	bar := progress.New(show, total, string(plan.Job.Mode))
	done := 0
	s, err := infer.Run(ctx, plan, on, infer.Hooks{Done: func(rows int) { done += rows; bar.Set(done, "") }})
	bar.Done("")
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(env.Stderr, "%s: stopped after %d of %d rows; finished parts stay, and the same command continues\n", plan.Job.Mode, done, total)
	}
	if err != nil && !errors.Is(err, infer.ErrPart) {
		return withVariantFlags(err)
	}
	if quiet {
		return err
	}
	seconds := time.Since(began).Seconds()
	line := fmt.Sprintf("%s: %d rows of %s to %s in %.2f s, %.0f rows/s, %s on %s", plan.Job.Mode, s.Rows, plan.Job.In, plan.Job.Out, seconds, float64(s.Rows)/seconds, plan.Job.Variant, on.Name())
	if s.Skipped > 0 {
		line += fmt.Sprintf("; %d of %d parts existed already", s.Skipped, s.Parts)
	}
	if passed := plan.Source.Passed.String(); passed != "" {
		line += "; " + passed
	}
	if cut := plan.TextsCut(); cut > 0 {
		line += fmt.Sprintf("; %d texts had more tokens than the embedder takes, and were cut", cut)
	}
	fmt.Fprintln(env.Stderr, line)
	return err
}
