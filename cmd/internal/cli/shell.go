package cli

import (
	"regexp"
	"runtime"
	"strings"
)

// plainWord matches what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\pL\pN_@%+=:,./-]+$`)

// ShellWord quotes a name for the system's shell where that is needed: for spaces, and for patterns, which infer expands itself.
func ShellWord(name string) string { return shellWord(runtime.GOOS, name) }

// shellWord quotes for a POSIX shell, or for both of Windows' shells: there no name holds a quotation mark, and a backslash
// stands for itself.
func shellWord(system, name string) string {
	windows := system == "windows"
	switch plain := plainWord.MatchString(name); {
	case plain && !windows, windows && plainWord.MatchString(strings.ReplaceAll(name, `\`, "/")) && !strings.ContainsAny(name, "%@,"):
		return name
	case windows:
		return `"` + name + `"`
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
