package train

import (
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/apart"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/rundir"
)

// checkApart reports data, or graphs that the configuration names, that would be lost with what the run at out replaces.
func checkApart(out, source string, graphs ...string) error {
	folders, files := rundir.Own(out)
	if err := replaced(out, dataset.Inputs(source), folders, files); err != nil {
		return err
	}
	folders = slices.DeleteFunc(folders, func(dir string) bool { return filepath.Base(dir) == rundir.Graphs }) // a run keeps its graphs
	return replaced(out, apart.Files(graphs...), folders, files)
}

func replaced(out string, inputs iter.Seq2[string, fs.FileInfo], folders, files []string) error {
	input, is := apart.Below(inputs, folders...)
	if !is {
		input, is = apart.Same(inputs, files...)
	}
	if !is {
		return nil
	}
	return fmt.Errorf("train: the run %s would replace %s, which it reads: %w: choose another folder for the run", out, input, atomicfile.ErrTarget)
}
