package codes_test

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/codes"
)

// three are three codes of ten bits: rows 0 and 1 differ in one bit, row 2 differs from both in most.
var three = []float32{
	1, 0, 1, 1, 0, 0, 0, 0, 1, 1,
	1, 0, 1, 1, 0, 0, 0, 1, 1, 1,
	0, 1, 0, 0, 1, 1, 1, 1, 0, 0,
}

// Pack codes, and find the two that are nearest to the first one.
func Example() {
	packed, err := codes.Pack(nil, three, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := codes.NewIndex(10)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := index.Add(packed); err != nil {
		fmt.Println(err)
		return
	}
	found, err := index.Search(context.Background(), packed[:2], 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n%+v\n", packed[:2], found[0])
	// Output:
	// b0 c0
	// [{Row:0 Distance:0 Score:0} {Row:1 Distance:1 Score:0}]
}

// A query by floats: what the encoder says of a row, in place of its code.
func ExampleIndex_SearchFloats() {
	packed, err := codes.Pack(nil, three, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := codes.NewIndex(10)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := index.Add(packed); err != nil {
		fmt.Println(err)
		return
	}
	query := []float32{2, -1, 1, 0.5, -3, -1, -0.5, 0.25, 1, 2} // the eighth bit is uncertain
	found, err := index.SearchFloats(context.Background(), query, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found[0][0].Row, found[0][0].Score, found[0][1].Row, found[0][1].Score)
	// Output: 1 12.25 0 11.75
}

// Index codes have a byte for each variable. A query by floats is a look-up table: a number for each category of each variable.
func ExampleNewCategories() {
	index, err := codes.NewCategories(2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := index.Add([]byte{0, 2, 1, 1, 2, 2}); err != nil {
		fmt.Println(err)
		return
	}
	found, err := index.SearchFloats(context.Background(), []float32{0.5, 1, 0, 0, 0.25, 2}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found[0][0].Row, found[0][0].Score, found[0][1].Row, found[0][1].Score)
	// Output: 0 2.5 2 2
}

// The first bit comes first, in the most significant place; the last byte is padded with zeros.
func ExamplePack() {
	packed, err := codes.Pack(nil, three[:10], 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	bits, err := codes.Unpack(nil, packed, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%08b\n%d\n", packed, bits)
	// Output:
	// [10110000 11000000]
	// [1 0 1 1 0 0 0 0 1 1]
}

func ExampleAppendBits() {
	packed := []byte{0xb0, 0xc0}
	fmt.Printf("%s\n%s\n", codes.AppendBits(nil, packed, 10), codes.AppendHex(nil, packed))
	// Output:
	// 1011000011
	// b0c0
}

func ExampleParseBits() {
	packed, err := codes.ParseBits(nil, "1011000011", 10)
	fmt.Printf("% x %v\n", packed, err)
	// Output: b0 c0 <nil>
}

func ExampleDistance() {
	fmt.Println(codes.Distance([]byte{0xb0, 0xc0}, []byte{0xb1, 0xc0}))
	// Output: 1
}

// How well each bit is used: its mean, its entropy, and how it goes with another.
func ExampleStats() {
	packed, err := codes.Pack(nil, three, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := codes.NewStats(10)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Add(packed); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d codes: bit 0 is set in %.2f of them, entropy %.2f bits, dead %t\n", s.Rows(), s.Mean(0), s.Entropy(0), s.Dead(0))
	fmt.Printf("correlation with bit 1: %.2f, with bit 2: %.2f\n", s.Correlation(0, 1), s.Correlation(0, 2))
	// Output:
	// 3 codes: bit 0 is set in 0.67 of them, entropy 0.92 bits, dead false
	// correlation with bit 1: -1.00, with bit 2: 1.00
}
