package secrets

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
)

// Holder holds a secret that may be replaced while the program runs. It is safe
// for concurrent use.
type Holder struct {
	path  string
	files *Files            // nil: it does not come from a file
	check func(Value) error // nil: every value will do
	value atomic.Pointer[Value]
}

// Hold returns a holder of a value that does not come from a file.
func Hold(v Value) *Holder {
	h := &Holder{}
	h.value.Store(&v)
	return h
}

// HoldFile returns a holder of the secret in a file. A final line break is dropped. An
// empty file is an error. The warning, if any, says that others may read the file.
func HoldFile(path string) (h *Holder, warning string, err error) {
	h = Hold(Value{})
	h.path = path
	if h.files, err = Open("secret", h.use, path); err != nil {
		return nil, "", err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		warning = fmt.Sprintf("%s can be read by others: chmod 600 %s", path, path)
	}
	return h, warning, nil
}

// use takes what stands in the file.
func (h *Holder) use(texts [][]byte) error {
	text := strings.TrimRight(string(texts[0]), "\r\n")
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("cannot use the secret in %s: the file is empty", h.path)
	}
	v := New(text)
	if h.check != nil {
		if err := h.check(v); err != nil {
			return err
		}
	}
	h.value.Store(&v)
	return nil
}

// Require has the value checked, now and whenever the file was read again: one that
// does not pass never takes the place of another. Call it before the holder is shared.
func (h *Holder) Require(check func(Value) error) error {
	h.check = check
	return check(h.Get())
}

// Get is the value as it is now.
func (h *Holder) Get() Value { return *h.value.Load() }

// Look reads the file again and says whether the value changed, as Files.Look does.
func (h *Holder) Look(log *slog.Logger) (changed bool) {
	if h.files == nil || !h.files.Look(log) {
		return false
	}
	log.Info("a secret was replaced", "file", h.path, "from", Redacted, "to", Redacted)
	return true
}
