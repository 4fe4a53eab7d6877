package stage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

func packedBy(t *testing.T, content string, open func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zstded(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return z
}

func tarOf(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestContentThatIsNotWhole(t *testing.T) {
	const (
		cluster = "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict x\n" + goodDump + "--\n-- PostgreSQL database cluster dump complete\n--\n\n"
		mysql   = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost\n\nCREATE TABLE t (a int);\n-- Dump completed on 2026-01-02  3:04:05\n"
		maria   = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.4.2-MariaDB, for Linux (x86_64)\n--\n\nCREATE TABLE t (a int);\n-- Dump completed\n"
		custom  = "PGDMP\x01\x0f\x00\x04\x08\x01data\x01\x02\x00\x00\x00\x00\x00"
	)
	long := strings.Repeat("INSERT INTO t VALUES (1);\n", 2000)
	cut := func(s string, n int) string { return s[:len(s)-n] }
	const dump, packed, archived = "a dump that is not complete: ", "a compressed file that is not whole: ", "an archive that is not whole: "
	for name, c := range map[string]struct{ file, content, want string }{
		"pg_dump":                         {"d.sql", goodDump, ""},
		"pg_dump, cut":                    {"d.sql", cutDump, dump + "v/d.sql"},
		"long, cut":                       {"d.sql", cutDump + long, dump + "v/d.sql"},
		"long":                            {"d.sql", strings.Replace(goodDump, "CREATE", long+"CREATE", 1), ""},
		"whatever its name":               {"backup", cutDump, dump + "v/backup"},
		"two dumps, the second one cut":   {"d.sql", goodDump + long + cutDump + long, dump + "v/d.sql"},
		"pg_dumpall":                      {"d.sql", cluster, ""},
		"pg_dumpall, cut after a dump":    {"d.sql", "--\n-- PostgreSQL database cluster dump\n--\n" + goodDump, dump + "v/d.sql"},
		"mysqldump":                       {"d.sql", mysql, ""},
		"mysqldump, cut":                  {"d.sql", cut(mysql, 45), dump + "v/d.sql"},
		"mariadb-dump":                    {"d.sql", maria, ""},
		"mariadb-dump, cut":               {"d.sql", cut(maria, 20), dump + "v/d.sql"},
		"statements of somebody's":        {"init.sql", "CREATE TABLE t (a int);\n-- MySQL dump is another thing\n", ""},
		"a comment about dumps":           {"notes.sql", "-- MySQL dumps are made at night\n", ""},
		"pg_dump -Fc":                     {"d.dump", custom, ""},
		"pg_dump -Fc, cut":                {"d.dump", cut(custom, 3), dump + "v/d.dump"},
		"gzip":                            {"d.sql.gz", packedBy(t, goodDump, zipped), ""},
		"gzip, cut":                       {"d.sql.gz", cut(packedBy(t, goodDump, zipped), 9), packed + "v/d.sql.gz"},
		"a whole gzip of a cut dump":      {"d.sql.gz", packedBy(t, cutDump, zipped), dump + "v/d.sql.gz"},
		"zstd":                            {"d.sql.zst", packedBy(t, goodDump, zstded), ""},
		"zstd, cut":                       {"d.sql.zst", cut(packedBy(t, goodDump, zstded), 3), packed + "v/d.sql.zst"},
		"a whole zstd of a cut dump":      {"d.sql.zst", packedBy(t, cutDump, zstded), dump + "v/d.sql.zst"},
		"no zstd":                         {"d.zst", "text", packed + "v/d.zst"},
		"tar":                             {"d.tar", tarOf(t, "d.sql", goodDump), ""},
		"tar, cut":                        {"d.tar", tarOf(t, "d.sql", goodDump+long)[:3000], archived + "v/d.tar"},
		"a tar of a cut dump":             {"d.tar", tarOf(t, "x/d.sql", cutDump), dump + "v/d.tar/x/d.sql"},
		"a tar of a cut gzip":             {"d.tar", tarOf(t, "d.gz", cut(packedBy(t, "x", zipped), 5)), packed + "v/d.tar/d.gz"},
		"a packed tar":                    {"d.tgz", packedBy(t, tarOf(t, "d.sql", goodDump), zipped), ""},
		"a packed tar of a cut dump":      {"d.tar.zst", packedBy(t, tarOf(t, "d.sql", cutDump), zstded), dump + "v/d.tar.zst/d.sql"},
		"a packed tar, cut":               {"d.tar.gz", cut(packedBy(t, tarOf(t, "d.sql", goodDump+long), zipped), 20), packed + "v/d.tar.gz"},
		"a packed tar that was cut first": {"d.tgz", packedBy(t, tarOf(t, "d.sql", goodDump+long)[:3000], zipped), archived + "v/d.tgz"},
		"nothing":                         {"empty", "", ""},
		"sqlite3 .dump":                   {"d.sql", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (a);\nCOMMIT;\n", ""},
		"sqlite3 .dump, with errors":      {"d.sql", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (a);\nROLLBACK; -- due to errors\n", dump + "v/d.sql"},
		"a packed log of nothing":         {"today.log.gz", packedBy(t, "", zipped), ""},
		"a complaint, packed":             {"d.sql.gz", packedBy(t, "mysqldump: Got error: 1045", zipped), "a dump without a statement: v/d.sql.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exam{Job: Job{Events: &log{}, Log: slog.New(slog.DiscardHandler)}, warned: map[string]bool{}}
			in := strings.NewReader(c.content)
			err := x.content("v/"+c.file, c.file, in, 0)
			if c.want == "" && err != nil || c.want != "" && (faultIn(err) == nil || faultIn(err).Summary != "the backup holds "+c.want) {
				t.Errorf("got %v", err)
			}
			if c.want == "" && in.Len() > 0 {
				t.Errorf("%d bytes were not read", in.Len())
			}
		})
	}
}

// A snapshot that cannot be read is no fault of what it holds.
func TestContentThatCannotBeReadIsOurError(t *testing.T) {
	for file, content := range map[string]string{
		"d.sql": goodDump, "d.gz": packedBy(t, goodDump, zipped), "d.zst": packedBy(t, goodDump, zstded), "d.tar": tarOf(t, "d.sql", goodDump),
		"d.tgz": packedBy(t, tarOf(t, "d.sql", goodDump), zipped), "plain": "text",
	} {
		x := &exam{Job: Job{Events: &log{}}, warned: map[string]bool{}}
		for n := range len(content) {
			err := x.content(file, file, io.MultiReader(strings.NewReader(content[:n]), iotest.ErrReader(errors.New("the disk is gone"))), 0)
			if err == nil || faultIn(err) != nil || !strings.Contains(err.Error(), "the disk is gone") {
				t.Fatalf("%s after %d bytes: %v", file, n, err)
			}
		}
	}
}
