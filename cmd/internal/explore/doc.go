// Package explore makes a page of a bundle, to play with its codes: bits are flipped, and the decoded row changes beside them.
//
// # Mental model
//
// There is one page: assets/page.html, its style and its modules, which are joined into one script. What it needs of a model is an
// engine, an object with the methods encode, threshold, decode, sample, atlas, picture, rows, codes and nearest. There are two:
//
//	page ──> engine ──┬── assets/served.mjs    asks Go over HTTP       Explorer.Handler ──> runtime.Model
//	                  └── assets/alone.mjs     onnxruntime-web         graphs, rows and codes lie in the page
//
// An [Explorer] is an open model with some rows and some codes. [Explorer.Handler] serves the page of the first kind, and the
// endpoints that its engine asks; [Explorer.Write] writes the page of the second kind, one file that needs no network and no other
// file. An [Info] is what the page is told at first, the same in both.
//
// Numbers go over the wire as float32, little-endian, row after row: nothing is rounded on the way. Packed codes go as bytes, the
// most significant bit first.
//
// # Limits
//
// A served page is for one person on one machine. Requests of other sites' pages are refused, by their origin and by the name of the
// host that they ask for; whoever can use the machine's loopback can use the page. What a request may ask for is bounded: see
// server.go.
package explore
