//go:build cgo && unix

// Package plainsignal installs a signal handler the way native libraries do, for the test that catvae survives it.
package plainsignal

/*
#include <signal.h>

static volatile sig_atomic_t catvae_caught;

static void catvae_catch(int s) { catvae_caught = s; }

static int catvae_install(int s) {
	struct sigaction a;
	sigemptyset(&a.sa_mask);
	a.sa_flags = 0; // no SA_ONSTACK
	a.sa_handler = catvae_catch;
	return sigaction(s, &a, NULL);
}
*/
import "C"

// Install replaces the process's handler of a signal by one without SA_ONSTACK, and reports whether it could.
func Install(signal int) bool { return C.catvae_install(C.int(signal)) == 0 }
