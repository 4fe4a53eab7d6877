package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seatrial/bridge/forge"
)

// hide makes the repository one that strangers cannot read.
func (s *stage) hide() error {
	world, ok := s.world.(interface {
		SetPrivate(r forge.Repo, private bool) error
	})
	if !ok {
		return errors.New("nothing is private on this forge")
	}
	return world.SetPrivate(s.repo, true)
}

// privateCopy is an error unless the repository's copy lies where only the bridge's user
// may look, and no file in the state folder has the token.
func (s *stage) privateCopy() error {
	private := filepath.Join(s.state, "private")
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s: %v, %v", private, info, err)
	}
	if _, err := os.Stat(filepath.Join(private, "gitea", s.org, s.recipe+".git", "HEAD")); err != nil {
		return err
	}
	return filepath.WalkDir(s.state, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
			return nil // a run's files go at its end
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if strings.Contains(string(text), s.token) {
			err = fmt.Errorf("%s has the token", path)
		}
		return err
	})
}
