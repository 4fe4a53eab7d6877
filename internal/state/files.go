package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seatrial/internal/atomicfile"
	"seatrial/internal/exit"
	"seatrial/internal/lazyregexp"
)

// instanceForm is what NewInstance makes, with room for names that were written by hand.
var instanceForm = lazyregexp.New(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)

// Instance is the name of this installation, which every label carries. It is drawn
// once; where the file is there and says nothing, that is an error: a new name would
// leave everything that was made under the old one to nobody.
func (f Folder) Instance() (string, error) {
	if _, err := f.Root(); err != nil {
		return "", err
	}
	path := f.Path(instanceFile)
	err := atomicfile.Create(path, []byte(NewInstance("")+"\n"), 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", unusable(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", exit.Errorf(exit.Configuration, "cannot read the name of this installation: %w: %s", err, remedy(path))
	}
	name := strings.TrimSpace(string(text))
	if !instanceForm.MatchString(name) {
		return "", exit.Errorf(exit.Configuration, "%s does not hold the name of an installation: %s", path, remedy(path))
	}
	return name, nil
}

func remedy(path string) string {
	return "put it back from a backup, or, if nothing of the earlier runs is left, remove " + path + " and a new one is drawn"
}

// NewInstance draws a name.
func NewInstance(prefix string) string {
	b := make([]byte, 6)
	rand.Read(b)
	return prefix + hex.EncodeToString(b)
}

// WriteAddress lets programs on this machine find the server.
func (f Folder) WriteAddress(url string) error {
	if err := os.WriteFile(f.Path(addressFile), []byte(url+"\n"), 0o644); err != nil {
		return exit.Errorf(exit.Configuration, "cannot write down where the server is: %w (remove %s: it is made anew)", err, f.Path(addressFile))
	}
	return nil
}

// Address is where the server of this state folder said that it is.
func (f Folder) Address() (string, error) {
	text, err := os.ReadFile(f.Path(addressFile))
	if err != nil {
		return "", err
	}
	address := strings.TrimSpace(string(text))
	if address == "" {
		return "", fmt.Errorf("%s is empty: start the server again", f.Path(addressFile))
	}
	return address, nil
}

// WebhookFile is where the secrets of a forge's webhooks lie that this program keeps.
func (f Folder) WebhookFile(forge string) string { return filepath.Join(f.Path(WebhookDir), forge) }
