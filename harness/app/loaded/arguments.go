package loaded

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"seatrial/internal/lazyregexp"
)

// interpreters execute a script that is named among their arguments.
var interpreters = lazyregexp.New(`^(sh|bash|dash|ash|busybox|ksh|zsh|python[0-9.]*|node|nodejs|bun|deno|ruby[0-9.]*|perl[0-9.]*|php[0-9.]*|lua[0-9.]*|java|guile|Rscript|tclsh[0-9.]*)$`)

// takesOnlyScripts are interpreters whose first file is the script, and no setting of theirs.
var takesOnlyScripts = lazyregexp.New(`^((ba|da|a|k|z)?sh|python[0-9.]*)$`)

var (
	// pathVariables are where interpreters look for more code.
	pathVariables = []string{
		"PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "NODE_PATH", "GEM_HOME", "GEM_PATH", "BUNDLE_PATH", "RUBYLIB", "PERL5LIB", "PERLLIB", "CLASSPATH", "PHP_INI_SCAN_DIR",
	}
	// optionVariables hold options.
	optionVariables = []string{"NODE_OPTIONS", "RUBYOPT", "PERL5OPT", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"}
	// pathOptions are followed by code, or by where to look for more: as the next argument,
	// after an equals sign, or, for short ones, at once.
	pathOptions = lazyregexp.New(`^(-I|-r|-L|-t|-f|-jar|-cp|-classpath|-javaagent|--class-path|--module-path|--require|--import|--loader|--experimental-loader|--include-path)(?:[=:]|$)(.*)$`)
	joined      = lazyregexp.New(`^-[IrL](.+)$`)
	// noScript options bring the program themselves: what follows are arguments of it.
	noScriptOf = []struct{ interpreter, option *lazyregexp.Regexp }{
		{lazyregexp.New(`sh$|^busybox$`), lazyregexp.New(`^-[a-z]*c$`)},
		{lazyregexp.New(`^python`), lazyregexp.New(`^-[a-zA-Z]*[cm]$`)},
		{lazyregexp.New(`^java$`), lazyregexp.New(`^(-m|--module)$`)},
		{lazyregexp.New(``), lazyregexp.New(`^(-[a-zA-Z]*[eE]|-p|--eval|--print)$`)},
	}
)

// noScript says that an interpreter is given no script where it has such an option.
func noScript(interpreter, option string) bool {
	for _, one := range noScriptOf {
		if one.interpreter.MatchString(interpreter) {
			return one.option.MatchString(option)
		}
	}
	return false
}

// interpreted are the script that an interpreter was given, and where it looks for more.
// Names count from where the line was started: a program may go elsewhere afterwards.
func (v view) interpreted(exe string) []part {
	name := path.Base(exe)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", v.proc.PID))
	if !interpreters.MatchString(name) || err != nil {
		return nil
	}
	args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
	env := v.environment()
	cwd, _ := v.link("cwd")
	from := []string{env["PWD"], cwd} // where the line was started, as a shell says it; else where the program is now
	var found []part
	add := func(names string) {
		for one := range strings.SplitSeq(names, ":") {
			if p, ok := v.find(from, one); ok {
				found = append(found, p)
			}
		}
	}
	for _, key := range pathVariables {
		add(env[key])
	}
	for _, key := range optionVariables {
		for _, file := range options(strings.Fields(env[key])) {
			add(file)
		}
	}
	args = args[min(1, len(args)):]
	end := slices.IndexFunc(args, func(arg string) bool { return noScript(name, arg) })
	if end >= 0 && strings.HasPrefix(name, "python") && strings.HasSuffix(args[end], "m") {
		add(cmp.Or(env["PWD"], cwd)) // where it looks for the module
	}
	for i, arg := range args {
		if i == end {
			break
		}
		value := i > 0 && pathOptions.FindString(args[i-1]) == args[i-1] && args[i-1] != ""
		if arg == "" || strings.HasPrefix(arg, "-") || strings.ContainsAny(arg, " \n") || value {
			continue
		}
		if p, ok := v.find(from, arg); ok { // the first that is there is the script
			p.sure = takesOnlyScripts.MatchString(name)
			found, end = append(found, p), i
			break
		}
	}
	if end >= 0 {
		args = args[:end]
	}
	for _, file := range options(args) {
		add(file)
	}
	return found
}

// options are the files and folders among an interpreter's options.
func options(args []string) (names []string) {
	for i, arg := range args {
		if m := pathOptions.FindStringSubmatch(arg); m != nil {
			if m[2] == "" && i+1 < len(args) {
				m[2] = args[i+1]
			}
			names = append(names, m[2])
		} else if m := joined.FindStringSubmatch(arg); m != nil {
			names = append(names, m[1])
		}
	}
	return names
}

// find opens what a name means in the first folder where it is there.
func (v view) find(from []string, name string) (part, bool) {
	if name == "" {
		return part{}, false
	}
	for _, dir := range from {
		full := name
		if !path.IsAbs(name) {
			full = path.Join(dir, name)
		}
		if !path.IsAbs(full) {
			continue
		}
		if f, real, ok := v.open(full); ok {
			return part{path: real, file: f}, true
		}
	}
	return part{}, false
}

func (v view) environment() map[string]string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", v.proc.PID))
	env := map[string]string{}
	for entry := range strings.SplitSeq(string(raw), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	return env
}
