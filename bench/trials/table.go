//go:build unix

package main

import "context"

// A trial is a promise, and how it is tried.
type trial struct {
	name    string
	promise string // in words
	does    string // what is done to try it
	counts  string // what is counted, in the plural
	passes  string // what passes
	needs   string // a program without which it is skipped, in words; "" where there is none
	short   size   // the zero size leaves it out
	long    size
	cases   func(*bench, context.Context, size) ([]way, error)
}

// A size says how large a trial is.
type size struct {
	rows  int // of the sources that it makes
	times int // how many are counted for each way
	most  int // of its ways, drawn by the seed; 0 tries all
}

// trials is the table: help, docs/reliability.md and the order in which they are made follow from it.
var trials = []trial{
	killsTrial,
	powercutsTrial,
	errnoTrial,
	limitsTrial,
	bitrotTrial,
	sourceTrial,
	overlapTrial,
	folderTrial,
	devicesTrial,
	hostileTrial,
	libraryTrial,
	signalsTrial,
	shardsTrial,
	badTrial,
	memoryTrial,
	bombsTrial,
	startTrial,
	fuzzTrial,
}
