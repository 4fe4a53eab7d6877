package cli

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"seatrial/bridge/forges"
	"seatrial/bridge/hook"
	"seatrial/internal/atomicfile"
	"seatrial/internal/exit"
	"seatrial/internal/state"
)

type webhookCommand struct {
	Secret webhookSecretCommand `cmd:"" help:"Print the secret that a forge's webhooks are signed with, and make it if there is none."`
}

type webhookSecretCommand struct {
	Forge     string `help:"The forge's id." default:"gitea" placeholder:"ID"`
	New       bool   `help:"Make a new one. Webhooks signed with the previous one are accepted too, until --forget-old."`
	ForgetOld bool   `help:"Forget all secrets but the newest: webhooks signed with an older one are turned away from then on."`
}

func (webhookSecretCommand) Help() string {
	return "Only the secret is printed to standard output. It is kept in the state folder, where only its owner can read it: " +
		"run this as the user that seatrial serve runs as. A running server reads it again when it changes; only the first secret of a forge needs a restart."
}

func (c *webhookSecretCommand) Run(g *Globals, s streams) error {
	if !forges.IsID(c.Forge) {
		return exit.Errorf(exit.Usage, "%q is not a forge's id: it is one word, and stands in the addresses of webhooks", c.Forge)
	}
	if _, err := g.folder().Own(state.WebhookDir); err != nil {
		return err
	}
	path := g.folder().WebhookFile(c.Forge)
	all, err := changeSecrets(path, c.New, c.ForgetOld)
	if err != nil {
		return exit.Errorf(exit.Configuration, "cannot keep the webhooks' secret: %w", err)
	}
	fmt.Fprintln(s.Out, all[0])
	if c.New && len(all) > 1 {
		fmt.Fprintf(s.Err, "Put it into the forge's webhooks, which go to %s. Then run: seatrial webhook secret --forget-old --forge %s\n", hook.Path(c.Forge), c.Forge)
	}
	return nil
}

// changeSecrets reads a file of secrets, one a line, and changes what is asked for. Where
// there is none, it makes one. It returns what the file holds then, the newest first.
func changeSecrets(path string, fresh, forgetOld bool) (all []string, err error) {
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all = strings.Fields(string(text))
	before := len(all)
	if fresh || before == 0 {
		all = append([]string{newSecret()}, all...)
	}
	if forgetOld {
		all = all[:1]
	}
	if len(all) == before && !fresh {
		return all, nil
	}
	return all, atomicfile.Write(path, []byte(strings.Join(all, "\n")+"\n"), 0o600)
}

// newSecret is 32 random bytes in base64url.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
