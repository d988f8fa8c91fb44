package cli

import (
	"fmt"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/runtime/embed"
)

// Texts are the flags of a source of texts.
type Texts struct {
	Embedder   string `help:"Folder of an embedding model in ONNX with its tokenizer.json: rows are texts, and this makes numbers of them. Without --column each line of the source is a text." placeholder:"FOLDER"`
	Pooling    string `help:"How the embedder makes one vector of a text's tokens: mean, cls (the first), output (what the model gives for a text itself), or auto, as its folder says, else the mean." default:"auto" enum:"auto,mean,cls,output"`
	Column     string `help:"Column of CSV or Parquet, or key of JSON lines, that holds the texts." placeholder:"NAME"`
	IDColumn   string `name:"id-column" help:"Of texts: the column or key of ids; without it one called id." placeholder:"NAME"`
	Embeddings string `help:"Folder in which train, tune, eval and search keep embeddings, so that no text is embedded twice; infer and encode read them; none keeps none. Left out, a folder of the user's cache." placeholder:"DIR|none"`
}

// Kept returns the folder of embeddings that are kept, "" for none.
func (t Texts) Kept() (string, error) {
	switch t.Embeddings {
	case "none":
		return "", nil
	case "":
		return embed.CacheDir()
	}
	return t.Embeddings, nil
}

// Given reports whether rows are texts.
func (t Texts) Given() bool { return t.Embedder != "" || t.Column != "" }

// job returns the flags as a job has them.
func (t Texts) job() (infer.Texts, error) {
	if !t.Given() {
		if t.IDColumn != "" {
			return infer.Texts{}, fmt.Errorf("%w: --id-column is of texts: name their column by --column", ErrUsage)
		}
		return infer.Texts{}, nil
	}
	dir, err := t.Kept()
	return infer.Texts{Embedder: t.Embedder, Pooling: t.Pooling, Column: t.Column, ID: t.IDColumn, Kept: dir}, err
}
