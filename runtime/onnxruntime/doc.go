// Package onnxruntime runs graphs on Microsoft's onnxruntime, and finds, installs and examines its library.
//
// # Nouns
//
// The library is one native file. [FindLibrary] says where it is looked for, [Install] fetches the pinned [Version] into
// the user's cache, [EnsureLibrary] does one or the other. [Open] loads it, once a process, and returns a
// [backend.Backend]. [Diagnose] explains what is wrong; `catvae doctor` prints it.
//
//	b, err := onnxruntime.Open(ctx, onnxruntime.WithDevice(backend.CUDA))
//	if err != nil { … }
//	model, err := runtime.Open(ctx, "run/bundle", runtime.WithBackend(b))
//
// # What is loaded
//
// A library runs with all rights of its user. It is loaded only from where nobody but root and the user can write, if it is whole, and
// from the user's cache only if its SHA-256 is pinned; [WithPinnedOnly] wants that of every library. Nothing in the current folder is
// looked at, and no other program is run to find it. docs/environment.md has the rules, and what they do not defend.
//
// # Devices
//
// A device is run by one of onnxruntime's execution providers. Each is a row of one table and a file of its own (cpu.go,
// cuda.go) with all that is known of it: how it joins a session, which libraries it loads, what to install. A device that
// was asked for and is not there is an error, never another device; [backend.Auto] takes the first that is there.
//
// # Limits
//
// A process holds one onnxruntime, which stays loaded until the process ends, and one session for equal graphs and
// options. A program that uses onnxruntime_go by itself shares it: [Open] takes the environment that is there, if its version suits, and
// never destroys it. The library is reached through cgo. Without cgo everything here builds, and Open says what is missing.
package onnxruntime
