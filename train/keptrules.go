package train

import (
	"cmp"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/picture"
)

// keepRules makes a run that continues an old one read rows as that one did. A run names its rules in its config.json; where they are
// missing, it began before there were any: pictures on black, and as the pixels lie; numbers by their type; the last rows held out.
// The names of columns are the run's, whatever its rows are read from now.
func (r *run) keepRules() {
	if !r.options.Resume {
		return
	}
	old, _, err := readRunConfig(r.options.Out)
	if err != nil {
		return // whoever continues the run says so
	}
	if old.Data.Background == "" {
		r.config.Data.Background = ""
	}
	if old.Data.Orientation == "" {
		r.config.Data.Orientation = ""
	}
	if old.Data.Holdout == "" {
		r.config.Data.Holdout = ""
	}
	if old.Data.Numbers == "" {
		r.config.Data.Numbers = ""
	}
	if t := &r.config.Data.Table; len(t.Names) == 0 && t.NamesSum == "" {
		t.Names, t.NamesSum = old.Data.Table.Names, old.Data.Table.NamesSum
	}
}

// resolvePictures names the rules by which a source's pictures became rows, and drops them where the rows are no pictures. So a
// configuration says whether a model was trained on pictures, and its bundle how others become rows.
func (d *Data) resolvePictures(info dataset.Info) {
	if info.Pictures {
		d.Background, d.Orientation = cmp.Or(d.Background, picture.Black), cmp.Or(d.Orientation, picture.OrientationNone)
		return
	}
	d.Background, d.Orientation = "", ""
}
