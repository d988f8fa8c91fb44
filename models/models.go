// Package models is the catalogue: named configurations as JSON.
//
// A name says which configuration `catvae train --config NAME` starts from; README.md in this folder says what each is
// for, and so does "doc" in each file. The files hold only what differs from [Default], which is complete.
package models

import (
	"embed"
	_ "embed" // for Default
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// The names of [Default] and of its counterpart with categorical variables.
const (
	DefaultName     = "bernoulli-mlp"
	CategoricalName = "categorical-mlp"
)

// Default is the configuration "bernoulli-mlp", which sets every key.
//
//go:embed bernoulli-mlp.json
var Default string

//go:embed *.json
var files embed.FS

// Names returns the names of the catalogue, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	slices.Sort(names)
	return names
}

// Get returns a configuration's JSON by name, and whether there is one.
func Get(name string) ([]byte, bool) {
	if !slices.Contains(Names(), name) {
		return nil, false
	}
	data, err := files.ReadFile(name + ".json")
	return data, err == nil
}

// Doc says in a line what a configuration is for, "" where there is none of the name.
func Doc(name string) string {
	data, _ := Get(name)
	var file struct{ Doc string }
	if json.Unmarshal(data, &file) != nil {
		return ""
	}
	return file.Doc
}
