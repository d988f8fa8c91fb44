//go:build cgo && unix

package onnxruntime

/*
#include <signal.h>
#include <stdlib.h>

// Highest signal number with room to spare; sigaction refuses what does not exist.
enum { catvae_signals = 65 };

static struct sigaction *catvae_save_signals(void) {
	struct sigaction *saved = calloc(catvae_signals, sizeof *saved);
	if (saved != NULL)
		for (int s = 1; s < catvae_signals; s++)
			sigaction(s, NULL, &saved[s]);
	return saved;
}

static int catvae_restore_signals(struct sigaction *saved) {
	int restored = 0;
	struct sigaction now;
	if (saved == NULL)
		return 0;
	for (int s = 1; s < catvae_signals; s++) {
		if (sigaction(s, NULL, &now) != 0)
			continue;
		if (now.sa_sigaction == saved[s].sa_sigaction && now.sa_flags == saved[s].sa_flags)
			continue;
		if (sigaction(s, &saved[s], NULL) == 0)
			restored++;
	}
	free(saved);
	return restored;
}
*/
import "C"

import "sync"

// signals is held while handlers are saved and restored: they belong to the process.
var signals sync.Mutex

// keepSignalHandlers runs f and puts back every signal handler that f replaced, and returns how many there were.
//
// onnxruntime's CUDA provider installs handlers of its own without SA_ONSTACK. Go's runtime needs that flag: the next
// signal, a Ctrl-C for one, would end the program with "non-Go code set up signal handler without SA_ONSTACK flag".
// https://github.com/yalue/onnxruntime_go/issues/140
func keepSignalHandlers(f func()) (restored int) {
	signals.Lock()
	defer signals.Unlock()
	saved := C.catvae_save_signals()
	defer func() { restored = int(C.catvae_restore_signals(saved)) }()
	f()
	return 0
}
