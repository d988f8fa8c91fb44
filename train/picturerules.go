package train

import (
	"cmp"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/picture"
)

// keepPictureRules makes a run that continues an old one read pictures as that one did. A run of pictures names its rules in its
// config.json; where they are missing, it began before there were any: black, and as the pixels lie.
func (r *run) keepPictureRules() {
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
