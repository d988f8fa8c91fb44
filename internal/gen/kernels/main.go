// Command kernels writes codes' assembly for amd64: how a query is compared with blocks of 64 codes.
//
//	go run ./internal/gen/kernels -out kernels_amd64.s -pkg codes
//
// All kernels are one loop, see scan, around what a kernel does with one byte of 64 codes.
package main

import (
	"math/bits"

	asm "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A kernel compares a query with blocks.
type kernel struct {
	name, doc, signature string
	tableBytes           int    // of a query's table for each byte of a code
	prepare              func() // loads what stays the same
	zero                 func() // begins sums of a block
	add                  func(codes, table reg.GPVirtual)
	near                 func() reg.Register // compares sums with the limit; bit i is code i
}

// lanes is the number of codes in a block.
const lanes = 64

func main() {
	asm.ConstraintExpr("!purego")
	for _, k := range []kernel{halvesAVX2(), halvesAVX512(), bytesAVX2(), bytesVBMI()} {
		k.scan()
	}
	hammingAVX512().scan()
	asm.Generate()
}

// scan emits the loop: blocks, of each the head's bytes, and the tail's bytes where a code is near by its head.
func (k kernel) scan() {
	asm.TEXT(k.name, asm.NOSPLIT, k.signature)
	asm.Doc(k.doc)
	asm.Pragma("noescape")
	codes := asm.Load(asm.Param("heads").Base(), asm.GP64())
	end := asm.Load(asm.Param("heads").Len(), asm.GP64())
	asm.ADDQ(codes, end)
	tail := asm.Load(asm.Param("tails").Base(), asm.GP64())
	tables := asm.Load(asm.Param("tables").Base(), asm.GP64())
	tablesEnd := asm.Load(asm.Param("tables").Len(), asm.GP64())
	asm.ADDQ(tables, tablesEnd)
	tailTables := asm.Load(asm.Param("head"), asm.GP64())
	asm.SHLQ(operand.Imm(uint64(bits.Len(uint(k.tableBytes))-1)), tailTables)
	asm.ADDQ(tables, tailTables)
	k.prepare()
	block := asm.GP64()
	asm.XORQ(block, block)
	table, until, next, near := asm.GP64(), asm.GP64(), asm.GP64(), asm.GP64()

	asm.Label("block")
	asm.XORQ(near, near)
	asm.CMPQ(codes, end)
	asm.JAE(operand.LabelRef("done"))
	asm.MOVQ(tables, table)
	asm.MOVQ(tailTables, until)
	k.zero()

	asm.Label("byte")
	k.add(codes.(reg.GPVirtual), table)
	asm.ADDQ(operand.Imm(lanes), codes)
	asm.ADDQ(operand.U32(uint32(k.tableBytes)), table)
	asm.CMPQ(table, until)
	asm.JNE(operand.LabelRef("byte"))

	asm.MOVQ(k.near(), near)
	asm.CMPQ(until, tailTables)
	asm.JNE(operand.LabelRef("whole"))
	asm.MOVQ(codes, next)
	asm.TESTQ(near, near)
	asm.JZ(operand.LabelRef("next"))
	asm.CMPQ(tablesEnd, tailTables)
	asm.JE(operand.LabelRef("done"))
	asm.MOVQ(tail, codes)
	asm.MOVQ(tablesEnd, until)
	asm.JMP(operand.LabelRef("byte"))

	asm.Label("whole")
	asm.TESTQ(near, near)
	asm.JNZ(operand.LabelRef("done"))

	asm.Label("next")
	asm.MOVQ(next, codes)
	tailSize := asm.GP64()
	asm.MOVQ(tablesEnd, tailSize)
	asm.SUBQ(tailTables, tailSize)
	if k.tableBytes < lanes {
		asm.SHLQ(operand.Imm(uint64(bits.Len(uint(lanes/k.tableBytes))-1)), tailSize)
	} else {
		asm.SHRQ(operand.Imm(uint64(bits.Len(uint(k.tableBytes/lanes))-1)), tailSize)
	}
	asm.ADDQ(tailSize, tail)
	asm.INCQ(block)
	asm.JMP(operand.LabelRef("block"))

	asm.Label("done")
	asm.VZEROUPPER()
	asm.Store(block, asm.ReturnIndex(0))
	asm.Store(near, asm.ReturnIndex(1))
	asm.RET()
}

const scoreSignature = "func(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)"

// low is 15 in every byte.
func low(to reg.Register, broadcast func(...operand.Op)) {
	mask, x := asm.GP64(), asm.XMM()
	asm.MOVQ(operand.U64(0x0f0f0f0f0f0f0f0f), mask)
	asm.VMOVQ(mask, x)
	broadcast(x, to)
}

// limitBytes is the limit in every byte.
func limitBytes(to reg.Register, broadcast func(...operand.Op)) {
	x := asm.XMM()
	asm.VMOVD(asm.Load(asm.Param("limit"), asm.GP32()), x)
	broadcast(x, to)
}

// bytes2 compares two registers of 32 sums with the limit: at most limit is where the smaller of both is the sum.
func bytes2(sums [2]reg.VecVirtual, limit reg.VecVirtual) reg.Register {
	masks := [2]reg.GPVirtual{asm.GP64(), asm.GP64()}
	for i, sum := range sums {
		y := asm.YMM()
		asm.VPMINUB(limit, sum, y)
		asm.VPCMPEQB(sum, y, y)
		asm.VPMOVMSKB(y, masks[i].As32())
	}
	asm.SHLQ(operand.Imm(32), masks[1])
	asm.ORQ(masks[1], masks[0])
	return masks[0]
}

// halvesAVX2: low and high four bits of the codes' bytes pick an entry each (VPSHUFB, 32 look-ups an instruction).
func halvesAVX2() kernel {
	fifteen, limit, sums := asm.YMM(), asm.YMM(), [2]reg.VecVirtual{asm.YMM(), asm.YMM()}
	return kernel{
		name: "scanHalvesAVX2", doc: "scanHalvesAVX2 is scanHalvesGeneric.", signature: scoreSignature, tableBytes: 32,
		prepare: func() {
			low(fifteen, func(o ...operand.Op) { asm.VPBROADCASTQ(o[0], o[1]) })
			limitBytes(limit, func(o ...operand.Op) { asm.VPBROADCASTB(o[0], o[1]) })
		},
		zero: func() {
			for _, s := range sums {
				asm.VPXOR(s, s, s)
			}
		},
		add: func(codes, table reg.GPVirtual) {
			lowTable, highTable := asm.YMM(), asm.YMM()
			asm.VBROADCASTI128(operand.Mem{Base: table}, lowTable)
			asm.VBROADCASTI128(operand.Mem{Base: table, Disp: 16}, highTable)
			for i, sum := range sums {
				lowHalf, highHalf := asm.YMM(), asm.YMM()
				asm.VMOVDQU(operand.Mem{Base: codes, Disp: 32 * i}, lowHalf)
				asm.VPSRLW(operand.Imm(4), lowHalf, highHalf)
				asm.VPAND(fifteen, lowHalf, lowHalf)
				asm.VPAND(fifteen, highHalf, highHalf)
				asm.VPSHUFB(lowHalf, lowTable, lowHalf)
				asm.VPSHUFB(highHalf, highTable, highHalf)
				asm.VPADDUSB(lowHalf, sum, sum)
				asm.VPADDUSB(highHalf, sum, sum)
			}
		},
		near: func() reg.Register { return bytes2(sums, limit) },
	}
}

// near64 compares 64 sums with the limit.
func near64(sum, limit reg.VecVirtual) reg.Register {
	k, near := asm.K(), asm.GP64()
	asm.VPCMPUB(operand.Imm(2), limit, sum, k)
	asm.KMOVQ(k, near)
	return near
}

// halvesAVX512 does what halvesAVX2 does, with 64 look-ups an instruction.
func halvesAVX512() kernel {
	fifteen, limit, sum := asm.ZMM(), asm.ZMM(), asm.ZMM()
	return kernel{
		name: "scanHalvesAVX512", doc: "scanHalvesAVX512 is scanHalvesGeneric, with AVX-512 F and BW.", signature: scoreSignature, tableBytes: 32,
		prepare: func() {
			low(fifteen, asm.VPBROADCASTQ)
			limitBytes(limit, asm.VPBROADCASTB)
		},
		zero: func() { asm.VPXORQ(sum, sum, sum) },
		add: func(codes, table reg.GPVirtual) {
			lowTable, highTable, lowHalf, highHalf := asm.ZMM(), asm.ZMM(), asm.ZMM(), asm.ZMM()
			asm.VBROADCASTI32X4(operand.Mem{Base: table}, lowTable)
			asm.VBROADCASTI32X4(operand.Mem{Base: table, Disp: 16}, highTable)
			asm.VMOVDQU64(operand.Mem{Base: codes}, lowHalf)
			asm.VPSRLW(operand.Imm(4), lowHalf, highHalf)
			asm.VPANDQ(fifteen, lowHalf, lowHalf)
			asm.VPANDQ(fifteen, highHalf, highHalf)
			asm.VPSHUFB(lowHalf, lowTable, lowHalf)
			asm.VPSHUFB(highHalf, highTable, highHalf)
			asm.VPADDUSB(lowHalf, sum, sum)
			asm.VPADDUSB(highHalf, sum, sum)
		},
		near: func() reg.Register { return near64(sum, limit) },
	}
}

// bytesAVX2 has tables of 256 entries, 16 at a time: a byte less the 16 t below those of a part, plus 112 with saturation, has its
// top bit set unless it is within the part, and VPSHUFB then gives 0. Parts beyond the categories are left out.
func bytesAVX2() kernel {
	const signature = "func(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64)"
	limit, sixteen, outside, sums := asm.YMM(), asm.YMM(), asm.YMM(), [2]reg.VecVirtual{asm.YMM(), asm.YMM()}
	categories := asm.GP64()
	return kernel{
		name: "scanBytesAVX2", doc: "scanBytesAVX2 is scanBytesGeneric, of codes below categories.", signature: signature, tableBytes: 256,
		prepare: func() {
			limitBytes(limit, func(o ...operand.Op) { asm.VPBROADCASTB(o[0], o[1]) })
			constant(16, sixteen)
			constant(112, outside)
			asm.Load(asm.Param("categories"), categories)
		},
		zero: func() {
			for _, s := range sums {
				asm.VPXOR(s, s, s)
			}
		},
		add: func(codes, table reg.GPVirtual) {
			bytes := [2]reg.VecVirtual{asm.YMM(), asm.YMM()}
			for i, b := range bytes {
				asm.VMOVDQU(operand.Mem{Base: codes, Disp: 32 * i}, b)
			}
			part, until := asm.GP64(), asm.GP64()
			asm.MOVQ(table, part)
			asm.LEAQ(operand.Mem{Base: table, Index: categories, Scale: 1}, until)
			asm.Label("part")
			entries := asm.YMM()
			asm.VBROADCASTI128(operand.Mem{Base: part}, entries)
			for i, b := range bytes {
				x := asm.YMM()
				asm.VPADDUSB(outside, b, x)
				asm.VPSHUFB(x, entries, x)
				asm.VPADDUSB(x, sums[i], sums[i])
				asm.VPSUBB(sixteen, b, b)
			}
			asm.ADDQ(operand.Imm(16), part)
			asm.CMPQ(part, until)
			asm.JB(operand.LabelRef("part"))
		},
		near: func() reg.Register { return bytes2(sums, limit) },
	}
}

// constant sets every byte of a register.
func constant(value uint32, to reg.VecVirtual) {
	general, x := asm.GP32(), asm.XMM()
	asm.MOVL(operand.U32(value), general)
	asm.VMOVD(general, x)
	asm.VPBROADCASTB(x, to)
}

// bytesVBMI picks entries from 128 (VPERMI2B), and from the other 128, of which the codes' top bits take one.
func bytesVBMI() kernel {
	limit, sum := asm.ZMM(), asm.ZMM()
	return kernel{
		name: "scanBytesVBMI", doc: "scanBytesVBMI is scanBytesGeneric, with AVX-512 F, BW and VBMI.", signature: scoreSignature, tableBytes: 256,
		prepare: func() { limitBytes(limit, asm.VPBROADCASTB) },
		zero:    func() { asm.VPXORQ(sum, sum, sum) },
		add: func(codes, table reg.GPVirtual) {
			below, above, first, top := asm.ZMM(), asm.ZMM(), asm.ZMM(), asm.K()
			asm.VMOVDQU64(operand.Mem{Base: codes}, below)
			asm.VPMOVB2M(below, top)
			asm.VMOVDQA64(below, above)
			asm.VMOVDQU64(operand.Mem{Base: table}, first)
			asm.VPERMI2B(operand.Mem{Base: table, Disp: 64}, first, below)
			asm.VMOVDQU64(operand.Mem{Base: table, Disp: 128}, first)
			asm.VPERMI2B(operand.Mem{Base: table, Disp: 192}, first, above)
			asm.VPBLENDMB(above, below, top, below)
			asm.VPADDUSB(below, sum, sum)
		},
		near: func() reg.Register { return near64(sum, limit) },
	}
}

// hammingAVX512 counts the bits that differ (VPOPCNTB), in bytes, which hold 31 of 8 bits, and then in words.
func hammingAVX512() kernel {
	limit, bytes, words := asm.ZMM(), asm.ZMM(), [2]reg.VecVirtual{asm.ZMM(), asm.ZMM()}
	left := asm.GP64()
	const most = 31
	return kernel{
		name: "scanDistancesAVX512", doc: "scanDistancesAVX512 is query.scanGeneric, with AVX-512 F, BW and BITALG. tables has each byte of the query four times.",
		signature: "func(d *[64]uint16, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)", tableBytes: 4,
		prepare: func() {
			x := asm.XMM()
			asm.VMOVD(asm.Load(asm.Param("limit"), asm.GP32()), x)
			asm.VPBROADCASTW(x, limit)
		},
		zero: func() {
			for _, w := range words {
				asm.VPXORQ(w, w, w)
			}
			asm.VPXORQ(bytes, bytes, bytes)
			asm.MOVQ(operand.U64(most), left)
		},
		add: func(codes, table reg.GPVirtual) {
			x := asm.ZMM()
			asm.VMOVDQU64(operand.Mem{Base: codes}, x)
			asm.VPXORD_BCST(operand.Mem{Base: table}, x, x)
			asm.Instruction(&ir.Instruction{Opcode: "VPOPCNTB", Operands: []operand.Op{x, x}, Inputs: []operand.Op{x}, Outputs: []operand.Op{x}, ISA: []string{"AVX512_BITALG"}})
			asm.VPADDB(x, bytes, bytes)
			asm.DECQ(left)
			asm.JNZ(operand.LabelRef("more"))
			widen(bytes, words)
			asm.MOVQ(operand.U64(most), left)
			asm.Label("more")
		},
		near: func() reg.Register {
			widen(bytes, words)
			asm.MOVQ(operand.U64(most), left)
			d := asm.Load(asm.Param("d"), asm.GP64())
			masks := [2]reg.GPVirtual{asm.GP64(), asm.GP64()}
			for i, w := range words {
				k := asm.K()
				asm.VPCMPUW(operand.Imm(2), limit, w, k)
				asm.KMOVD(k, masks[i].As32())
				asm.VMOVDQU64(w, operand.Mem{Base: d, Disp: 64 * i})
			}
			asm.SHLQ(operand.Imm(32), masks[1])
			asm.ORQ(masks[1], masks[0])
			return masks[0]
		},
	}
}

// widen adds sums of bytes to those of words, and begins them anew.
func widen(bytes reg.VecVirtual, words [2]reg.VecVirtual) {
	x, high := asm.ZMM(), asm.YMM()
	asm.VPMOVZXBW(bytes.AsY(), x)
	asm.VPADDUSW(x, words[0], words[0])
	asm.VEXTRACTI64X4(operand.Imm(1), bytes, high)
	asm.VPMOVZXBW(high, x)
	asm.VPADDUSW(x, words[1], words[1])
	asm.VPXORQ(bytes, bytes, bytes)
}
