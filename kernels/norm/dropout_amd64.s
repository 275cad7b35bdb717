#include "textflag.h"

// Counters of a block sit in the lanes so that the final interleaving of words needs no step across 128-bit halves.
DATA order<>+0(SB)/4, $0
DATA order<>+4(SB)/4, $2
DATA order<>+8(SB)/4, $4
DATA order<>+12(SB)/4, $6
DATA order<>+16(SB)/4, $1
DATA order<>+20(SB)/4, $3
DATA order<>+24(SB)/4, $5
DATA order<>+28(SB)/4, $7
GLOBL order<>(SB), RODATA|NOPTR, $32

DATA multiplier<>+0(SB)/4, $0xD2511F53
DATA multiplier<>+4(SB)/4, $0xCD9E8D57
GLOBL multiplier<>(SB), RODATA|NOPTR, $8

DATA weyl<>+0(SB)/4, $0x9E3779B9
DATA weyl<>+4(SB)/4, $0xBB67AE85
GLOBL weyl<>(SB), RODATA|NOPTR, $8

DATA eight<>+0(SB)/4, $8
GLOBL eight<>(SB), RODATA|NOPTR, $4

// One Philox round on eight counters: words in Y0-Y3, multipliers in Y4 and Y5, keys in Y10 and Y11, their increments in Y12
// and Y13. Products of even and odd lanes are taken apart and blended again.
#define ROUND \
	VPSRLQ   $32, Y0, Y7         \
	VPSRLQ   $32, Y2, Y9         \
	VPMULUDQ Y0, Y4, Y6          \
	VPMULUDQ Y7, Y4, Y7          \
	VPMULUDQ Y2, Y5, Y8          \
	VPMULUDQ Y9, Y5, Y9          \
	VPXOR    Y10, Y1, Y1         \
	VPXOR    Y11, Y3, Y3         \
	VPSRLQ   $32, Y8, Y0         \
	VPBLENDD $0xAA, Y9, Y0, Y0   \
	VPXOR    Y1, Y0, Y0          \
	VPSLLQ   $32, Y9, Y9         \
	VPBLENDD $0xAA, Y9, Y8, Y1   \
	VPSRLQ   $32, Y6, Y2         \
	VPBLENDD $0xAA, Y7, Y2, Y2   \
	VPXOR    Y3, Y2, Y2          \
	VPSLLQ   $32, Y7, Y7         \
	VPBLENDD $0xAA, Y7, Y6, Y3   \
	VPADDD   Y12, Y10, Y10       \
	VPADDD   Y13, Y11, Y11

// FACTORS turns words into factors: keep where word>>9 is not below the threshold in Y15, else zero.
#define FACTORS(word) \
	VPSRLD   $9, word, word      \
	VPCMPGTD word, Y15, word     \
	VPANDN   Y6, word, word

// func maskAVX2(dst *float32, blocks int, counter *[4]uint32, key *[2]uint32, threshold int32, keep float32)
TEXT ·maskAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ blocks+8(FP), CX
	MOVQ counter+16(FP), SI
	MOVQ key+24(FP), DX
	VPBROADCASTD multiplier<>+0(SB), Y4
	VPBROADCASTD multiplier<>+4(SB), Y5
	VPBROADCASTD weyl<>+0(SB), Y12
	VPBROADCASTD weyl<>+4(SB), Y13
	VPBROADCASTD 0(SI), Y14
	VPADDD       order<>(SB), Y14, Y14
	MOVL         threshold+32(FP), AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVL         keep+36(FP), R8

block:
	VMOVDQA      Y14, Y0
	VPBROADCASTD 4(SI), Y1
	VPBROADCASTD 8(SI), Y2
	VPBROADCASTD 12(SI), Y3
	VPBROADCASTD 0(DX), Y10
	VPBROADCASTD 4(DX), Y11
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	ROUND
	VMOVD        R8, X6
	VPBROADCASTD X6, Y6
	FACTORS(Y0)
	FACTORS(Y1)
	FACTORS(Y2)
	FACTORS(Y3)
	VPUNPCKLDQ   Y1, Y0, Y6
	VPUNPCKLDQ   Y3, Y2, Y7
	VPUNPCKHDQ   Y1, Y0, Y8
	VPUNPCKHDQ   Y3, Y2, Y9
	VPUNPCKLQDQ  Y7, Y6, Y0
	VPUNPCKHQDQ  Y7, Y6, Y1
	VPUNPCKLQDQ  Y9, Y8, Y2
	VPUNPCKHQDQ  Y9, Y8, Y3
	VMOVDQU      Y0, 0(DI)
	VMOVDQU      Y1, 32(DI)
	VMOVDQU      Y2, 64(DI)
	VMOVDQU      Y3, 96(DI)
	VPBROADCASTD eight<>(SB), Y6
	VPADDD       Y6, Y14, Y14
	ADDQ         $128, DI
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET
