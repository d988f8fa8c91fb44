package train

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
)

// NumbersAlike is the value of data.numbers by which every number has one divisor, whatever type it has in a file. Training finds out
// which of bundle.NumbersWhole and bundle.NumbersReal the rows hold, and writes that.
const NumbersAlike = "alike"

// Where data.divide comes from.
const (
	fromConfiguration = "configuration"
	fromPictures      = "pictures"
	fromRows          = "rows"
)

// withScale returns the configuration with data.numbers and data.divide as the training rows, all of them, want them. The set was
// loaded by [dist.Raw].
func (c Config) withScale(set *dataset.Set) (Config, error) {
	e := set.Extent()
	d := &c.Data
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err != nil {
		return c, fmt.Errorf("train: %w: %w", err, ErrConfig)
	}
	found, err := divisorOf(set, e, l)
	if (d.Divide == 0 || l.Values().Whole) && err != nil {
		return c, fmt.Errorf("%w (likelihood.kind is %s)", err, c.Likelihood.Name())
	}
	from := fromRows
	if set.Pictures {
		from = fromPictures
	}
	switch {
	case d.Divide == 0:
		d.Divide, d.DivideFrom = found, from
	case err != nil || found != d.Divide || from != d.DivideFrom: // also where another run found it, in other rows
		d.DivideFrom = fromConfiguration
	}
	switch {
	case d.Numbers == bundle.NumbersWhole && !e.Whole:
		return c, fmt.Errorf("train: data.numbers is whole, and %s of %s is %g: set data.numbers=real: %w", placeIn(set, e.FractionAt), set.Source, e.Fraction, ErrConfig)
	case d.Numbers != NumbersAlike: // somebody has said
	case e.Whole:
		d.Numbers = bundle.NumbersWhole
	default:
		d.Numbers = bundle.NumbersReal
	}
	return c, nil
}

// divisorOf returns by what the numbers of the training rows are divided where nobody said, or the refusal to guess.
func divisorOf(set *dataset.Set, e dataset.Extent, l dist.Likelihood) (float64, error) {
	unit := func(v dist.Values) bool { return v.Least == 0 && v.Most == 1 }
	switch {
	case l.Values().Whole:
		return l.Values().Numbers, wholeRows(set, e, l.Values())
	case !unit(l.Values()) && !set.Pictures:
		return l.Values().Numbers, nil
	case set.Pictures:
		return 255, nil
	case e.Least >= 0 && e.Most <= 1:
		return 1, nil
	case e.Whole && e.Least >= 0 && e.Most >= 128 && e.Most <= 255:
		return 255, nil
	}
	kind := "whole numbers"
	if !e.Whole {
		kind = fmt.Sprintf("with fractions (%g in %s)", e.Fraction, placeIn(set, e.FractionAt))
	}
	found := fmt.Sprintf("the rows of %s hold numbers from %g (%s) to %g (%s), %s",
		set.Source, e.Least, placeIn(set, e.LeastAt), e.Most, placeIn(set, e.MostAt), kind)
	if e.Least < 0 {
		return 0, fmt.Errorf("train: %s: values must lie in [0,1], and no data.divide makes a negative number one: scale them to [0,1] first%s: %w", found, realWay(), dataset.ErrData)
	}
	options := []string{fmt.Sprintf("set data.divide=%g, the greatest", e.Most)}
	if e.Most < 255 {
		options = append(options, "data.divide=255 if they are pixels of 0 to 255")
	}
	if len(set.Columns) > 0 { // of a table, whose columns may have units of their own
		options = append(options, "scale each column to [0,1] before (docs/tables-and-text.md)")
	}
	counts := ""
	if names := likelihoodsThat(func(l dist.Likelihood) bool { return l.Values().Counts() }); e.Whole && len(names) > 0 {
		counts = fmt.Sprintf(", or, if they are counts, likelihood.kind=%s with data.binarize=none", strings.Join(names, " or "))
	}
	return 0, fmt.Errorf("train: %s, which does not say what 1 is to be: %s%s%s: %w", found, strings.Join(options, ", or "), counts, realWay(), dataset.ErrData)
}

// realWay names the keys by which numbers of any range are taken as they are, as ", or …".
func realWay() string {
	names := likelihoodsThat(dist.Likelihood.Standardises)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(", or set likelihood.kind=%s, data.standardise=%s (%s for embeddings) and data.binarize=%s, which takes real numbers of any range", strings.Join(names, " or "), dist.StandardColumn, dist.StandardAll, dataset.None)
}

// likelihoodsThat returns the names of the likelihoods that something holds for.
func likelihoodsThat(holds func(l dist.Likelihood) bool) (names []string) {
	for _, name := range dist.LikelihoodNames() {
		if l, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: name}); err == nil && holds(l) {
			names = append(names, name)
		}
	}
	return names
}

// wholeRows reports rows that a likelihood of whole numbers does not take.
func wholeRows(set *dataset.Set, e dataset.Extent, v dist.Values) error {
	most := v.Most * v.Numbers
	switch {
	case !e.Whole:
		return fmt.Errorf("train: %s of %s is %g: the likelihood is of whole numbers: use one of real numbers, such as likelihood.kind=%s: %w", placeIn(set, e.FractionAt), set.Source, e.Fraction, dist.Gaussian, dataset.ErrData)
	case e.Least < 0:
		return fmt.Errorf("train: %s of %s is %g: the likelihood is of whole numbers from 0 up: use one of real numbers, such as likelihood.kind=%s: %w", placeIn(set, e.LeastAt), set.Source, e.Least, dist.Gaussian, dataset.ErrData)
	case float64(e.Most) > most:
		return fmt.Errorf("train: %s of %s is %g: the likelihood is of whole numbers of 0 to %g: use another likelihood.levels, or for counts likelihood.kind=%s: %w", placeIn(set, e.MostAt), set.Source, e.Most, most, dist.Poisson, dataset.ErrData)
	}
	return nil
}

// smallText warns of numbers that seem to have been divided before, where the configuration divides them. It is "" elsewhere.
func (c Config) smallText(set *dataset.Set) string {
	d := c.Data
	if d.Numbers == "" || d.DivideFrom != fromConfiguration || d.Divide <= 1 || set.Pictures || float64(set.Extent().Most)*d.Divide > 1.000001 {
		return ""
	}
	return "; warning: no number of the training rows is above 1: if they were divided before, or are 0 and 1 that mean black and white, set data.divide=1"
}

// placeIn names a value of a set: its row, its place in it, and its column's name where it has one.
func placeIn(set *dataset.Set, p dataset.Place) string {
	name := ""
	if p.Column < len(set.Columns) {
		name = " " + strconv.Quote(visible.Name(set.Columns[p.Column]))
	}
	return fmt.Sprintf("row %d, column %d%s", p.Row, p.Column, name)
}

// standardText says what becomes of numbers in the encoder's graph, by data.standardise.
var standardText = map[string]string{
	dist.StandardColumn: ", and the encoder's graph standardises them, each column by its mean and deviation over the rows trained on",
	dist.StandardAll:    ", and the encoder's graph standardises them, by one mean and deviation over the rows trained on",
	dist.StandardLog:    ", and the encoder's graph takes ln(1+x) of them",
}

// scaleText says by what numbers are divided and why, "" under the rule of older runs.
func (c Config) scaleText() string {
	d := c.Data
	if d.Numbers == "" || d.Numbers == NumbersAlike {
		return ""
	}
	if l, err := dist.LikelihoodOf(c.Likelihood); err == nil && d.Divide == 1 && l.Values().Most > 1 {
		return "numbers are taken as they are" + standardText[d.Standardise] + d.Vector.text()
	}
	hold := "whole numbers"
	if d.Numbers == bundle.NumbersReal {
		hold = "numbers with fractions"
	}
	why := map[string]string{
		fromConfiguration: fmt.Sprintf("as data.divide says (the training rows hold %s)", hold),
		fromPictures:      "as those of pictures are",
		fromRows:          fmt.Sprintf("since the training rows hold %s of 0 to %g", strings.TrimSuffix(hold, " with fractions"), d.Divide),
	}[d.DivideFrom]
	return fmt.Sprintf("numbers are divided by %g, %s", d.Divide, cmp.Or(why, "as the configuration says")) + standardText[d.Standardise] + d.Vector.text()
}
