package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the pages that are made from the program")

// commandsPage is docs/reference/commands.md as the program's own help tells it.
func commandsPage() ([]byte, error) {
	var c commands
	parser, err := newParser(&c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("<!-- Written by go generate from the program's help. Do not edit. -->\n# Commands\n\n" + parser.Model.Help + "\n\n")
	b.WriteString("What an option means is also said by `seatrial COMMAND --help`. Every option is an environment variable, too: " +
		"see [configuration](configuration.md).\nWhat the exit codes mean: see [exit codes](exit-codes.md).\n\n")
	leaves := parser.Model.Leaves(true)
	for _, leaf := range leaves {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", path(leaf), strings.ReplaceAll(path(leaf), " ", "-"), leaf.Help)
	}
	b.WriteString("\n## Options of every command\n\n")
	options(&b, parser.Model.Flags)
	for _, leaf := range leaves {
		fmt.Fprintf(&b, "\n## %s\n\n", path(leaf))
		if len(leaf.Aliases) > 0 {
			fmt.Fprintf(&b, "Also called `%s`.\n\n", strings.Join(leaf.Aliases, "`, `"))
		}
		fmt.Fprintf(&b, "    %s\n\n%s\n", usage(leaf), leaf.Help)
		if leaf.Detail != "" {
			fmt.Fprintf(&b, "\n%s\n", leaf.Detail)
		}
		if len(leaf.Positional) > 0 {
			b.WriteString("\n| argument | |\n|---|---|\n")
			for _, arg := range leaf.Positional {
				fmt.Fprintf(&b, "| `%s` | %s |\n", arg.Summary(), cell(arg.Help))
			}
		}
		if flags := ownFlags(leaf); len(flags) > 0 {
			b.WriteString("\n")
			options(&b, flags)
		}
	}
	return b.Bytes(), nil
}

// path is what a person types to reach a command: its names without the aliases.
func path(n *kong.Node) string {
	if n.Parent == nil {
		return n.Name
	}
	return path(n.Parent) + " " + n.Name
}

// usage is the line that a person types.
func usage(n *kong.Node) string {
	line := path(n)
	for _, f := range ownFlags(n) {
		if f.Required {
			line += fmt.Sprintf(" --%s=%s", f.Name, f.FormatPlaceHolder())
		}
	}
	for _, arg := range n.Positional {
		line += " " + arg.Summary()
	}
	return line + " [options]"
}

// ownFlags are a command's and those of the commands above it, but not the program's.
func ownFlags(n *kong.Node) []*kong.Flag {
	var flags []*kong.Flag
	for ; n != nil && n.Type == kong.CommandNode; n = n.Parent {
		flags = append(flags, n.Flags...)
	}
	return flags
}

func options(b *bytes.Buffer, flags []*kong.Flag) {
	b.WriteString("| option | environment variable | default | |\n|---|---|---|---|\n")
	for _, f := range flags {
		if f.Name == "help" {
			continue
		}
		name := "--" + f.Name
		if !f.IsBool() {
			name += "=" + placeholder(f)
		}
		if f.Short != 0 {
			name = fmt.Sprintf("-%c, %s", f.Short, name)
		}
		standard := ""
		switch {
		case f.Required:
			standard = "none: it must be given"
		case f.HasDefault && !strings.Contains(f.Help, "Default:"):
			standard = "`" + f.Default + "`"
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s | %s |\n", name, strings.Join(f.Envs, "`, `"), standard, cell(f.Help))
	}
}

func placeholder(f *kong.Flag) string {
	switch {
	case f.PlaceHolder != "":
		return f.PlaceHolder
	case f.Target.Kind() == reflect.Int:
		return "N"
	case f.Target.Type() == reflect.TypeFor[time.Duration]():
		return "DURATION"
	default:
		return "TEXT"
	}
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(s) }

func TestTheCommandsPageIsUpToDate(t *testing.T) {
	const published = "../../docs/reference/commands.md"
	want, err := commandsPage()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(published, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is old: run go generate ./...\n%s", published, diff)
	}
}

// An option that is not explained is of no use to anybody.
func TestEveryOptionIsExplained(t *testing.T) {
	var c commands
	parser, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(false) {
		if !strings.HasSuffix(leaf.Help, ".") {
			t.Errorf("%s is not explained in a sentence: %q", leaf.FullPath(), leaf.Help)
		}
		for _, arg := range leaf.Positional {
			if !strings.HasSuffix(arg.Help, ".") {
				t.Errorf("%s %s is not explained in a sentence: %q", leaf.FullPath(), arg.Summary(), arg.Help)
			}
		}
		for _, group := range leaf.AllFlags(false) {
			for _, f := range group {
				if f.Name != "help" && (!strings.HasSuffix(f.Help, ".") || len(f.Envs) != 1) {
					t.Errorf("%s --%s: help %q, environment %v: want a sentence and one variable", leaf.FullPath(), f.Name, f.Help, f.Envs)
				}
			}
		}
	}
}
