// Package sparse carries files with holes through tar streams without their zeros.
//
// An entry of such a file holds its data, one stretch after the other, and a record
// that says where each belongs. The record passes through Go's reader and writer of tar
// as it is; a reader that does not know it sees the data alone. A record that
// contradicts itself is an error, never other content.
package sparse

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	record = "SEATRIAL.sparse" // size, then offset and length of each stretch of data
	// maxRecord is what a record may take of the mebibyte that Go reads of all of an
	// entry's. A file in more pieces is written whole.
	maxRecord = 256 << 10
)

// Data is a stretch of a file that is no hole.
type Data struct{ Offset, Length int64 }

// Find lists a file's data. ok is false where it has no holes, or where they cannot be told.
func Find(f *os.File, size int64) (found []Data, ok bool) {
	fd := int(f.Fd())
	var at, filled int64
	for at < size {
		start, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if err == unix.ENXIO || err == nil && start >= size {
			break // nothing but a hole up to the end
		}
		if err != nil {
			return nil, false
		}
		end, err := unix.Seek(fd, start, unix.SEEK_HOLE)
		if err != nil {
			return nil, false
		}
		end = min(end, size)
		found, filled, at = append(found, Data{start, end - start}), filled+end-start, end
	}
	return found, filled < size
}

// Describe makes the header one of a sparse file. The entry's content is the stretches.
// It says no, and changes nothing, where there are too many of them.
func Describe(h *tar.Header, size int64, stretches []Data) bool {
	text := strconv.AppendInt(nil, size, 10)
	var packed int64
	for _, d := range stretches {
		text = strconv.AppendInt(append(text, ' '), d.Offset, 10)
		text = strconv.AppendInt(append(text, ' '), d.Length, 10)
		packed += d.Length
		if len(text) > maxRecord {
			return false
		}
	}
	if h.PAXRecords == nil {
		h.PAXRecords = map[string]string{}
	}
	h.PAXRecords[record], h.Size = string(text), packed
	return true
}

// Size is the size of an entry's file, with its holes. What its record says is not checked.
func Size(h *tar.Header) int64 {
	text, ok := h.PAXRecords[record]
	if !ok {
		return h.Size
	}
	first, _, _ := strings.Cut(text, " ")
	size, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return h.Size
	}
	return size
}

// Parse reads an entry's record. sparse is false for an entry without one.
func Parse(h *tar.Header) (size int64, stretches []Data, sparse bool, err error) {
	text, ok := h.PAXRecords[record]
	if !ok || h.Typeflag != tar.TypeReg {
		return h.Size, nil, false, nil
	}
	fields := strings.Fields(text)
	numbers := make([]int64, len(fields))
	for i, field := range fields {
		if numbers[i], err = strconv.ParseInt(field, 10, 64); err != nil || numbers[i] < 0 {
			return 0, nil, true, fmt.Errorf("its record of holes says %q", field)
		}
	}
	if len(numbers)%2 == 0 {
		return 0, nil, true, errors.New("its record of holes is cut off")
	}
	size = numbers[0]
	var end, packed int64
	for i := 1; i < len(numbers); i += 2 {
		d := Data{numbers[i], numbers[i+1]}
		if d.Offset < end || d.Length > size-d.Offset {
			return 0, nil, true, errors.New("its record of holes contradicts itself")
		}
		end, packed = d.Offset+d.Length, packed+d.Length
		stretches = append(stretches, d)
	}
	if packed != h.Size {
		return 0, nil, true, fmt.Errorf("its record of holes speaks of %d bytes, and there are %d", packed, h.Size)
	}
	return size, stretches, true, nil
}

// Reader gives an entry's content with its holes as zeros.
func Reader(h *tar.Header, r io.Reader) (io.Reader, error) {
	size, stretches, sparse, err := Parse(h)
	if err != nil || !sparse {
		return r, err
	}
	var parts []io.Reader
	var at int64
	for _, d := range stretches {
		parts = append(parts, io.LimitReader(zeros{}, d.Offset-at), io.LimitReader(r, d.Length))
		at = d.Offset + d.Length
	}
	return io.MultiReader(append(parts, io.LimitReader(zeros{}, size-at))...), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
