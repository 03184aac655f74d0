#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigprocmask 14
#define SYS_exit_group 231
#define SYS_clone3 435
#define SIG_SETMASK 2

// func cloneAndRun(c *rawChild) int
//
// Between the two changes of the signal mask nothing is called and nothing is
// pushed: no signal handler runs, in parent or child, and the child leaves the
// return address alone that both of them see at 0(SP).
TEXT ·cloneAndRun(SB), NOSPLIT, $0-16
	MOVQ	c+0(FP), R12

	MOVL	$SYS_rt_sigprocmask, AX
	MOVL	$SIG_SETMASK, DI
	LEAQ	rawChild_all(R12), SI
	LEAQ	rawChild_mask(R12), DX
	MOVL	$8, R10
	SYSCALL

	MOVL	$SYS_clone3, AX
	LEAQ	rawChild_clone(R12), DI
	MOVQ	rawChild_size(R12), SI
	SYSCALL
	TESTQ	AX, AX
	JZ	child

	MOVQ	AX, ret+8(FP)
	MOVL	$SYS_rt_sigprocmask, AX
	MOVL	$SIG_SETMASK, DI
	LEAQ	rawChild_mask(R12), SI
	XORL	DX, DX
	MOVL	$8, R10
	SYSCALL
	RET

child:
	// SYSCALL changes AX, CX and R11 only.
	LEAQ	rawChild_calls(R12), R13
	XORL	R8, R8 // some calls want their fifth argument to be 0

next:
	MOVQ	rawCall_trap(R13), AX
	MOVQ	rawCall_a(R13), DI
	MOVQ	rawCall_b(R13), SI
	MOVQ	rawCall_c(R13), DX
	MOVQ	rawCall_d(R13), R10
	SYSCALL
	ADDQ	$rawCall__size, R13
	CMPQ	AX, $0xfffffffffffff001
	JCS	next

	NEGQ	AX
	MOVQ	AX, rawChild_errno(R12)

exit:
	MOVL	$SYS_exit_group, AX
	MOVL	$253, DI
	SYSCALL
	JMP	exit
