//go:build cgo && !linux

package onnxruntime

func hold(string) (held bool) { return false }

func mapped() string { return "" }
