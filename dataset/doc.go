// Package dataset reads rows of numbers to train on and to encode, draws some to start with, and binarises them.
//
// # Sources
//
// A source is the text that says where rows come from. [Kinds] lists them:
//
//	FILE              A file. Its format is recognised by its first bytes; that of a picture by its name, or by them.
//	FILE:NAME         One of the things that a file holds: an array of NPZ (.npz), a tensor of safetensors (.safetensors), a field of JSON lines (.jsonl), a column of CSV (.csv) or a column of Parquet (.parquet).
//	FOLDER (MNIST)    A folder with MNIST's files under their names, plain or in gzip or zstd; it has a training and a test split, and labels.
//	FOLDER (pictures) A folder with PNG, JPEG, GIF, WebP, BMP or TIFF pictures at any depth, in the order of their names, which are the rows' ids. Hidden files are passed over, and what else is no picture.
//	'PATTERN*.png'    The pictures that a pattern of path/filepath.Match fits. Quote it, so that the shell leaves it alone.
//	-                 Standard input: any of the files except pictures. What is not streamed is kept in a temporary file.
//	glyphs            Digits of 28x28 pixels, drawn on the fly with the Go fonts; they have a training and a test split, and labels.
//
// # Formats
//
// [Formats] lists what files may be:
//
//	IDX      bytes, int8, int16, int32, float or double; the first dimension counts the rows; plain or in gzip or zstd
//	NPY      booleans, integers of 8 to 64 bits, or floats of 16 to 64 bits, in either order; the first axis counts the rows; plain or in gzip or zstd
//	NPZ      one NPY array of an archive: the only one, one with a usual name, or FILE.npz:NAME; or SciPy's sparse matrix in CSR (scipy.sparse.save_npz)
//	safetensors one tensor: the only one of two axes, or FILE.safetensors:NAME; floats of 16 to 64 bits, bfloat16 too, integers and booleans
//	fvecs    the number of values before each row, and float32, bytes or int32
//	LIBSVM   the numbers that are not 0, each after its column's, from 1 or from 0; as svmlight's; all others are 0; plain or in gzip or zstd
//	JSON lines an object a line, of which one field is an array of numbers: the only such field, or FILE.jsonl:NAME; label and id as in CSV; plain or in gzip or zstd
//	word vectors a word, which is the id, and then numbers, between spaces or tabs, as GloVe, word2vec and fastText have them, with or without a first line of their numbers; plain or in gzip or zstd
//	CSV      numbers, a row a line, with or without a header, between commas, semicolons, tabs, bars or spaces; the column label is the label, id is no value; or one column of lists such as [0.1,0.2], as FILE.csv:NAME; plain or in gzip or zstd
//	Parquet  one column of lists, lists of lists, binary or pictures, as FILE.parquet:NAME where others are values too, or a number a column, of any type of numbers; label and id as in CSV
//	PNG      one row a picture, grey or in colours
//	JPEG     one row a picture, grey or in colours
//	GIF      one row a picture, grey or in colours
//	WebP     one row a picture, grey or in colours
//	BMP      one row a picture, grey or in colours
//	TIFF     one row a picture, grey or in colours
//
// Parquet is read where dataset/parquet is imported; [RegisterFormat] adds others.
//
// # Values
//
// [Open] returns a [Reader], which streams rows, one by one or many at once. [Load] returns a [Set], which holds a split in
// memory, bytes as bytes. Whatever a file holds, a row comes out as float32, by the rule of Options.Values: bytes are divided by
// 255 and all other numbers are taken as they are where nothing else is chosen, and values must lie within [0,1]. Rows keep
// their order. For files of many gigabytes use Open.
//
// # Texts
//
// Options.Texts says that a source holds texts: lines, a column of CSV or Parquet, or a key of JSON lines. An [Embedder], such as that of
// runtime/embed, makes a row of numbers of each.
//
// # Sums
//
// [Sums] says what rows were read from: a hash for each block of rows, over the bytes of the file. Options.Sums asks for it.
//
// # Errors
//
// A bad row (a number out of range, a line with too few, a broken picture) is an error that has a method BadRow; the rows after
// it can still be read. Any other error ends the source. Both wrap [ErrData] where the content is to blame. Sizes that a header
// claims are compared with the file before memory is allocated for them.
//
// An error of the system, such as too many open files, is neither: it ends the source, does not wrap ErrData, and the same may be
// tried again.
//
// A context governs its reader until the end: once it is done, opening, loading and reading stop at once, and the error wraps
// ctx.Err().
//
// # Concurrency
//
// A Reader is for one goroutine at a time, except what its Floats and Bytes return, which any goroutine may call. A Set and a
// [Binarizer] are safe for concurrent use.
package dataset
