package stage

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"seatrial/harness/run"
	"seatrial/internal/tail"
)

// maxNesting is how deep archives in archives are looked into.
const maxNesting = 4

// content reads a file of the backup to its end and finds out whether it is whole, as
// far as its kind lets that be seen: compressed files, archives, dumps of databases.
// as is the name of what is read now, which tells its kind: without the suffix of what
// it was unpacked from.
func (x *exam) content(name, as string, r io.Reader, depth int) error {
	source := &watched{Reader: r}
	var err error
	kind := strings.ToLower(path.Ext(as))
	switch {
	case depth > maxNesting:
	case kind == ".gz", kind == ".tgz":
		return x.unzip(name, as, r, depth, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case kind == ".zst", kind == ".tzst":
		return x.unzip(name, as, r, depth, func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(largestWindow))
		})
	case kind == ".tar":
		err = x.untar(name, source, depth)
	default:
		err = dumped(name, as, source)
	}
	if _, rest := io.Copy(io.Discard, source); source.failed == nil {
		source.failed = rest
	}
	if source.failed != nil {
		return fmt.Errorf("cannot read %s in the snapshot: %w", name, source.failed)
	}
	return err
}

// unpacked is the name of what a compressed file holds.
func unpacked(name string) string {
	ext := path.Ext(name)
	name = strings.TrimSuffix(name, ext)
	switch strings.ToLower(ext) {
	case ".tgz", ".tzst":
		return name + ".tar"
	}
	return name
}

// unzip reads a compressed file to its end: one that was cut short is no backup.
func (x *exam) unzip(name, as string, r io.Reader, depth int, open func(io.Reader) (io.Reader, error)) error {
	source := &watched{Reader: r}
	var inner error
	plain, err := open(source)
	if err == nil {
		if d, ok := plain.(*zstd.Decoder); ok {
			defer d.Close()
		}
		unzipped := &watched{Reader: io.LimitReader(plain, largestUnzipped)}
		inner = x.content(name, unpacked(as), unzipped, depth+1)
		if err = unzipped.failed; err == nil && unzipped.read == largestUnzipped {
			x.warn(fmt.Sprintf("%s unpacks to more than %d GiB and was not read to its end", name, largestUnzipped>>30))
			return nil
		}
		// A program that failed before a pipe leaves a whole file with nothing in it.
		if err == nil && unzipped.read == 0 && holdsData(as) {
			return &run.Fault{Summary: "the backup is empty where there should be data: " + name + ": 0 bytes unpacked", Hint: lostInPipe}
		}
	}
	switch {
	case source.failed != nil:
		return fmt.Errorf("cannot read %s in the snapshot: %w", name, source.failed)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		x.warn(fmt.Sprintf("%s takes more memory to unpack than there is here, and was not read", name))
		return nil
	case err != nil:
		return &run.Fault{Summary: fmt.Sprintf("the backup holds a compressed file that is not whole: %s", name), Evidence: []string{err.Error()}}
	}
	return inner
}

// untar reads an archive within the backup.
func (x *exam) untar(name string, r io.Reader, depth int) error {
	var found error
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			return &run.Fault{Summary: fmt.Sprintf("the backup holds an archive that is not whole: %s", name), Evidence: []string{err.Error()}}
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		// What a reader of the archive cannot read is the archive's fault: that of what
		// it lies in is noticed there.
		err = x.content(path.Join(name, inside(header.Name)), header.Name, in, depth+1)
		if err != nil && faultIn(err) == nil {
			err = &run.Fault{Summary: fmt.Sprintf("the backup holds an archive that is not whole: %s", name), Evidence: []string{err.Error()}}
			return both(found, err)
		}
		found = both(found, err)
	}
}

// dumps are how programs begin and end what they write of a database.
var dumps = []struct{ begin, end string }{
	{"-- PostgreSQL database dump", "-- PostgreSQL database dump complete"},
	{"-- PostgreSQL database cluster dump", "-- PostgreSQL database cluster dump complete"},
	{"-- MySQL dump", "-- Dump completed"},
	{"-- MariaDB dump", "-- Dump completed"},
	{"PRAGMA foreign_keys=OFF;", "COMMIT;"}, // SQLite's .dump, which ends an incomplete one with ROLLBACK
}

const (
	// A dump says within its first lines what it is, and within its last ones that it is
	// complete.
	headLength = 2 << 10
	tailLength = 4 << 10
	// pg_dump's own format begins with its magic and ends with a number that is zero: the
	// length of the block of data that is none, or the place of one that is not there.
	customMagic = "PGDMP"
	customEnd   = "\x00\x00\x00\x00\x00"
)

// dumped finds a dump that was cut short, and one that holds a complaint instead.
func dumped(name, as string, r io.Reader) error {
	body := bufio.NewReaderSize(r, headLength)
	head, _ := body.Peek(headLength)
	begin, end := dumpOf(head)
	custom := bytes.HasPrefix(head, []byte(customMagic))
	if begin == "" && !custom {
		return complaint(name, as, head, body)
	}
	last := &tail.Buffer{Max: tailLength}
	if _, err := io.Copy(last, body); err != nil {
		return err
	}
	switch {
	case custom && !bytes.HasSuffix(last.Bytes(), []byte(customEnd)):
		return truncated(name, "it begins as a dump in PostgreSQL's custom format and does not end as one")
	case !custom && !hasLine(last.Bytes(), end):
		return truncated(name, fmt.Sprintf("it begins with %q, and %q is not among its last lines", begin, end))
	}
	return nil
}

const lostInPipe = "a dump's exit code is lost in a pipe: set -o pipefail, or dump to a file first"

func truncated(name, why string) error {
	return &run.Fault{Summary: "the backup holds a dump that is not complete: " + name, Evidence: []string{why}, Hint: lostInPipe}
}

// complaint finds a file for SQL without a statement in it: what a program said when it
// could not dump.
func complaint(name, as string, head []byte, body io.Reader) error {
	first, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	if strings.ToLower(path.Ext(as)) != ".sql" || len(first) == 0 || bytes.HasPrefix(first, []byte("--")) || bytes.HasPrefix(first, []byte("/*")) {
		return nil
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if bytes.IndexByte(buffer[:n], ';') >= 0 {
			return nil
		}
		if err == io.EOF {
			return &run.Fault{Summary: "the backup holds a dump without a statement: " + name, Evidence: []string{strings.ToValidUTF8(string(first), "�")}, Hint: lostInPipe}
		}
		if err != nil {
			return err
		}
	}
}

// dumpOf says how a dump begins and has to end; nothing if it is none.
func dumpOf(head []byte) (begin, end string) {
	for line := range strings.Lines(string(head)) {
		line = strings.TrimSpace(line)
		for _, d := range dumps {
			if rest, ok := strings.CutPrefix(line, d.begin); ok && (rest == "" || rest[0] == ' ') {
				return d.begin, d.end
			}
		}
		// mariadb-dump begins with a comment of its own.
		if line != "" && line != "--" && !strings.HasPrefix(line, "/*") {
			break
		}
	}
	return "", ""
}

// hasLine says whether a line begins so.
func hasLine(text []byte, begin string) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(begin)) {
			return true
		}
	}
	return false
}

// watched remembers that it could not be read, which is not the fault of what is in it.
type watched struct {
	io.Reader
	read   int64
	failed error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.read += int64(n)
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}
