package sparse

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is described and packed reads as the file did.
func TestReaderGivesTheFileBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file, packed []byte
		var stretches []Data
		for i := range rapid.IntRange(0, 6).Draw(t, "stretches") {
			file = append(file, make([]byte, rapid.IntRange(0, 40).Draw(t, "hole"))...)
			data := bytes.Repeat([]byte{byte(i + 1)}, rapid.IntRange(0, 40).Draw(t, "data"))
			stretches = append(stretches, Data{int64(len(file)), int64(len(data))})
			file, packed = append(file, data...), append(packed, data...)
		}
		file = append(file, make([]byte, rapid.IntRange(0, 40).Draw(t, "end"))...)
		h := &tar.Header{Name: "file", Typeflag: tar.TypeReg}
		if !Describe(h, int64(len(file)), stretches) || h.Size != int64(len(packed)) || Size(h) != int64(len(file)) {
			t.Fatalf("described as %d of %d bytes: %v", h.Size, Size(h), h.PAXRecords)
		}
		r, err := Reader(h, bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, file) {
			t.Errorf("read %v, %v; want %v", got, err, file)
		}
	})
}

func TestARecordThatContradictsItselfIsAnError(t *testing.T) {
	for _, text := range []string{"", "10 0", "x", "-1", "10 -1 5", "10 0 11", "10 5 5 0 5", "10 0 4", "9223372036854775807 9223372036854775807 5"} {
		h := &tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: 5, PAXRecords: map[string]string{record: text}}
		if _, err := Reader(h, strings.NewReader("12345")); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestAFileInTooManyPiecesIsNotDescribed(t *testing.T) {
	h := &tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: 5}
	if Describe(h, 1<<40, make([]Data, maxRecord)) || h.PAXRecords != nil || h.Size != 5 {
		t.Errorf("described: %d bytes, %d records", h.Size, len(h.PAXRecords))
	}
}
