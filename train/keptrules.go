package train

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
	if old.Data.Color == "" {
		r.config.Data.Color = ""
	}
	if old.Data.Layout == "" {
		r.config.Data.Layout = ""
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
