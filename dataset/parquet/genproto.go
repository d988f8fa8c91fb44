//go:build modules

package parquet

// pqarrow's packages import google.golang.org/genproto/googleapis/rpc, which was a part of google.golang.org/genproto until 2023.
// gorgonia's dependencies still ask for an older version of the whole: a module that imports both finds each package twice, and go mod
// tidy fails there. This import keeps a later version in go.mod. Nothing is built from it: the tag is never set.
import _ "google.golang.org/genproto/googleapis/type/date"
