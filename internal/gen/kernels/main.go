// Command kernels writes codes' assembly for amd64: how a query is compared with blocks of 64 codes.
//
//	go run ./internal/gen/kernels -out kernels_amd64.s -pkg codes
//
// All kernels are one loop, see scan, around what a kernel does with one byte of 64 codes.
package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A kernel compares a query with blocks.
type kernel struct {
	name, doc, signature string
	tableBytes           int    // of a query's table for each byte of a code
	prepare              func() // loads what stays the same
	zero                 func() // begins sums of a block
	add                  func(codes, table GPVirtual)
	near                 func() Register // compares sums with the limit; bit i is code i
}

// lanes is the number of codes in a block.
const lanes = 64

func main() {
	ConstraintExpr("!purego")
	for _, k := range []kernel{halvesAVX2(), halvesAVX512(), bytesAVX2(), bytesVBMI()} {
		k.scan()
	}
	hammingAVX512().scan()
	Generate()
}

// scan emits the loop: blocks, of each the head's bytes, and the tail's bytes where a code is near by its head.
func (k kernel) scan() {
	TEXT(k.name, NOSPLIT, k.signature)
	Doc(k.doc)
	Pragma("noescape")
	codes := Load(Param("heads").Base(), GP64())
	end := Load(Param("heads").Len(), GP64())
	ADDQ(codes, end)
	tail := Load(Param("tails").Base(), GP64())
	tables := Load(Param("tables").Base(), GP64())
	tablesEnd := Load(Param("tables").Len(), GP64())
	ADDQ(tables, tablesEnd)
	tailTables := Load(Param("head"), GP64())
	SHLQ(Imm(uint64(bits.Len(uint(k.tableBytes))-1)), tailTables)
	ADDQ(tables, tailTables)
	k.prepare()
	block := GP64()
	XORQ(block, block)
	table, until, next, near := GP64(), GP64(), GP64(), GP64()

	Label("block")
	XORQ(near, near)
	CMPQ(codes, end)
	JAE(LabelRef("done"))
	MOVQ(tables, table)
	MOVQ(tailTables, until)
	k.zero()

	Label("byte")
	k.add(codes.(GPVirtual), table)
	ADDQ(Imm(lanes), codes)
	ADDQ(U32(uint32(k.tableBytes)), table)
	CMPQ(table, until)
	JNE(LabelRef("byte"))

	MOVQ(k.near(), near)
	CMPQ(until, tailTables)
	JNE(LabelRef("whole"))
	MOVQ(codes, next)
	TESTQ(near, near)
	JZ(LabelRef("next"))
	CMPQ(tablesEnd, tailTables)
	JE(LabelRef("done"))
	MOVQ(tail, codes)
	MOVQ(tablesEnd, until)
	JMP(LabelRef("byte"))

	Label("whole")
	TESTQ(near, near)
	JNZ(LabelRef("done"))

	Label("next")
	MOVQ(next, codes)
	tailSize := GP64()
	MOVQ(tablesEnd, tailSize)
	SUBQ(tailTables, tailSize)
	if k.tableBytes < lanes {
		SHLQ(Imm(uint64(bits.Len(uint(lanes/k.tableBytes))-1)), tailSize)
	} else {
		SHRQ(Imm(uint64(bits.Len(uint(k.tableBytes/lanes))-1)), tailSize)
	}
	ADDQ(tailSize, tail)
	INCQ(block)
	JMP(LabelRef("block"))

	Label("done")
	VZEROUPPER()
	Store(block, ReturnIndex(0))
	Store(near, ReturnIndex(1))
	RET()
}

const scoreSignature = "func(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)"

// low is 15 in every byte.
func low(to Register, broadcast func(...Op)) {
	mask, x := GP64(), XMM()
	MOVQ(U64(0x0f0f0f0f0f0f0f0f), mask)
	VMOVQ(mask, x)
	broadcast(x, to)
}

// limitBytes is the limit in every byte.
func limitBytes(to Register, broadcast func(...Op)) {
	x := XMM()
	VMOVD(Load(Param("limit"), GP32()), x)
	broadcast(x, to)
}

// bytes2 compares two registers of 32 sums with the limit: at most limit is where the smaller of both is the sum.
func bytes2(sums [2]VecVirtual, limit VecVirtual) Register {
	masks := [2]GPVirtual{GP64(), GP64()}
	for i, sum := range sums {
		y := YMM()
		VPMINUB(limit, sum, y)
		VPCMPEQB(sum, y, y)
		VPMOVMSKB(y, masks[i].As32())
	}
	SHLQ(Imm(32), masks[1])
	ORQ(masks[1], masks[0])
	return masks[0]
}

// halvesAVX2: low and high four bits of the codes' bytes pick an entry each (VPSHUFB, 32 look-ups an instruction).
func halvesAVX2() kernel {
	fifteen, limit, sums := YMM(), YMM(), [2]VecVirtual{YMM(), YMM()}
	return kernel{
		name: "scanHalvesAVX2", doc: "scanHalvesAVX2 is scanHalvesGeneric.", signature: scoreSignature, tableBytes: 32,
		prepare: func() {
			low(fifteen, func(o ...Op) { VPBROADCASTQ(o[0], o[1]) })
			limitBytes(limit, func(o ...Op) { VPBROADCASTB(o[0], o[1]) })
		},
		zero: func() {
			for _, s := range sums {
				VPXOR(s, s, s)
			}
		},
		add: func(codes, table GPVirtual) {
			lowTable, highTable := YMM(), YMM()
			VBROADCASTI128(Mem{Base: table}, lowTable)
			VBROADCASTI128(Mem{Base: table, Disp: 16}, highTable)
			for i, sum := range sums {
				lowHalf, highHalf := YMM(), YMM()
				VMOVDQU(Mem{Base: codes, Disp: 32 * i}, lowHalf)
				VPSRLW(Imm(4), lowHalf, highHalf)
				VPAND(fifteen, lowHalf, lowHalf)
				VPAND(fifteen, highHalf, highHalf)
				VPSHUFB(lowHalf, lowTable, lowHalf)
				VPSHUFB(highHalf, highTable, highHalf)
				VPADDUSB(lowHalf, sum, sum)
				VPADDUSB(highHalf, sum, sum)
			}
		},
		near: func() Register { return bytes2(sums, limit) },
	}
}

// near64 compares 64 sums with the limit.
func near64(sum, limit VecVirtual) Register {
	k, near := K(), GP64()
	VPCMPUB(Imm(2), limit, sum, k)
	KMOVQ(k, near)
	return near
}

// halvesAVX512 does what halvesAVX2 does, with 64 look-ups an instruction.
func halvesAVX512() kernel {
	fifteen, limit, sum := ZMM(), ZMM(), ZMM()
	return kernel{
		name: "scanHalvesAVX512", doc: "scanHalvesAVX512 is scanHalvesGeneric, with AVX-512 F and BW.", signature: scoreSignature, tableBytes: 32,
		prepare: func() {
			low(fifteen, VPBROADCASTQ)
			limitBytes(limit, VPBROADCASTB)
		},
		zero: func() { VPXORQ(sum, sum, sum) },
		add: func(codes, table GPVirtual) {
			lowTable, highTable, lowHalf, highHalf := ZMM(), ZMM(), ZMM(), ZMM()
			VBROADCASTI32X4(Mem{Base: table}, lowTable)
			VBROADCASTI32X4(Mem{Base: table, Disp: 16}, highTable)
			VMOVDQU64(Mem{Base: codes}, lowHalf)
			VPSRLW(Imm(4), lowHalf, highHalf)
			VPANDQ(fifteen, lowHalf, lowHalf)
			VPANDQ(fifteen, highHalf, highHalf)
			VPSHUFB(lowHalf, lowTable, lowHalf)
			VPSHUFB(highHalf, highTable, highHalf)
			VPADDUSB(lowHalf, sum, sum)
			VPADDUSB(highHalf, sum, sum)
		},
		near: func() Register { return near64(sum, limit) },
	}
}

// bytesAVX2 has tables of 256 entries, 16 at a time: a byte less the 16 t below those of a part, plus 112 with saturation, has its
// top bit set unless it is within the part, and VPSHUFB then gives 0. Parts beyond the categories are left out.
func bytesAVX2() kernel {
	const signature = "func(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64)"
	limit, sixteen, outside, sums := YMM(), YMM(), YMM(), [2]VecVirtual{YMM(), YMM()}
	categories := GP64()
	return kernel{
		name: "scanBytesAVX2", doc: "scanBytesAVX2 is scanBytesGeneric, of codes below categories.", signature: signature, tableBytes: 256,
		prepare: func() {
			limitBytes(limit, func(o ...Op) { VPBROADCASTB(o[0], o[1]) })
			constant(16, sixteen)
			constant(112, outside)
			Load(Param("categories"), categories)
		},
		zero: func() {
			for _, s := range sums {
				VPXOR(s, s, s)
			}
		},
		add: func(codes, table GPVirtual) {
			bytes := [2]VecVirtual{YMM(), YMM()}
			for i, b := range bytes {
				VMOVDQU(Mem{Base: codes, Disp: 32 * i}, b)
			}
			part, until := GP64(), GP64()
			MOVQ(table, part)
			LEAQ(Mem{Base: table, Index: categories, Scale: 1}, until)
			Label("part")
			entries := YMM()
			VBROADCASTI128(Mem{Base: part}, entries)
			for i, b := range bytes {
				x := YMM()
				VPADDUSB(outside, b, x)
				VPSHUFB(x, entries, x)
				VPADDUSB(x, sums[i], sums[i])
				VPSUBB(sixteen, b, b)
			}
			ADDQ(Imm(16), part)
			CMPQ(part, until)
			JB(LabelRef("part"))
		},
		near: func() Register { return bytes2(sums, limit) },
	}
}

// constant sets every byte of a register.
func constant(value uint32, to VecVirtual) {
	general, x := GP32(), XMM()
	MOVL(U32(value), general)
	VMOVD(general, x)
	VPBROADCASTB(x, to)
}

// bytesVBMI picks entries from 128 (VPERMI2B), and from the other 128, of which the codes' top bits take one.
func bytesVBMI() kernel {
	limit, sum := ZMM(), ZMM()
	return kernel{
		name: "scanBytesVBMI", doc: "scanBytesVBMI is scanBytesGeneric, with AVX-512 F, BW and VBMI.", signature: scoreSignature, tableBytes: 256,
		prepare: func() { limitBytes(limit, VPBROADCASTB) },
		zero:    func() { VPXORQ(sum, sum, sum) },
		add: func(codes, table GPVirtual) {
			below, above, first, top := ZMM(), ZMM(), ZMM(), K()
			VMOVDQU64(Mem{Base: codes}, below)
			VPMOVB2M(below, top)
			VMOVDQA64(below, above)
			VMOVDQU64(Mem{Base: table}, first)
			VPERMI2B(Mem{Base: table, Disp: 64}, first, below)
			VMOVDQU64(Mem{Base: table, Disp: 128}, first)
			VPERMI2B(Mem{Base: table, Disp: 192}, first, above)
			VPBLENDMB(above, below, top, below)
			VPADDUSB(below, sum, sum)
		},
		near: func() Register { return near64(sum, limit) },
	}
}

// hammingAVX512 counts the bits that differ (VPOPCNTB), in bytes, which hold 31 of 8 bits, and then in words.
func hammingAVX512() kernel {
	limit, bytes, words := ZMM(), ZMM(), [2]VecVirtual{ZMM(), ZMM()}
	left := GP64()
	const most = 31
	return kernel{
		name: "scanDistancesAVX512", doc: "scanDistancesAVX512 is query.scanGeneric, with AVX-512 F, BW and BITALG. tables has each byte of the query four times.",
		signature: "func(d *[64]uint16, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)", tableBytes: 4,
		prepare: func() {
			x := XMM()
			VMOVD(Load(Param("limit"), GP32()), x)
			VPBROADCASTW(x, limit)
		},
		zero: func() {
			for _, w := range words {
				VPXORQ(w, w, w)
			}
			VPXORQ(bytes, bytes, bytes)
			MOVQ(U64(most), left)
		},
		add: func(codes, table GPVirtual) {
			x := ZMM()
			VMOVDQU64(Mem{Base: codes}, x)
			VPXORD_BCST(Mem{Base: table}, x, x)
			Instruction(&ir.Instruction{Opcode: "VPOPCNTB", Operands: []Op{x, x}, Inputs: []Op{x}, Outputs: []Op{x}, ISA: []string{"AVX512_BITALG"}})
			VPADDB(x, bytes, bytes)
			DECQ(left)
			JNZ(LabelRef("more"))
			widen(bytes, words)
			MOVQ(U64(most), left)
			Label("more")
		},
		near: func() Register {
			widen(bytes, words)
			MOVQ(U64(most), left)
			d := Load(Param("d"), GP64())
			masks := [2]GPVirtual{GP64(), GP64()}
			for i, w := range words {
				k := K()
				VPCMPUW(Imm(2), limit, w, k)
				KMOVD(k, masks[i].As32())
				VMOVDQU64(w, Mem{Base: d, Disp: 64 * i})
			}
			SHLQ(Imm(32), masks[1])
			ORQ(masks[1], masks[0])
			return masks[0]
		},
	}
}

// widen adds sums of bytes to those of words, and begins them anew.
func widen(bytes VecVirtual, words [2]VecVirtual) {
	x, high := ZMM(), YMM()
	VPMOVZXBW(bytes.AsY(), x)
	VPADDUSW(x, words[0], words[0])
	VEXTRACTI64X4(Imm(1), bytes, high)
	VPMOVZXBW(high, x)
	VPADDUSW(x, words[1], words[1])
	VPXORQ(bytes, bytes, bytes)
}
