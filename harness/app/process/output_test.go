package process

import (
	"io"
	"testing"
	"time"
)

// However late a busy machine reads, what a command printed before it ended is kept, also
// where somebody it left running holds its output open.
func TestWhatWasPrintedIsKeptHoweverLateItIsRead(t *testing.T) {
	busy, first := make(chan struct{}), make(chan struct{}, 2)
	out, write, err := newOutput(true, func(string) {
		first <- struct{}{}
		<-busy
	})
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer out.close()
	if _, err := io.WriteString(write, "first\n"); err != nil {
		t.Fatal(err)
	}
	<-first
	if _, err := io.WriteString(write, "second\nand the last"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { close(busy) })
	out.drain()
	if got := out.kept(); got != "first\nsecond\nand the last" {
		t.Errorf("kept %q", got)
	}
}
