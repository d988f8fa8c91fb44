package dataset

import (
	"archive/zip"
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/visible"
)

// NPZ is numpy's format for several arrays: a ZIP archive of NPY files.
// https://numpy.org/doc/stable/reference/generated/numpy.savez.html

// arrays are the members that are taken where an archive holds several and none is named.
var arrays = []string{"x.npy", "arr_0.npy", "data.npy", "images.npy", "codes.npy"}

// openNPZ opens the array that is asked for, else the only one, or one with a usual name.
func openNPZ(f *File, o Options) (Reader, error) { return openArray(f, o.Member, o) }

// openArray streams an array of an archive.
func openArray(f *File, member string, o Options) (Reader, error) {
	z, err := zip.NewReader(f, f.Size())
	if err != nil {
		return nil, f.Broken("it is no ZIP archive", err)
	}
	path := f.Name()
	var names []string
	for _, m := range z.File {
		names = append(names, m.Name)
	}
	if err := refuseMembers(path, names); err != nil {
		return nil, err
	}
	if member == "" && isSparse(names) {
		return openCSR(f, z, o)
	}
	name := member + ".npy"
	if member == "" && len(names) == 1 {
		name = names[0]
	} else if member == "" {
		if i := slices.IndexFunc(arrays, func(n string) bool { return slices.Contains(names, n) }); i >= 0 {
			name = arrays[i]
		}
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, &UnsupportedError{File: path, Reason: fmt.Sprintf("which of its arrays is meant? It holds %s: name one as %s:NAME", arraysOf(names), path)}
	}
	if z.File[i].UncompressedSize64 > 1<<50 {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf("%s claims %d bytes", visible.Name(name), z.File[i].UncompressedSize64)}
	}
	content, err := z.File[i].Open()
	if err != nil {
		return nil, f.Broken(fmt.Sprintf("%s cannot be unpacked", visible.Name(name)), err)
	}
	s := &stream{
		Reader: bufio.NewReaderSize(content, bufferSize), name: path + ":" + strings.TrimSuffix(name, ".npy"), from: f,
		size: f.Bytes(), plain: int64(z.File[i].UncompressedSize64), packed: true,
	}
	return newNPY(s, o)
}

// arraysOf names the members of an archive, the first ten of them.
func arraysOf(members []string) string {
	var names []string
	for _, m := range members[:min(10, len(members))] {
		names = append(names, visible.Name(strings.TrimSuffix(m, ".npy")))
	}
	if more := len(members) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
