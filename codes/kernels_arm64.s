//go:build !purego

#include "textflag.h"

// All three are one loop: blocks, of each the head's bytes, and the tail's bytes where a code is near by its head. Four registers hold a byte
// each of the 64 codes of a block.
//
//	R0 codes' bytes        R1 heads' end        R2 the block's tail     R10 the next block's head
//	R3 tables of the head  R5 of the tail       R4 tables' end          R8 the byte's table, R9 where the part under way ends
//	R6 block               R7 codes that are near, a bit each           V14 limit, V15 a bit for each of eight codes
//
// A function defines what it does with a byte, between the macros.

// BEGIN goes to the next block. SIZE is log2 of the bytes of a table.
#define BEGIN(SIZE) \
	ADD  R0, R1, R1     \
	ADD  R3, R4, R4     \
	LSL  $SIZE, R5, R5  \
	ADD  R3, R5, R5     \
	MOVD $0x8040201008040201, R11 \
	VMOV R11, V15.D[0]  \
	VMOV R11, V15.D[1]  \
	MOVD ZR, R6         \
block:                  \
	MOVD ZR, R7         \
	CMP  R1, R0         \
	BHS  done           \
	MOVD R3, R8         \
	MOVD R5, R9

// END decides, by R7, whether the tail is looked at, or the next block.
#define END(SIZE) \
	CMP  R5, R9       \
	BNE  whole        \
	MOVD R0, R10      \
	CBZ  R7, next     \
	CMP  R4, R5       \
	BEQ  done         \
	MOVD R2, R0       \
	MOVD R4, R9       \
	B    byte         \
whole:                \
	CBNZ R7, done     \
next:                 \
	MOVD R10, R0      \
	SUB  R5, R4, R11  \
	LSR  $SIZE, R11, R11 \
	ADD  R11<<6, R2, R2 \
	ADD  $1, R6, R6   \
	B    block        \
done:

// The assembler does not know these instructions.
#define UQADD(m, n, d) WORD $(0x6e200c00 | (m)<<16 | (n)<<5 | (d))
#define CMHSB(m, n, d) WORD $(0x6e203c00 | (m)<<16 | (n)<<5 | (d)) // n at least m
#define CMHSH(m, n, d) WORD $(0x6e603c00 | (m)<<16 | (n)<<5 | (d))

// NEAR makes R7 of V4 to V7, whose bytes are all ones where a code is near.
#define NEAR \
	VAND  V15.B16, V4.B16, V4.B16 \
	VAND  V15.B16, V5.B16, V5.B16 \
	VAND  V15.B16, V6.B16, V6.B16 \
	VAND  V15.B16, V7.B16, V7.B16 \
	VADDP V5.B16, V4.B16, V4.B16  \
	VADDP V7.B16, V6.B16, V6.B16  \
	VADDP V6.B16, V4.B16, V4.B16  \
	VADDP V4.B16, V4.B16, V4.B16  \
	VMOV  V4.D[0], R7

// COMPARE makes R7 of the sums of losses in V16 to V19.
#define COMPARE \
	CMHSB(16, 14, 4) \
	CMHSB(17, 14, 5) \
	CMHSB(18, 14, 6) \
	CMHSB(19, 14, 7) \
	NEAR

#define ZERO \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16

// func scanHalvesNEON(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)
TEXT ·scanHalvesNEON(SB), NOSPLIT, $0-104
	MOVD  heads_base+0(FP), R0
	MOVD  heads_len+8(FP), R1
	MOVD  tails_base+24(FP), R2
	MOVD  tables_base+48(FP), R3
	MOVD  tables_len+56(FP), R4
	MOVD  head+72(FP), R5
	MOVBU limit+80(FP), R11
	VDUP  R11, V14.B16
	VMOVI $15, V13.B16
	BEGIN(5)
	ZERO

byte:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 32(R8), [V20.B16, V21.B16]
	VUSHR  $4, V0.B16, V4.B16
	VUSHR  $4, V1.B16, V5.B16
	VUSHR  $4, V2.B16, V6.B16
	VUSHR  $4, V3.B16, V7.B16
	VAND   V13.B16, V0.B16, V0.B16
	VAND   V13.B16, V1.B16, V1.B16
	VAND   V13.B16, V2.B16, V2.B16
	VAND   V13.B16, V3.B16, V3.B16
	VTBL   V0.B16, [V20.B16], V0.B16
	VTBL   V1.B16, [V20.B16], V1.B16
	VTBL   V2.B16, [V20.B16], V2.B16
	VTBL   V3.B16, [V20.B16], V3.B16
	VTBL   V4.B16, [V21.B16], V4.B16
	VTBL   V5.B16, [V21.B16], V5.B16
	VTBL   V6.B16, [V21.B16], V6.B16
	VTBL   V7.B16, [V21.B16], V7.B16
	UQADD(0, 16, 16)
	UQADD(1, 17, 17)
	UQADD(2, 18, 18)
	UQADD(3, 19, 19)
	UQADD(4, 16, 16)
	UQADD(5, 17, 17)
	UQADD(6, 18, 18)
	UQADD(7, 19, 19)
	CMP    R9, R8
	BNE    byte
	COMPARE
	END(5)
	MOVD   R6, block+88(FP)
	MOVD   R7, near+96(FP)
	RET

// LOOK looks up 16 bytes in 256: in 64 of them, and after 64 is taken off in the next, which leaves the others as they are.
#define LOOK(codes, entries) \
	VTBL codes.B16, [V20.B16, V21.B16, V22.B16, V23.B16], entries.B16 \
	VSUB V13.B16, codes.B16, codes.B16 \
	VTBX codes.B16, [V24.B16, V25.B16, V26.B16, V27.B16], entries.B16 \
	VSUB V13.B16, codes.B16, codes.B16 \
	VTBX codes.B16, [V28.B16, V29.B16, V30.B16, V31.B16], entries.B16 \
	VSUB V13.B16, codes.B16, codes.B16 \
	VTBX codes.B16, [V8.B16, V9.B16, V10.B16, V11.B16], entries.B16

// func scanBytesNEON(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)
TEXT ·scanBytesNEON(SB), NOSPLIT, $0-104
	MOVD  heads_base+0(FP), R0
	MOVD  heads_len+8(FP), R1
	MOVD  tails_base+24(FP), R2
	MOVD  tables_base+48(FP), R3
	MOVD  tables_len+56(FP), R4
	MOVD  head+72(FP), R5
	MOVBU limit+80(FP), R11
	VDUP  R11, V14.B16
	VMOVI $64, V13.B16
	BEGIN(8)
	ZERO

byte:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R8), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1.P 64(R8), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1.P 64(R8), [V28.B16, V29.B16, V30.B16, V31.B16]
	VLD1.P 64(R8), [V8.B16, V9.B16, V10.B16, V11.B16]
	LOOK(V0, V4)
	LOOK(V1, V5)
	LOOK(V2, V6)
	LOOK(V3, V7)
	UQADD(4, 16, 16)
	UQADD(5, 17, 17)
	UQADD(6, 18, 18)
	UQADD(7, 19, 19)
	CMP    R9, R8
	BNE    byte
	COMPARE
	END(8)
	MOVD   R6, block+88(FP)
	MOVD   R7, near+96(FP)
	RET

// WIDEN adds sums of bytes, which hold the bits of 31, to those of words in V20 to V27.
#define WIDEN \
	VUADDW  V16.B8, V20.H8, V20.H8  \
	VUADDW2 V16.B16, V21.H8, V21.H8 \
	VUADDW  V17.B8, V22.H8, V22.H8  \
	VUADDW2 V17.B16, V23.H8, V23.H8 \
	VUADDW  V18.B8, V24.H8, V24.H8  \
	VUADDW2 V18.B16, V25.H8, V25.H8 \
	VUADDW  V19.B8, V26.H8, V26.H8  \
	VUADDW2 V19.B16, V27.H8, V27.H8 \
	ZERO                            \
	MOVD    $31, R12

// func scanDistancesNEON(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)
TEXT ·scanDistancesNEON(SB), NOSPLIT, $0-112
	MOVD  heads_base+8(FP), R0
	MOVD  heads_len+16(FP), R1
	MOVD  tails_base+32(FP), R2
	MOVD  tables_base+56(FP), R3
	MOVD  tables_len+64(FP), R4
	MOVD  head+80(FP), R5
	MOVHU limit+88(FP), R11
	VDUP  R11, V14.H8
	BEGIN(0)
	VEOR  V20.B16, V20.B16, V20.B16
	VEOR  V21.B16, V21.B16, V21.B16
	VEOR  V22.B16, V22.B16, V22.B16
	VEOR  V23.B16, V23.B16, V23.B16
	VEOR  V24.B16, V24.B16, V24.B16
	VEOR  V25.B16, V25.B16, V25.B16
	VEOR  V26.B16, V26.B16, V26.B16
	VEOR  V27.B16, V27.B16, V27.B16
	ZERO
	MOVD  $31, R12

byte:
	VLD1.P  64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1R.P 1(R8), [V4.B16]
	VEOR    V4.B16, V0.B16, V0.B16
	VEOR    V4.B16, V1.B16, V1.B16
	VEOR    V4.B16, V2.B16, V2.B16
	VEOR    V4.B16, V3.B16, V3.B16
	VCNT    V0.B16, V0.B16
	VCNT    V1.B16, V1.B16
	VCNT    V2.B16, V2.B16
	VCNT    V3.B16, V3.B16
	VADD    V0.B16, V16.B16, V16.B16
	VADD    V1.B16, V17.B16, V17.B16
	VADD    V2.B16, V18.B16, V18.B16
	VADD    V3.B16, V19.B16, V19.B16
	SUBS    $1, R12, R12
	BNE     more
	WIDEN

more:
	CMP  R9, R8
	BNE  byte
	WIDEN
	MOVD d+0(FP), R11
	VST1.P [V20.H8, V21.H8, V22.H8, V23.H8], 64(R11)
	VST1   [V24.H8, V25.H8, V26.H8, V27.H8], (R11)
	CMHSH(20, 14, 4)
	CMHSH(21, 14, 0)
	CMHSH(22, 14, 5)
	CMHSH(23, 14, 1)
	CMHSH(24, 14, 6)
	CMHSH(25, 14, 2)
	CMHSH(26, 14, 7)
	CMHSH(27, 14, 3)
	VUZP1 V0.B16, V4.B16, V4.B16 // one byte of each word
	VUZP1 V1.B16, V5.B16, V5.B16
	VUZP1 V2.B16, V6.B16, V6.B16
	VUZP1 V3.B16, V7.B16, V7.B16
	NEAR
	END(0)
	MOVD R6, block+96(FP)
	MOVD R7, near+104(FP)
	RET
