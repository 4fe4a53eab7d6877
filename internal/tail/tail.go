// Package tail keeps the end of what is written to it. What came before is forgotten, so
// that whoever writes does not decide how much memory it takes.
package tail

import "strings"

// Buffer keeps the last Max bytes. It never fails, and is not safe for concurrent use.
type Buffer struct {
	Max  int
	kept []byte
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[max(0, len(p)-b.Max):]...)
	if extra := len(b.kept) - b.Max; extra > 0 {
		b.kept = append(b.kept[:0], b.kept[extra:]...)
	}
	return len(p), nil
}

// Bytes are those that were kept, until the next write.
func (b *Buffer) Bytes() []byte { return b.kept }

// String is what was kept as text: what is not UTF-8 in it is replaced.
func (b *Buffer) String() string { return strings.ToValidUTF8(string(b.kept), "\uFFFD") }
