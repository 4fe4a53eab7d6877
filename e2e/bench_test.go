package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/internal/must"
)

// The benchmarks take the figures of docs/reference/benchmarks.md: ratios and counts,
// each taken in one go on one machine. `make bench` runs them all, once each, and
// prints them as a table. They assert nothing about time: a figure that is not as
// wanted is said, and that is all. They use the program itself, built here or named
// by SEATRIAL_BENCH_BINARY.

// bound is what is wanted of a figure.
type bound struct {
	sign  string // "<=", ">=" or "="
	limit float64
}

func (w bound) met(value float64) bool {
	switch w.sign {
	case "<=":
		return value <= w.limit
	case ">=":
		return value >= w.limit
	}
	return value == w.limit
}

// figure reports one line of the table. Without a bound it is only told.
func figure(b *testing.B, measure, unit string, value float64, wanted *bound) {
	b.Helper()
	said, verdict := "", ""
	if wanted != nil {
		said, verdict = fmt.Sprintf("%s %g", wanted.sign, wanted.limit), "ok"
		if !wanted.met(value) {
			verdict = "NOT OK"
		}
	}
	shown := fmt.Sprintf("%.2f", value)
	if value == float64(int64(value)) {
		shown = fmt.Sprintf("%d", int64(value))
	}
	b.ReportMetric(value, strings.ReplaceAll(unit, " ", "-"))
	row(b, benchTable, measure, shown+" "+unit, said, verdict)
}

// benchTable names a file to which the figures are added.
const benchTable = "SEATRIAL_BENCH_TABLE"

// row appends a row to the table that a variable of the environment names, if one does.
func row(b testing.TB, variable string, cells ...string) {
	b.Helper()
	path := os.Getenv(variable)
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if _, err := fmt.Fprintln(file, strings.Join(cells, "\t")); err != nil {
		b.Fatal(err)
	}
}

// benchmarked is the program that the figures are of.
func benchmarked(b *testing.B) string {
	b.Helper()
	if path := os.Getenv("SEATRIAL_BENCH_BINARY"); path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			b.Fatal(err)
		}
		return abs
	}
	path := filepath.Join(b.TempDir(), "seatrial")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	return path
}

// needPrograms skips a benchmark where something that it compares with is missing.
func needPrograms(b *testing.B, names ...string) {
	b.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		must.Have(b, "bench", err == nil, fmt.Sprintf("%s is missing: dev/prepare bench installs it", name))
	}
}
