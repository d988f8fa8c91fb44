package onnxruntime

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
)

// errCut is wrapped by the errors for files that end too early. The system's loader would map what is not there, and the
// process would die with SIGBUS.
var errCut = errors.New("the file is cut short or damaged")

// whole checks that a file is a shared library for this processor, with all that its headers promise.
func whole(r io.ReaderAt, size int64) error {
	var magic [4]byte
	if n, err := r.ReadAt(magic[:], 0); n < len(magic) {
		if n == 0 && errors.Is(err, io.EOF) {
			return fmt.Errorf("the file is empty: %w", errCut)
		}
		return fmt.Errorf("%w: %w", errCut, err)
	}
	switch {
	case string(magic[:]) == elf.ELFMAG:
		return wholeELF(r, size)
	case string(magic[:2]) == "MZ":
		return wholePE(r, size)
	case string(magic[:]) == "\xcf\xfa\xed\xfe":
		return wholeMachO(r, size)
	case string(magic[:]) == "\xca\xfe\xba\xbe":
		fat, err := macho.NewFatFile(r)
		if err != nil {
			return fmt.Errorf("%w: %w", errCut, err)
		}
		for _, arch := range fat.Arches {
			if int64(arch.Offset)+int64(arch.Size) > size {
				return errCut
			}
		}
		return nil
	}
	return errors.New("it is no shared library")
}

func wholeELF(r io.ReaderAt, size int64) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errCut, err)
	}
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM}
	if want, ok := machine[goruntime.GOARCH]; ok && f.Machine != want {
		return fmt.Errorf("it is for another processor: %v", f.Machine)
	}
	if f.Type != elf.ET_DYN {
		return errors.New("it is no shared library")
	}
	loads := 0
	for _, p := range f.Progs {
		if !within(p.Off, p.Filesz, size) {
			return errCut
		}
		if p.Type == elf.PT_LOAD {
			loads++
		}
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && !within(s.Offset, s.FileSize, size) {
			return errCut
		}
	}
	if loads == 0 {
		return errCut
	}
	return nil
}

func wholeMachO(r io.ReaderAt, size int64) error {
	f, err := macho.NewFile(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errCut, err)
	}
	for _, l := range f.Loads {
		if s, ok := l.(*macho.Segment); ok && !within(s.Offset, s.Filesz, size) {
			return errCut
		}
	}
	return nil
}

func wholePE(r io.ReaderAt, size int64) error {
	f, err := pe.NewFile(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errCut, err)
	}
	for _, s := range f.Sections {
		if !within(uint64(s.Offset), uint64(s.Size), size) {
			return errCut
		}
	}
	return nil
}

// within reports whether length bytes at an offset lie within a file.
func within(offset, length uint64, size int64) bool {
	return offset <= uint64(size) && length <= uint64(size)-offset
}
