//go:build !purego

#include "textflag.h"

// For each byte of the code, 64 codes at once: low and high four bits of the codes' bytes pick their distance from the
// query's table (VPSHUFB, 32 look-ups an instruction), and the distances are added up in bytes: Y0 for codes 0 to 31, Y1 for
// 32 to 63. Before these could overflow, after 31 bytes, they are added to sums of 16 bits: Y4 to Y7, in the order in which
// VPUNPCK takes bytes apart and VPACK puts them together.
//
//	SI codes' bytes       BX the next block's head     DX heads' end       R11 the block's tail
//	DI their tables       R8 tables of the head        R12 of the tail     R13 tables' end
//	R9 where the part under way ends, R10 where its 31 bytes do; CX block
//
// func scanAVX2(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)
TEXT ·scanAVX2(SB), NOSPLIT, $0-112
	MOVQ         heads_base+8(FP), SI
	MOVQ         heads_len+16(FP), DX
	ADDQ         SI, DX
	MOVQ         tails_base+32(FP), R11
	MOVQ         tables_base+56(FP), R8
	MOVQ         tables_len+64(FP), R13
	ADDQ         R8, R13
	MOVQ         head+80(FP), R12
	SHLQ         $5, R12
	ADDQ         R8, R12
	MOVQ         $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ        AX, X15
	VPBROADCASTQ X15, Y15
	VPXOR        Y14, Y14, Y14
	VPBROADCASTW limit+88(FP), Y13
	XORQ         CX, CX

block:
	XORQ  AX, AX
	CMPQ  SI, DX
	JAE   done
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	MOVQ  R8, DI
	MOVQ  R12, R9
	MOVQ  R12, BX
	SUBQ  R8, BX
	LEAQ  (SI)(BX*2), BX

bytes31:
	VPXOR   Y0, Y0, Y0
	VPXOR   Y1, Y1, Y1
	LEAQ    (31*32)(DI), R10
	CMPQ    R10, R9
	CMOVQHI R9, R10

byte:
	VBROADCASTI128 (DI), Y2
	VBROADCASTI128 16(DI), Y3
	VMOVDQU        (SI), Y8
	VMOVDQU        32(SI), Y9
	VPSRLW         $4, Y8, Y10
	VPSRLW         $4, Y9, Y11
	VPAND          Y15, Y8, Y8
	VPAND          Y15, Y9, Y9
	VPAND          Y15, Y10, Y10
	VPAND          Y15, Y11, Y11
	VPSHUFB        Y8, Y2, Y8
	VPSHUFB        Y9, Y2, Y9
	VPSHUFB        Y10, Y3, Y10
	VPSHUFB        Y11, Y3, Y11
	VPADDB         Y8, Y0, Y0
	VPADDB         Y9, Y1, Y1
	VPADDB         Y10, Y0, Y0
	VPADDB         Y11, Y1, Y1
	ADDQ           $64, SI
	ADDQ           $32, DI
	CMPQ           DI, R10
	JNE            byte

	VPUNPCKLBW Y14, Y0, Y8
	VPUNPCKHBW Y14, Y0, Y9
	VPUNPCKLBW Y14, Y1, Y10
	VPUNPCKHBW Y14, Y1, Y11
	VPADDUSW   Y8, Y4, Y4
	VPADDUSW   Y9, Y5, Y5
	VPADDUSW   Y10, Y6, Y6
	VPADDUSW   Y11, Y7, Y7
	CMPQ       DI, R9
	JNE        bytes31

	// at most limit: where the smaller of both is the distance
	VPMINUW   Y13, Y4, Y8
	VPMINUW   Y13, Y5, Y9
	VPMINUW   Y13, Y6, Y10
	VPMINUW   Y13, Y7, Y11
	VPCMPEQW  Y4, Y8, Y8
	VPCMPEQW  Y5, Y9, Y9
	VPCMPEQW  Y6, Y10, Y10
	VPCMPEQW  Y7, Y11, Y11
	VPACKSSWB Y9, Y8, Y8
	VPACKSSWB Y11, Y10, Y10
	VPMOVMSKB Y8, AX
	VPMOVMSKB Y10, R10
	SHLQ      $32, R10
	ORQ       R10, AX
	JZ        next
	CMPQ      R9, R13
	JEQ       found
	MOVQ      R11, SI
	MOVQ      R13, R9
	JMP       bytes31

next:
	MOVQ BX, SI
	MOVQ R13, AX
	SUBQ R12, AX
	LEAQ (R11)(AX*2), R11
	INCQ CX
	JMP  block

found:
	MOVQ       d+0(FP), DI
	VPERM2I128 $0x20, Y5, Y4, Y8
	VPERM2I128 $0x31, Y5, Y4, Y9
	VPERM2I128 $0x20, Y7, Y6, Y10
	VPERM2I128 $0x31, Y7, Y6, Y11
	VMOVDQU    Y8, (DI)
	VMOVDQU    Y9, 32(DI)
	VMOVDQU    Y10, 64(DI)
	VMOVDQU    Y11, 96(DI)

done:
	VZEROUPPER
	MOVQ CX, block+96(FP)
	MOVQ AX, near+104(FP)
	RET

// func cpuid(leaf, subleaf uint32) (a, b, c uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	MOVL subleaf+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	RET

// func xgetbv() (xcr0 uint32)
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, xcr0+0(FP)
	RET
