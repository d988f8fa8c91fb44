// Package picture turns pictures into rows: bytes of one size, grey or in colours, by a [Rule] that a model's manifest names. Training, infer and
// a service that has a picture in memory get the same bytes from the same picture.
//
//	rule, err := model.Pictures()              // of a runtime.Model
//	row := make([]byte, rule.Size())
//	err = rule.Decode(ctx, row, file)          // of a file's bytes
//	err = rule.Row(row, img)                   // of an image.Image
//	codes, err := model.EncodeBytes(ctx, nil, row)
//
// The steps, in this order: decode by content, whatever the file is called; turn upright; lay on the background; turn grey, or take the
// colours apart; resize.
// docs/preprocessing.md has their formulas, and the same in Python and JavaScript.
//
// Files may come from anywhere. What decoding takes is estimated from a file's header before anything is allocated, and all
// decoding in a program shares one budget: see [Budget].
package picture
