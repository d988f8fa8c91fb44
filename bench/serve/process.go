package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// resident returns the memory of a process.
func resident(pid int) (kb int64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(data, []byte("VmRSS:"))
	_, err = fmt.Sscan(string(rest), &kb)
	return kb, err
}

// tick is what /proc counts processor time in on Linux.
const tick = 10 * time.Millisecond

// processor returns the processor time of a process and of those that it has started, 0 where no process is named.
func processor(pid int) (used time.Duration) {
	if pid == 0 {
		return 0
	}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		data, err := os.ReadFile(file)
		if err != nil { // has ended
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ") // behind the name, which may hold anything
		fields := strings.Fields(rest)
		mine, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parent, _ := strconv.Atoi(fields[1])
		if mine == pid || parent == pid {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			used += time.Duration(user+system) * tick
		}
	}
	return used
}
