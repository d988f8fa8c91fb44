// Package runtime opens bundles and runs them.
//
//	model, err := runtime.Open("run/bundle")
//	if err != nil { … }
//	defer model.Close()
//	codes, err := model.Encode(ctx, nil, rows)   // packed codes, runtime.Unpack gives the bits
//
// Three nouns: a [Model] is an open bundle; a [Backend] runs ONNX graphs, onnxruntime unless [WithBackend] says
// otherwise; a [Graph] is one loaded ONNX model. Graphs are hashed, checked (internal/onnxcheck) and loaded from the same
// bytes. A process holds one onnxruntime, and one session for equal graphs and options.
//
// onnxruntime is a native library: [FindLibrary] says where it is looked for, [Install] fetches the pinned version,
// [Diagnose] explains what is wrong. A device that was asked for and is not there is an error, never another device.
// Without cgo everything but the onnxruntime backend builds, and the missing backend says so; package purego runs graphs there.
//
// Nothing here imports gorgonia: a program that only runs bundles stays small.
package runtime
